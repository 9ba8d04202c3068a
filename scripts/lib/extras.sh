# What the settings of a command need beyond the rest: a checkout brings it by itself, locked like all else.
# shellcheck shell=bash

# shellcheck source=scripts/lib/setup.sh
[[ -v venv ]] || source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/setup.sh"

# Bring the extras that the settings name which these arguments of voiced name: bring_extras [ARGUMENT...]
bring_extras() {
  [[ ! -e $venv/.ready-test ]] || return 0 # the tests have them all
  local extras
  extras=$("$venv/bin/python" "$root/scripts/lib/extras.py" "$@") || return 0
  [[ -n $extras ]] || return 0
  has_extras "$extras" && return
  (install_extras "$extras") 9<"$root/pyproject.toml"
}

# Has this environment these extras, by the locks as they are now? has_extras EXTRAS
has_extras() {
  local done=$venv/.ready-extras extra
  [[ $(head -n 1 "$done" 2>/dev/null) == "$(stamp)" ]] || return 1
  for extra in $1; do
    grep -qx "$extra" "$done" || return 1
  done
}

install_extras() {
  local words=${1//$'\n'/, } extra what
  flock 9
  has_extras "$1" && return
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  say "the settings need more Python packages ($words): installing them into .venv"
  if ! fetch_extras "$1"; then
    what=$(refused "$log") && die "refused: the package index gave another $what than the lock names (scripts/locks)"
    tail -n 5 "$log" >&2
    say "they cannot be installed now; going on without"
    return
  fi
  [[ $(head -n 1 "$venv/.ready-extras" 2>/dev/null) == "$(stamp)" ]] || stamp >"$venv/.ready-extras"
  for extra in $1; do echo "$extra"; done >>"$venv/.ready-extras"
}

fetch_extras() {
  local extra more=()
  if ! covered "$venv/bin/python"; then
    ranges_install "[${1//$'\n'/,}]"
    return
  fi
  for extra in $1; do
    case $extra in
      mcp) more+=(-r "$locks/device-mcp.txt") ;;
      socks) only python-socks "$locks/test.txt" >"$venv/socks.txt"; more+=(-r "$venv/socks.txt") ;;
    esac
  done
  patiently "$log" by_index "$venv/bin/python" install -r "$locks/device.txt" "${more[@]}"
}
