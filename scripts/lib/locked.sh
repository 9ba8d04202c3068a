# Installing by the lock: pip takes only files whose hash a lock names. Source it after words.sh.
#
# A lock holds everything, so pip looks for no dependencies. Nor may it fetch what builds a package, for that would come
# from a range: build.txt is installed first, and builds run beside it. Our own code has no hash: it goes in by itself.
# shellcheck shell=bash

# The locks of this checkout; what is installed from a wheel is installed by those that the wheel carries.
locks=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../locks

built_from_source=pyalsaaudio,systemd-python # the only packages without a wheel

# Is this where the locks hold? covered PYTHON
covered() {
  case $(uname -m) in x86_64 | aarch64) ;; *) return 1 ;; esac
  "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'
}

# Run pip for a Python, its own or the system's: pip_for PYTHON VERB [OPTION...]
pip_for() {
  local pip=("$1" -m pip) verb=$2
  [[ -x $(dirname "$1")/pip ]] || pip=(python3 -m pip --python "$1")
  shift 2
  "${pip[@]}" "$verb" --quiet --disable-pip-version-check --timeout 60 "$@"
}

# Let pip take what the locks name and nothing else: by_hash PYTHON VERB [OPTION...] -r LOCK...
by_hash() {
  local python=$1 verb=$2
  shift 2
  pip_for "$python" "$verb" --require-hashes --no-deps --no-build-isolation --use-pep517 "$@"
}

# The same from the package index: by_index PYTHON VERB [OPTION...] -r LOCK...
by_index() {
  local python=$1 verb=$2 kinds=()
  shift 2
  # A wheel that is another than in the lock shall not make pip try the source instead.
  ! covered "$python" || kinds=(--only-binary :all: --no-binary "$built_from_source")
  by_hash "$python" "$verb" "${kinds[@]}" "$@"
}

# Fill a virtual environment with what a lock names, and with ours: fill PYTHON LOCK [OPTION...] OURS
fill() {
  local python=$1 lock=$2
  shift 2
  by_index "$python" install -r "$locks/build.txt" &&
    by_index "$python" install -r "$lock" &&
    pip_for "$python" install --no-index --no-deps --no-build-isolation "$@"
}

# Get a wheel of everything that locks name, built where there is none: gather FOLDER LOCK...
# They come into FOLDER/wheels; what builds them comes into an environment beside it, and is in no one's way.
gather() {
  local wheels=$1/wheels python=$1/builder/bin/python
  rm -rf "$1/builder"
  python3 -m venv --without-pip "$1/builder" || return
  shift
  by_index "$python" install -r "$locks/build.txt" &&
    by_index "$python" wheel --wheel-dir "$wheels" "${@/#/--requirement=}"
}

# Install wheels as they lie there: put_wheels PYTHON WHEEL...
put_wheels() {
  local python=$1
  shift
  # Of what the system has as well, the device gets its own: the system's may change.
  pip_for "$python" install --no-index --no-deps --ignore-installed "$@"
}

# Install what a folder of wheels has, by its own list: put_folder PYTHON FOLDER
put_folder() {
  by_hash "$1" install --no-index --ignore-installed --only-binary :all: --find-links "$2" -r "$2/locked.txt"
}

# Write that list: the version and the hash of every wheel in a folder.
list_folder() {
  local wheel name version
  for wheel in "$1"/*.whl; do
    IFS=- read -r name version _ <<<"$(basename "$wheel")"
    echo "$name==$version --hash=sha256:$(sha256sum <"$wheel" | cut -d' ' -f1)"
  done >"$1/locked.txt"
}

# Print the first wheel of a folder that is not as its list says, or is not there; fail if all is right.
odd_wheel() {
  local sums wheel name hash
  sums=$(sha256sum "$1"/*.whl)
  while read -r hash wheel; do
    grep -q "sha256:$hash" "$1/locked.txt" || { basename "$wheel"; return; }
  done <<<"$sums"
  while read -r name hash; do
    [[ $sums == *"${hash#--hash=sha256:}"* ]] || { echo "$name"; return; }
  done <"$1/locked.txt"
  return 1
}

# Take the locks out of a wheel of voiced: unpack_locks WHEEL FOLDER
unpack_locks() {
  python3 - "$@" <<'END'
import pathlib, sys, zipfile
wheel, folder = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        if "/share/voiced/locks/" in name:
            pathlib.Path(folder, pathlib.PurePath(name).name).write_bytes(archive.read(name))
END
}

# Print what a lock names for one version of Python, without conditions: pins_for VERSION PYTHON LOCK...
# pip, asked for another Python's packages, still weighs conditions by its own.
pins_for() {
  local version=$1 python=$2
  shift 2
  cat "$@" | "$python" -c '
import sys
from pip._vendor.packaging.markers import Marker
place = {"python_version": sys.argv[1], "python_full_version": sys.argv[1] + ".0"}
for line in sys.stdin:
    if line[0] != " ":
        pin, _, marker = line.removesuffix("\\\n").rstrip().partition(" ; ")
        wanted = pin[0] != "#" and (not marker or Marker(marker).evaluate(place))
        line = pin + " \\\n"
    if wanted:
        print(line, end="")' "$version"
}

# Print a lock without one package: without NAME LOCK
without() { awk -v name="$1==" '/^[^ ]/ { out = index($0, name) == 1 } !out' "$2"; }

# Print one package of a lock: only NAME LOCK
only() { awk -v name="$1==" '/^[^ ]/ { out = index($0, name) == 1 } out' "$2"; }

# If pip's words are that a file has another hash, print which, as "NAME VERSION": refused LOG
refused() {
  sed -n '/DO NOT MATCH THE HASHES/,$s/^ \{4\}\([A-Za-z0-9._-]*\)==\([^ ]*\) .*/\1 \2/p' "$1" | head -n 1 | grep .
}

# Run what may take long, and once more if a download breaks; what it says is in LOG: patiently LOG COMMAND...
patiently() {
  local log=$1
  shift
  "$@" >"$log" 2>&1 </dev/null 9<&- && return
  ! refused "$log" >/dev/null && "$@" >"$log" 2>&1 </dev/null 9<&-
}
