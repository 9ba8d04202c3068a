# What every script of ours says in the same way. Source it.
# shellcheck shell=bash

die() { printf 'voiced: %s\n' "$*" >&2; exit 1; }

# Print the comment at the head of a script.
show_help() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$1"; }
