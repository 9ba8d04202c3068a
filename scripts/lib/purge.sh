# What --purge takes away on top of what uninstalling does: settings, key, memory, drop-ins of its units, users.
# Plain sh, by absolute paths and without the other files: scripts/package puts it into the package's postrm.
# shellcheck shell=sh

purge_voiced() {
  for folder in /etc/systemd/system /etc/systemd/system.control /run/systemd/system /run/systemd/system.control; do
    for name in voiced.service voiced-programs.service voiced-programs.socket voiced-kiosk.service; do
      # `.new` is what an installation leaves that was cut off.
      rm -rf "${folder:?}/$name" "${folder:?}/$name.new" "${folder:?}/$name.d" "$folder"/*.wants/"$name"
    done
  done
  # The owner's own files beside the settings go with their folder; a group that the system had before stays.
  [ ! -e /etc/voiced/.made-group-gpio ] || groupdel gpio 2>/dev/null || true
  # A command of that name elsewhere is somebody else's.
  case $(readlink /usr/local/bin/voiced) in /opt/voiced/*) rm -f /usr/local/bin/voiced ;; esac
  rm -rf /opt/voiced /etc/voiced /var/lib/voiced /var/lib/voiced-screen
  rm -rf /run/voiced /run/voiced-doctor /run/voiced-screen /run/voiced-programs.sock
  for name in /etc/sysusers.d/voiced.conf /etc/sysusers.d/voiced-kiosk.conf /etc/udev/rules.d/60-voiced.rules; do
    rm -f "$name" "$name.new"
  done
  # The installer makes this folder where the system has none.
  dpkg-query -S /etc/sysusers.d >/dev/null 2>&1 || rmdir /etc/sysusers.d 2>/dev/null || true
  for name in voiced voiced-screen; do
    # The services have ended; what still runs as their user, a check-up that waits say, would keep it.
    ! getent passwd "$name" >/dev/null || ! pkill -KILL -u "$name" 2>/dev/null || sleep 1
    ! getent passwd "$name" >/dev/null || said=$(userdel "$name" 2>&1) || echo "voiced: the user $name stays: $said"
    ! getent group "$name" >/dev/null || said=$(groupdel "$name" 2>&1) || echo "voiced: the group $name stays: $said"
  done
  [ ! -d /run/systemd/system ] || systemctl daemon-reload || true
  rm -f /run/voiced-install.lock
}
