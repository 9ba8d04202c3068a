# What a version on a device is made of, and how its folder is filled. Source it after device.sh and locked.sh.
#
# `from` is a wheel, a folder of wheels, or nothing: this checkout.
# shellcheck shell=bash disable=SC2154  # the names of device.sh, and `from`

scratch=$opt/scratch # on the disk: a small board has little memory

# The wheel to install; none means this checkout.
wheel() {
  if [[ -d ${from:-} ]]; then
    find "$from" -maxdepth 1 -name 'voiced-*.whl' | sort -V | tail -n 1
  elif [[ ${from:-} == */voiced-*.whl ]]; then
    echo "$from"
  fi
}

# What the Python packages will be made of, in one word: the same word is the same installation.
name_version() {
  local version sum
  if [[ -n $from ]]; then
    version=$(basename "$(wheel)" | cut -d- -f2)
    sum=$({ if [[ -d $from ]]; then cat "$from"/*.whl; else cat "$from"; fi; } | sha256sum)
  else
    version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' "$home/../daemon/voiced/__init__.py")
    sum=$(cd "$home/.." && find daemon config scripts/locks ./*/README.md ./*.md pyproject.toml LICENSE -type f -not -name '*.pyc' -print0 |
      sort -z | xargs -0 sha256sum | sha256sum)
  fi
  sum=$({ echo "$sum"; extras; python3 -VV; } | sha256sum)
  echo "$version-${sum:0:12}"
}

# What goes with it: the client for MCP servers, 40 MB of memory, only where the settings name one.
extras() {
  local files=("$settings"/voiced.yaml "$settings"/conf.d/*.yaml)
  if grep -qsE '^mcp[[:space:]]*:' "${files[@]}"; then echo device,mcp; else echo device; fi
}

has_wheel() { [[ -d $from ]] && compgen -G "$from/$1-*.whl" >/dev/null; }

# A folder is installed as somebody made it, or not at all.
check_folder() {
  [[ -s $from/locked.txt ]] ||
    die "refused: $from has no locked.txt that names its wheels and their hashes; make the folder with scripts/package"
  local odd
  ! odd=$(odd_wheel "$from") ||
    die "refused: $odd in $from is not what locked.txt names; make the folder again with scripts/package"
}

# Fill the folder of a version: a virtual environment that sees the system's packages.
make_version() {
  local folder=$versions/$1 log=$scratch/log what
  [[ ! -e $folder/complete ]] || return 0
  say "installing Python packages into $folder (a minute or two)"
  rm -rf "$folder" "$scratch"
  mkdir -p "$versions" "$scratch/wheels"
  trap leave_nothing EXIT
  find_locks
  say_where_from
  python3 -m venv --without-pip --system-site-packages "$folder"
  patiently "$log" put_packages "$folder/bin/python" || {
    rm -rf "$folder"
    what=$(refused "$log") &&
      die "refused: the package index gave another $what than the lock names ($lock); nothing was changed"
    tail -n 20 "$log" >&2
    die "pip failed; its last lines are above. Is the network up, and the clock right?"
  }
  touch "$folder/complete"
}

leave_nothing() {
  rm -rf "$scratch"
  rmdir "$versions" "$opt" 2>/dev/null || true
}

# A wheel, alone or in a folder, carries the locks that it was tested with.
find_locks() {
  lock=scripts/locks/device.txt
  [[ -n $from ]] || return 0
  locks=$scratch
  unpack_locks "$(wheel)" "$locks"
  lock="device.txt of $(basename "$(wheel)")"
  [[ -s $locks/device.txt ]] || die "refused: $(wheel) carries no lock; make it again with scripts/package"
}

# A folder has all that the lock of its wheel names, or it is refused: nothing comes from elsewhere unsaid.
say_where_from() {
  if [[ -f $from ]]; then
    say "a wheel holds no libraries: they come from the package index, by the hashes of the lock in it"
  elif [[ -d $from ]]; then
    local name
    for name in $(lacking "$locks/device.txt"); do
      die "refused: $from has no wheel of $name, which its lock names; make the folder again with scripts/package"
    done
    ! lacks_client || say "the settings name MCP servers, and $from has no client for them (scripts/package --mcp):" \
      "it comes from the package index, by the lock"
  fi
}

# Print what a lock names for this Python and a folder's list does not.
lacking() {
  local named
  named=$(pins_for "$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')" python3 "$1" | sed -n 's/^\([^ ]*\)==.*/\1/p') ||
    die "pip of this system cannot read the lock"
  comm -23 <(in_one_spelling <<<"$named") <(sed -n 's/==.*//p' "$from/locked.txt" | in_one_spelling)
}

# Wheels spell names with _ where packages have - or a dot.
in_one_spelling() { tr 'A-Z_.' 'a-z--' | sort -u; }

# Only the client for MCP servers may come from the index although there is a folder: the settings ask for it later.
lacks_client() { [[ -d $from && $(extras) == *mcp* ]] && ! has_wheel mcp; }

put_packages() {
  local python=$1 wanted=("$locks/device.txt")
  export PIP_NO_CACHE_DIR=1 # root's would only fill the disk
  [[ $(extras) != *mcp* ]] || wanted+=("$locks/device-mcp.txt")
  if [[ -d $from ]]; then
    put_folder "$python" "$from" || return
    lacks_client || return 0
    wanted=("$locks/device-mcp.txt")
  fi
  gather "$scratch" "${wanted[@]}" || return
  if [[ -f $from ]]; then
    cp "$from" "$scratch/wheels"
  elif [[ -z $from ]]; then
    pip_for "$scratch/builder/bin/python" wheel --no-index --no-deps --no-build-isolation \
      --wheel-dir "$scratch/wheels" "$home/.." || return
  fi
  put_wheels "$python" "$scratch/wheels"/*.whl
}
