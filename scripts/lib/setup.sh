# Set-up shared by the scripts: system packages, our own virtual environment, and a stamp
# that makes the second run quick. Source it, then call `set_up run` or `set_up test`.
# shellcheck shell=bash

root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd -P)
venv=$root/.venv
# shellcheck source=scripts/lib/words.sh
source "$root/scripts/lib/words.sh"
# shellcheck source=scripts/lib/locked.sh
source "$root/scripts/lib/locked.sh"

# When it is needed, the package, a command or files that show it is there, and why.
#   build: while the virtual environment is filled        test: whenever tests run
#   pi: for the virtual Pi, on top of test                extra: voiced goes on without
packages=(
  "build gcc                gcc                                builds pyalsaaudio, which has no wheel"
  "build libc6-dev          /usr/include/stdlib.h              C headers for the same build"
  "build libasound2-dev     /usr/include/alsa/asoundlib.h      ALSA headers for the same build"
  "build ca-certificates    /etc/ssl/certs/ca-certificates.crt TLS to the agent"
  "extra espeak-ng          espeak-ng                          the voice of the stand-in agent"
  "test  espeak-ng          espeak-ng                          the voices in the tests"
  "test  alsa-utils         /usr/share/sounds/alsa/Front_*.wav recorded human speech for the tests"
  "test  pulseaudio         pulseaudio                         the virtual sound card of the tests"
  "test  pulseaudio-utils   pactl                              controls the virtual sound card"
  "test  libasound2-plugins /usr/lib/*/alsa-lib/*pcm_pulse.so  joins ALSA to the virtual sound card"
  "test  openssl            openssl                            certificates for the TLS tests"
  "test  iproute2           ip                                 networks that fail, for the outage tests"
  "test  libsystemd-dev     /usr/include/systemd/sd-daemon.h   builds systemd-python, which has no wheel"
  "test  chromium           chromium                           shows the page in the tests"
  "test  fonts-noto-core    /usr/share/fonts/truetype/noto/NotoSansArabic-Regular.ttf Arabic and Hebrew on that page"
  "test  fonts-noto-cjk     /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc Chinese and Japanese there"
  "test  mosquitto          mosquitto                          is the broker of the tests"
  "test  prometheus         promtool                           judges the figures for Prometheus"
  "test  systemd            systemd-analyze                    weighs how tight the units are"
  "test  minisign           minisign                           signs settings for the tests"
  "test  libfaketime        /usr/lib/*/faketime/libfaketimeMT.so.1 lets the wall clock jump in the tests"
  "test  pkg-config         pkg-config                         the same build looks for it"
  "test  shellcheck         shellcheck                         checks the shell scripts"
  "pi    mmdebstrap         mmdebstrap                         builds the disk of the virtual Pi"
  "pi    arch-test          arch-test                          tells mmdebstrap that this machine runs such programs"
  "pi    qemu-system-arm    qemu-system-aarch64                is the virtual Pi"
  "pi    qemu-utils         qemu-img                           gives every run a disk of its own"
  "pi    qemu-user-static   qemu-aarch64-static                runs its programs while the disk is built"
  "pi    binfmt-support     update-binfmts                     makes that happen by itself"
  "pi    device-tree-compiler fdtput                           describes its board"
  "pi    e2fsprogs          /sbin/mkfs.ext4                    makes its file system"
  "pi    cpio               cpio                               packs its first ramdisk"
  "pi    kmod               /sbin/depmod                       lists its kernel modules"
  "pi    zstd               zstd                               unpacks them"
  "pi    xz-utils           xz                                 unpacks older ones"
  "pi    openssh-client     ssh                                looks into it"
  "pi    minisign           minisign                           signs the settings it gets from afar"
  "pi    lintian            lintian                            checks the Debian package"
)

# Debian packs ensurepip and Python.h apart; an activated environment must not be made from itself.
python_fits='
import ensurepip, pathlib, sys, sysconfig, venv
headers = pathlib.Path(sysconfig.get_path("include"), "Python.h").exists()
if sys.version_info < (3, 11) or sys.prefix != sys.base_prefix or not headers:
    sys.exit(1)
print(sys.executable)'

say() { printf 'voiced: %s\n' "$*" >&2; }

# Make the machine ready for a job (run or test); costs a few milliseconds when it is.
set_up() {
  is_ready "$1" && return
  (make_ready "$1") 9<"$root/pyproject.toml"
}

make_ready() {
  flock -n 9 || { say "waiting for another set-up of this directory"; flock 9; }
  is_ready "$1" && return
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  install_packages "$1"
  make_venv
  install_project "$1"
}

is_ready() {
  local stage=$1
  [[ $stage == run ]] || stage="test"
  [[ -x $venv/bin/python && $(stamp) == "$(cat "$venv/.ready-$stage" 2>/dev/null)" ]] || return 1
  is_python_asked_for || return 1
  [[ $1 == run || -z $(missing test) ]] || return 1
  [[ $1 != pi || -z $(missing pi) ]]
}

# What the virtual environment depends on: its place, its Python, the dependencies.
stamp() {
  { echo "$venv"; "$venv/bin/python" -V; cat "$root/pyproject.toml" "$locks"/*.txt; } | sha256sum
}

is_python_asked_for() {
  [[ -z ${VOICED_PYTHON:-} || $("$VOICED_PYTHON" -V 2>/dev/null) == "$("$venv/bin/python" -V)" ]]
}

# List the packages of a kind that are not there, as "package why" lines.
missing() {
  local row kind package sign why
  for row in "${packages[@]}"; do
    read -r kind package sign why <<<"$row"
    [[ $kind == "$1" ]] || continue
    if [[ $sign == /* ]]; then compgen -G "$sign"; else command -v "$sign"; fi >/dev/null || echo "$package $why"
  done
}

install_packages() {
  local needed
  needed=$(
    missing build
    [[ $1 == run ]] || missing test
    [[ $1 != pi ]] || missing pi
    find_python >/dev/null || missing_python
  )
  [[ -z $needed ]] || apt_install "$needed" || die "cannot go on without them"
  needed=$(missing extra)
  [[ -z $needed ]] || apt_install "$needed" || say "going on without"
}

missing_python() {
  [[ -z ${VOICED_PYTHON:-} ]] \
    || die "VOICED_PYTHON=$VOICED_PYTHON is not a Python 3.11 or newer with venv, ensurepip and headers"
  echo "python3 runs voiced"
  echo "python3-venv keeps its Python packages apart from the system's"
  echo "python3-dev Python headers to build pyalsaaudio"
}

apt_install() {
  local as_root=() names=() package why
  while read -r package why; do
    names+=("$package")
    say "missing: $package ($why)"
  done <<<"$1"
  if ! command -v apt-get >/dev/null; then
    say "there is no apt-get: install what this system calls ${names[*]}"
    return 1
  fi
  if ((EUID != 0)); then
    as_root=(sudo)
    [[ -t 0 ]] || as_root=(sudo -n)
    if ! command -v sudo >/dev/null || ! "${as_root[@]}" true; then
      say "only root may install packages: run this with sudo, or as root first 'apt-get install ${names[*]}'"
      return 1
    fi
  fi
  say "installing ${names[*]} with apt-get"
  if ! { apt_update; apt_get install -y --no-install-recommends "${names[@]}"; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    say "apt-get failed; its last lines are above"
    return 1
  fi
  quiet_services "${names[@]}"
}

# The tests start programs of their own; what Debian starts by itself is in nobody's interest here.
quiet_services() {
  local name
  for name in mosquitto prometheus; do
    if [[ " $* " == *" $name "* ]]; then
      "${as_root[@]}" systemctl disable --now $name || "${as_root[@]}" service $name stop || true
    fi
  done >/dev/null 2>&1
}

apt_update() {
  [[ -z ${is_updated:-} ]] || return 0
  is_updated=yes
  apt_get update || say "apt-get update failed; going on with the present package lists"
}

apt_get() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" </dev/null 9<&-
}

# Print the newest Python that can carry voiced.
find_python() {
  local names=(python3.13 python3.12 python3.11 python3) name path
  [[ -z ${VOICED_PYTHON:-} ]] || names=("$VOICED_PYTHON")
  for name in "${names[@]}"; do
    while read -r path; do
      "$path" -c "$python_fits" 2>/dev/null && return
    done < <(type -aP "$name")
  done
  return 1
}

make_venv() {
  [[ ! -e $venv || -w $venv ]] || die "cannot write $venv: remove it, or run this as its owner"
  venv_is_sound && return
  local python
  python=$(find_python) || die "no Python 3.11 or newer found: Debian 12 and newer have one"
  say "creating .venv with $python"
  rm -rf "$venv"
  "$python" -m venv "$venv"
}

# Whole, not moved, not orphaned by an upgrade of Python, and of the Python asked for.
venv_is_sound() {
  grep -qsF "$venv/bin/python" "$venv/bin/pip" || return 1
  "$venv/bin/python" -m pip --version >/dev/null 2>&1 && is_python_asked_for
}

install_project() {
  local lock=$locks/run.txt
  [[ $1 == run ]] || lock=$locks/test.txt
  rm -f "$venv"/.ready-*
  say "installing Python packages into .venv (a minute or two, longer on a Pi)"
  if ! covered "$venv/bin/python"; then
    install_by_ranges "$1"
  elif ! install_by_lock "$lock"; then
    without pocketsphinx "$lock" >"$venv/without-pocketsphinx.txt"
    install_by_lock "$venv/without-pocketsphinx.txt" || pip_failed
    say_deaf
  fi
  stamp >"$venv/.ready-run"
  [[ $1 == run ]] || stamp >"$venv/.ready-test"
}

# Install what a lock names, and this checkout.
install_by_lock() {
  local what
  patiently "$log" fill "$venv/bin/python" "$1" --editable "$root" && return
  what=$(refused "$log") || return 1
  die "refused: the package index gave another $what than the lock names (scripts/locks)"
}

# The lock has no packages for other machines and Pythons: there the ranges of pyproject.toml have to do.
install_by_ranges() {
  local dev=""
  [[ $1 == run ]] || dev=",dev"
  say "the lock does not cover $("$venv/bin/python" -V) on $(uname -m): taking what the ranges allow"
  if ! ranges_install "[demo$dev]"; then
    ranges_install "${dev:+[dev]}" || pip_failed
    say_deaf
  fi
}

ranges_install() {
  local options=(--only-binary pocketsphinx) # its build takes long and needs more packages
  options+=(--editable "$root$1")
  patiently "$log" pip_for "$venv/bin/python" install "${options[@]}"
}

pip_failed() {
  tail -n 20 "$log" >&2
  die "pip failed; its last lines are above. Is the network up?"
}

say_deaf() { say "pocketsphinx cannot be installed here: the stand-in agent will not understand, only repeat"; }
