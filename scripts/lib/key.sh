# The agent's key: one copy on the device, for root alone, plain or encrypted. Source it after device.sh.
# shellcheck shell=bash disable=SC2154  # the names of device.sh, and the options of install

is_encrypted() { [[ -e $encrypted_key ]]; }

has_key() { [[ -s $key ]] || is_encrypted; }

# Can the file that was named be a key's?
check_key_file() {
  [[ $encrypt != yes ]] || command -v systemd-creds >/dev/null || die "this system has no systemd-creds: leave out --encrypt-key"
  [[ -n $key_file && $key_file != - ]] || return 0
  [[ -f $key_file && -s $key_file ]] || die "$key_file is not a file with a key in it"
  [[ ! $key_file -ef $key.new ]] || die "$key_file is the file that the key is written to at first: give it another name"
  [[ $(wc -l <"$key_file") -le 1 ]] || die "$key_file has more than one line: a key has only one"
}

# Put the key where it belongs, if one is given. Prints a word if anything changed.
# It goes through no other file than the one that takes the place of the old one, and is on no command line.
put_key() {
  local new=$key.new typed=
  [[ -n $encrypt ]] || ! is_encrypted || encrypt=yes
  mkdir -p "$settings"
  trap 'rm -f "$key.new" "$encrypted_key.new"' EXIT # of the subshell that this runs in
  if [[ -z $key_file && -t 0 ]] && ! has_key; then
    read -rsp "voiced: the agent's API key (Enter to give it later): " typed
    echo >&2
  elif [[ $key_file == - ]]; then
    read -r typed || [[ -n $typed ]] || die "standard input has no key"
  fi
  install -m 600 /dev/null "$new"
  if [[ -n $typed ]]; then
    printf '%s\n' "$typed" >"$new"
  elif [[ -n $key_file ]]; then
    cat "$key_file" >"$new" || die "$key_file cannot be read"
  elif is_encrypted; then
    decrypted >"$new" || die "$encrypted_key cannot be decrypted on this machine: give the key with --key-file"
  elif [[ -e $key ]]; then
    cat "$key" >"$new" || die "$key cannot be read"
  fi
  if [[ $encrypt == yes ]]; then keep_encrypted "$new"; else keep_plain "$new"; fi
}

keep_plain() {
  if is_encrypted; then
    rm -f "$encrypted_key" "$key_drop_in"
    rmdir "$(dirname "$key_drop_in")" 2>/dev/null || true
    echo key
  fi
  ! cmp -s "$1" "$key" || [[ $(stat -c %a "$key") != 600 ]] || return 0
  mv -f "$1" "$key"
  echo key
}

keep_encrypted() {
  [[ -s $1 ]] || die "there is no key to encrypt: name it with --key-file"
  if ! is_encrypted || ! cmp -s "$1" <(decrypted); then
    quietly systemd-creds encrypt --name=api-key "$1" "$encrypted_key.new" || die "systemd-creds cannot encrypt the key here"
    chmod 600 "$encrypted_key.new"
    mv -f "$encrypted_key.new" "$encrypted_key"
    echo key
  fi
  rm -f "$key"
  # An empty line takes back the unit's own: it would not start without that file.
  local text=$'[Service]\nLoadCredential=\nLoadCredentialEncrypted=api-key:'$encrypted_key
  [[ $(cat "$key_drop_in" 2>/dev/null) != "$text" ]] || return 0
  mkdir -p "$(dirname "$key_drop_in")"
  printf '%s\n' "$text" >"$key_drop_in.new"
  mv -f "$key_drop_in.new" "$key_drop_in"
  echo key
}

decrypted() { systemd-creds decrypt --name=api-key "$encrypted_key" -; }

# A key that was given in a file is in its place now: that file would be a second copy, and so would what a link leads to.
forget_key_file() {
  [[ -n $key_file && $key_file != - && ! $key_file -ef $key ]] || return 0
  local file names
  file=$(realpath "$key_file" 2>/dev/null) || file=$key_file
  names=$(stat -c %h "$file" 2>/dev/null) || names=1
  if rm -f "$file" "$key_file" 2>/dev/null; then
    say "the key has moved: $key_file is gone"
    ((names == 1)) || say "but that file has another name as well (a hard link), under which the key is still there"
  else
    say "the key is in its place, but $file cannot be removed: it is a second copy"
  fi
}
