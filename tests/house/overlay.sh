#!/bin/sh
# Install and purge voiced in a copy of this machine that is thrown away: overlay.sh FOLDER ROOT
#
# FOLDER becomes a file system in memory, in a mount namespace of its own: FOLDER/up is what differs from this machine.
# What needs systemd, apt or an index is a stub, or there already; everything else is the real script.
set -eu
folder=$1 root=$2
mount -t tmpfs none "$folder"
mkdir "$folder/up" "$folder/work" "$folder/all"
mount -t overlay none -o "lowerdir=/,upperdir=$folder/up,workdir=$folder/work" "$folder/all"
mount --rbind /proc "$folder/all/proc"
mount --rbind /dev "$folder/all/dev"
mount --bind "$root" "$folder/all/mnt"

stubs=$folder/all/stubs
mkdir -p "$stubs" "$folder/all/run/systemd/system"
for name in systemctl udevadm journalctl; do printf '#!/bin/sh\nexit 0\n' >"$stubs/$name"; done
printf '#!/bin/sh\ncase $1 in -W) echo installed ;; *) exit 1 ;; esac\n' >"$stubs/dpkg-query"
chmod +x "$stubs"/*

cat >"$stubs/all" <<'END'
set -eu
export PATH=/stubs:$PATH
cd /mnt
name=$(bash -c 'source scripts/lib/device.sh; source scripts/lib/version.sh; from=; name_version')
mkdir -p "/opt/voiced/versions/$name/bin"
ln -s /bin/true "/opt/voiced/versions/$name/bin/voiced"
touch "/opt/voiced/versions/$name/complete"
umask 077
echo "$KEY" >/stubs/kept-elsewhere
ln -s kept-elsewhere /stubs/key
bash scripts/install --key-file /stubs/key --screen </dev/null
ls -d /stubs/key 2>/dev/null || true
END
stage() { env -i PATH="$PATH" KEY="$KEY" chroot "$folder/all" sh "/stubs/$1"; }
changed() { (cd "$folder/up" && find . -path ./stubs -prune -o -printf '%y %p\n' | sort); }

# A device has these groups: systemd makes them.
printf 'for name in video render input; do getent group $name >/dev/null || groupadd --system $name; done\n' >"$stubs/groups"
stage groups
for file in passwd group; do cp "$folder/all/etc/$file" "$stubs"; done
stage all
echo "== installed"
changed
echo "== with the key"
grep -rl "$KEY" "$folder/up" | sed "s|^$folder/up||"

# The same key, encrypted; it has to be found again by who may decrypt it.
cat >"$stubs/encrypt" <<'END'
set -eu
export PATH=/stubs:$PATH
cd /mnt
bash scripts/install --encrypt-key </dev/null >/dev/null 2>&1
systemd-creds decrypt --name=api-key /etc/voiced/api-key.cred - | sed 's/^/decrypted: /'
END
echo "== encrypted"
stage encrypt
grep -rl "$KEY" "$folder/up" --exclude-dir=stubs | sed "s|^$folder/up||"

# What comes with use.
cat >"$stubs/use" <<'END'
set -eu
for unit in $(ls /etc/systemd/system | grep -x 'voiced.*\.\(service\|socket\)'); do
  for place in /etc/systemd/system /etc/systemd/system.control /run/systemd/system.control; do
    mkdir -p "$place/$unit.d"
    echo '[Service]' >"$place/$unit.d/override.conf"
  done
  mkdir -p /etc/systemd/system/multi-user.target.wants
  ln -sf "/etc/systemd/system/$unit" /etc/systemd/system/multi-user.target.wants/
done
mkdir -p /var/lib/voiced /var/lib/voiced-screen/.config /run/voiced /run/voiced-screen /etc/voiced/conf.d
touch /var/lib/voiced/settings.json /run/voiced/control.sock /run/voiced-programs.sock /etc/voiced/conf.d/mine.yaml
# What is left where an installation was cut off.
for file in /etc/voiced/api-key /opt/voiced/current /etc/systemd/system/voiced.service /etc/sysusers.d/voiced.conf \
  /etc/udev/rules.d/60-voiced.rules; do touch "$file.new"; done
END
stage use
printf 'PATH=/stubs:$PATH\ncd /mnt\nbash scripts/uninstall --purge\n' >"$stubs/purge"
stage purge >/dev/null
echo "== left"
changed
echo "== users"
for file in passwd group; do
  diff "$stubs/$file" "$folder/all/etc/$file" || true
done
