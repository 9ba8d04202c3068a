#!/usr/bin/env bash
# Build the disk of a virtual Raspberry Pi: build-image.sh SUITE FOLDER SDISTS
#
# FOLDER gets rootfs.ext4, vmlinuz, initrd.img, pi.dtb, an ssh key, and wheels/: the wheels that only
# that machine can build, from the source archives in the folder SDISTS. Everything else comes from this
# machine's own Debian mirror. Called by images.py, which caches FOLDER by the hash of this file and what
# else goes into it. Runs as root: arm64 programs run under qemu-user, the kernel is unpacked natively.
set -euo pipefail

suite=$1
out=$(realpath "$2")
sdists=$(realpath "$3")
cpus=4
memory_mib=1024
disk=4G

packages=(
  # what Raspberry Pi OS Lite has too
  systemd systemd-sysv systemd-resolved udev dbus kmod iproute2 iputils-ping ca-certificates openssh-server
  python3 python3-venv python3-pip gcc libc6-dev python3-dev alsa-utils usbutils gpiod procps less e2fsprogs
  sudo wpasupplicant rsync
  # what scripts/install would fetch: tests without a package mirror need it
  python3-numpy python3-yaml python3-systemd libasound2-dev
  # what scenarios need: another radio, a network that delays, the initial ramdisk
  hostapd iw busybox-static zstd python3-setuptools python3-wheel
)

root=$out/root
rm -rf "$root"
mountpoint -q /proc/sys/fs/binfmt_misc || mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
[[ -e /proc/sys/fs/binfmt_misc/qemu-aarch64 ]] || update-binfmts --enable qemu-aarch64
[[ -e $out/key ]] || ssh-keygen -q -t ed25519 -N '' -f "$out/key" -C virtual-pi

mirror=$(grep -rhoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | head -n 1 | tr -d ' ' || true)
mirror=${mirror%/}
[[ -n $mirror ]] || { echo "this machine has no Debian mirror in its apt sources"; exit 1; }
cat >"$out/sources.list" <<END
deb $mirror $suite main
deb $mirror $suite-updates main
deb $mirror-security $suite-security main
END

overlay=$out/overlay
mkdir -p "$overlay/etc/systemd/network" "$overlay/root/.ssh"
cp "$out/key.pub" "$overlay/root/.ssh/authorized_keys"
chmod 700 "$overlay/root/.ssh"
# The first card is for looking in, and has no route; the second is the Internet.
cat >"$overlay/etc/systemd/network/10-looking-in.network" <<END
[Match]
MACAddress=52:54:00:00:00:01
[Network]
Address=10.0.9.15/24
LinkLocalAddressing=no
IPv6AcceptRA=no
END
cat >"$overlay/etc/systemd/network/20-internet.network" <<END
[Match]
MACAddress=52:54:00:00:00:02
[Network]
DHCP=ipv4
LinkLocalAddressing=no
IPv6AcceptRA=no
END

cat >"$out/customize.sh" <<'END'
#!/bin/sh
set -e
root=$1 sdists=$2
echo raspberrypi >"$root/etc/hostname"
echo "127.0.1.1 raspberrypi" >>"$root/etc/hosts"
echo "/dev/vda / ext4 defaults,noatime 0 1" >"$root/etc/fstab"
chroot "$root" systemctl enable systemd-networkd systemd-resolved ssh
chroot "$root" systemctl mask hostapd.service wpa_supplicant.service apt-daily.timer apt-daily-upgrade.timer \
  e2scrub_all.timer man-db.timer dpkg-db-backup.timer fstrim.timer systemd-networkd-wait-online.service
chroot "$root" ssh-keygen -A
chroot "$root" useradd -m -s /bin/bash -G audio,video,dialout,plugdev pi
mkdir -p "$root/etc/ssh/sshd_config.d" "$root/etc/systemd/journald.conf.d"
printf 'PermitRootLogin yes\nUseDNS no\n' >"$root/etc/ssh/sshd_config.d/virtual-pi.conf"
printf '[Journal]\nStorage=persistent\nForwardToConsole=no\n' >"$root/etc/systemd/journald.conf.d/virtual-pi.conf"
cp -r "$sdists" "$root/sdists"
chroot "$root" sh -c 'python3 -m pip wheel --quiet --no-index --no-deps --no-build-isolation --wheel-dir /wheels /sdists/*'
mv "$root/wheels" "$root/.." && rm -r "$root/sdists"
END
cat >"$out/fetch-kernel.sh" <<END
#!/bin/sh
set -e
cd "$out"
rm -f linux-image-*.deb
export APT_CONFIG=\$MMDEBSTRAP_APT_CONFIG
name=\$(apt-cache show linux-image-arm64:arm64 | sed -n 's/^Depends:.*\(linux-image-[0-9][^ ,]*\).*/\1/p' | head -n 1)
apt-get -q download "\$name:arm64"
END
chmod +x "$out/customize.sh" "$out/fetch-kernel.sh"

rm -rf "$out/wheels"
mmdebstrap --quiet --mode=root --architectures=arm64 --variant=apt --include="$(IFS=,; echo "${packages[*]}")" \
  --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
  --aptopt='Acquire::Languages "none"' --aptopt='APT::Install-Recommends "false"' \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/bin/py3compile' --dpkgopt='force-unsafe-io' \
  --essential-hook="cp -r --no-preserve=ownership $overlay/. \"\$1\"/" \
  --customize-hook="$out/customize.sh \"\$1\" $sdists" \
  --customize-hook="$out/fetch-kernel.sh" \
  "$suite" "$root" "$out/sources.list"

dpkg-deb --fsys-tarfile "$out"/linux-image-*.deb | tar -C "$root" --keep-directory-symlink --exclude='./usr/share/doc*' -xf -
kernel=$(ls "$root/lib/modules")
depmod -b "$root" "$kernel"
cp -L "$root"/boot/vmlinuz-* "$out/vmlinuz"

ramdisk=$out/ramdisk
rm -rf "$ramdisk"
mkdir -p "$ramdisk"/{bin,dev,proc,sys,new,mod}
cp "$root/bin/busybox" "$ramdisk/bin/"
: >"$ramdisk/mod/order"
for module in virtio_pci virtio_blk crc32c_generic ext4; do
  while read -r file; do
    name=$(basename "${file%%.ko*}").ko
    ! grep -qx "$name" "$ramdisk/mod/order" || continue
    case $file in *.xz) xz -dc "$file" ;; *.zst) zstd -qdc "$file" ;; *) cat "$file" ;; esac >"$ramdisk/mod/$name"
    echo "$name" >>"$ramdisk/mod/order"
  done < <(modprobe -d "$root" -S "$kernel" --show-depends $module 2>/dev/null | awk '$1 == "insmod" { print $2 }')
done
cat >"$ramdisk/init" <<'END'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc p /proc
mount -t sysfs s /sys
mount -t devtmpfs d /dev
for module in $(cat /mod/order); do insmod /mod/$module 2>/dev/null; done
for i in $(seq 100); do [ -b /dev/vda ] && break; sleep 0.1; done
mount -t ext4 -o rw,noatime /dev/vda /new || exec sh
umount /sys /proc
mount --move /dev /new/dev
exec switch_root /new /sbin/init "$@"
END
chmod +x "$ramdisk/init"
(cd "$ramdisk" && find . | cpio -o -H newc --quiet | zstd -q) >"$out/initrd.img"

# QEMU's own "virt" board, named as a Raspberry Pi, with its GPIO chip freed from the power button
qemu-system-aarch64 -M virt,gic-version=2,dumpdtb="$out/pi.dtb" -cpu cortex-a72 -smp $cpus -m $memory_mib \
  -display none -nodefaults 2>/dev/null
fdtput -r "$out/pi.dtb" /gpio-keys
fdtput -c "$out/pi.dtb" /system
fdtput -t x "$out/pi.dtb" /system linux,revision 902120
fdtput -t x "$out/pi.dtb" /system linux,serial 0 12345678
fdtput -t s "$out/pi.dtb" / model "Raspberry Pi Zero 2 W Rev 1.0 (virtual)"
fdtput -t s "$out/pi.dtb" /pl061@9030000 gpio-line-names ID_SDA ID_SCL GPIO2 GPIO3 GPIO4 GPIO5 GPIO6 GPIO7

rm -f "$out/rootfs.ext4"
mkfs.ext4 -q -F -d "$root" "$out/rootfs.ext4" $disk
rm -rf "$root" "$ramdisk" "$overlay" "$out"/linux-image-*.deb
