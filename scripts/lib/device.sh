# Where things are on a device, and the steps that install and uninstall share. Source it.
#
# The same files serve a checkout (scripts/install) and the Debian package (/usr/lib/voiced/install).
# shellcheck shell=bash disable=SC2034  # whoever sources this uses the names

home=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd -P) # scripts/, or /usr/lib/voiced
# shellcheck source=scripts/lib/words.sh
source "$home/lib/words.sh"

opt=/opt/voiced
versions=$opt/versions
current=$opt/current
settings=/etc/voiced
state=/var/lib/voiced
command_link=/usr/local/bin/voiced
key=$settings/api-key
encrypted_key=$settings/api-key.cred
units=/etc/systemd/system
unit=$units/voiced.service
unit_names=(voiced.service voiced-programs.service voiced-programs.socket)
key_drop_in=$unit.d/api-key.conf
made_group=$settings/.made-group-gpio # there was no such group before: --purge may remove it
sysusers=/etc/sysusers.d/voiced.conf
rules=/etc/udev/rules.d/60-voiced.rules
ready_within=90

say() { printf 'voiced: %s\n' "$*"; }

# Run a command that may take long; show what it said only if it fails.
quietly() {
  local log
  log=$(mktemp)
  if ! "$@" >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}

# Put a file where it belongs, unless the very same is there: put SOURCE PLACE MODE
put() {
  cmp -s "$1" "$2" && [[ $(stat -c %a "$2") == "$3" ]] && return 1
  mkdir -p "$(dirname "$2")"
  install -m "$3" "$1" "$2.new"
  mv -f "$2.new" "$2"
}

# Point the current version at another one, in one step.
point_at() {
  ln -sfn "$1" "$current.new"
  mv -fT "$current.new" "$current"
}

current_version() { [[ ! -L $current ]] || basename "$(readlink "$current")"; }

is_active() { systemctl is-active --quiet voiced; }
