# Installing by the lock: pip takes only files whose hash a lock names. Source it after words.sh.
#
# A lock holds everything, so pip looks for no dependencies. Nor may it fetch what builds a package, for that would come
# from a range: build.txt is installed first, and builds run beside it. Our own code has no hash: it goes in by itself.
# shellcheck shell=bash

# scripts/locks; in the Debian package they are in its lib.
locks=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../locks" && pwd -P)

built_from_source=pyalsaaudio,systemd-python # the only packages without a wheel

# Is this where the locks hold? covered PYTHON
covered() {
  case $(uname -m) in x86_64 | aarch64) ;; *) return 1 ;; esac
  "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'
}

# Run pip for a Python, its own or the system's: pip_for PYTHON VERB [OPTION...]
pip_for() {
  local pip=("$1" -m pip) verb=$2
  "$1" -c 'import pip' 2>/dev/null || pip=(python3 -m pip --python "$1")
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

# Print a lock without one package: without NAME LOCK
without() { awk -v name="$1==" '/^[^ ]/ { out = index($0, name) == 1 } !out' "$2"; }

# If pip's words are that a file has another hash, print which, as "NAME VERSION": refused LOG
refused() {
  sed -n '/DO NOT MATCH THE HASHES/,$s/^ \{4\}\([A-Za-z0-9._-]*\)==\([^ ]*\) .*/\1 \2/p' "$1" | head -n 1 | grep .
}
