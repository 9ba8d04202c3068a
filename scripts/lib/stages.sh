# Stages that run beside each other. Source it.
#
#   begin NAME COMMAND...   start a stage in the background: a program or a shell function
#   finish [NAME...]        wait for these stages, or for all; print what has ended
#   times                   print how long each took
#
# Each stage prints its own block, whole, in the order of `begin`, with its duration. The first that fails
# stops the others, is printed last, and ends the script with 1.
# shellcheck shell=bash

_blocks=$(mktemp -d)
_names=()             # in the order of begin
declare -A _pid=() _began=() _took=()
_n_printed=0
mkfifo "$_blocks/.ended" # each stage writes its exit code and its name
exec {_ended}<>"$_blocks/.ended"
trap '_end_stages' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

begin() {
  local name=$1
  shift
  _names+=("$name")
  _began[$name]=$SECONDS
  set -m # a process group of its own, so that all of a stage can be stopped
  _run "$name" "$@" >"$_blocks/$name" 2>&1 &
  set +m
  _pid[$name]=$!
}

_run() {
  local name=$1
  shift
  set +e
  (
    exec {_ended}>&-
    set -e
    "$@"
  )
  echo "$? $name" >&"$_ended"
}

finish() {
  local name
  (($#)) || set -- "${_names[@]}"
  for name in "$@"; do
    while [[ -z ${_took[$name]:-} ]]; do _await_any; done
  done
}

# Give way to everything else on this machine: what waits for a moment is not to wait for this.
at_leisure() {
  chrt --idle --pid 0 "$BASHPID" 2>/dev/null || renice --priority 19 "$BASHPID" >/dev/null
  "$@"
}

times() {
  local name
  for name in "${_names[@]}"; do printf '%6s s  %s\n' "${_took[$name]:-}" "$name"; done
}

_await_any() {
  local status name gone
  until read -r -t 2 status name <&"$_ended"; do
    gone=$(_without_process) || continue
    # It may have told its end meanwhile; one that was killed tells nothing.
    read -r -t 0.1 status name <&"$_ended" || { status=killed name=$gone; }
    break
  done
  [[ $status == 0 ]] || _fail "$name"
  unset "_pid[$name]"
  _took[$name]=$((SECONDS - _began[$name]))
  _print_ended
}

_without_process() {
  local name
  for name in "${!_pid[@]}"; do
    kill -0 "${_pid[$name]}" 2>/dev/null || { echo "$name" && return; }
  done
  return 1
}

_print_ended() {
  local name
  while ((_n_printed < ${#_names[@]})); do
    name=${_names[$_n_printed]}
    [[ -n ${_took[$name]:-} ]] || return 0
    _print "$name" "${_took[$name]} s"
    _n_printed=$((_n_printed + 1))
  done
}

_print() {
  printf '\n== %s (%s)\n' "$1" "$2"
  cat "$_blocks/$1"
}

_fail() {
  local failed=$1 name
  unset "_pid[$failed]"
  _stop_all
  for name in "${_names[@]:$_n_printed}"; do
    [[ $name == "$failed" ]] && continue
    if [[ -n ${_took[$name]:-} ]]; then
      _print "$name" "${_took[$name]} s"
    else
      _print "$name" "stopped after $((SECONDS - _began[$name])) s: another one failed"
    fi
  done
  _print "$failed" "FAILED after $((SECONDS - _began[$failed])) s"
  exit 1
}

# Ask first: tests take away what they started. Then kill what is left.
_stop_all() {
  local pid signal asked_s
  for signal in INT TERM KILL; do
    for pid in "${_pid[@]}"; do kill -"$signal" -- "-$pid" 2>/dev/null || true; done
    asked_s=$SECONDS
    while ((SECONDS < asked_s + 10)); do
      pgrep -g "$(IFS=,; echo "${_pid[*]:-0}")" >/dev/null || return 0
      sleep 0.1
    done
  done
}

_end_stages() {
  ((${#_pid[@]} == 0)) || _stop_all
  rm -rf "$_blocks"
}
