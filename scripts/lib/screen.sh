# The page on this device's own screen: a browser that shows nothing else. Source it after device.sh.
# shellcheck shell=bash disable=SC2034,SC2154  # whoever sources this uses the names; device.sh has the others

screen_unit=/etc/systemd/system/voiced-kiosk.service
screen_sysusers=/etc/sysusers.d/voiced-kiosk.conf
screen_settings=$settings/conf.d/screen.yaml

# cage shows one program on a screen without a desktop; Raspberry Pi OS and Debian call the browser differently.
screen_packages() {
  echo cage xwayland fonts-noto-core fonts-noto-cjk
  if has_package chromium-browser || ! apt-cache show chromium >/dev/null 2>&1; then
    echo chromium-browser
  else
    echo chromium
  fi
}

# Put everything there and show the page. Prints nothing if nothing changed.
put_screen() {
  local shipped=$1 changed=
  put "$shipped/voiced-kiosk.sysusers" $screen_sysusers 644 && changed=yes
  put "$shipped/voiced-kiosk.service" $screen_unit 644 && changed=yes
  if [[ -n $changed ]]; then
    quietly systemd-sysusers $screen_sysusers
    systemctl daemon-reload
  fi
  if ! grep -qsE '^kiosk:' "$settings/voiced.yaml" "$settings"/conf.d/*.yaml; then
    mkdir -p "$settings/conf.d"
    printf '# Written by install --screen.\nkiosk: {}\n' >"$screen_settings.new"
    mv "$screen_settings.new" "$screen_settings"
    changed=yes
  fi
  systemctl is-enabled --quiet voiced-kiosk || quietly systemctl enable voiced-kiosk
  [[ -n $changed ]] || ! systemctl is-active --quiet voiced-kiosk || return 0
  say "the page will appear on the screen"
  systemctl restart --no-block voiced-kiosk
}

# Bring this version's unit to a device that shows the page already.
renew_screen() {
  [[ -e $screen_unit ]] || return 0
  put "$1/voiced-kiosk.service" $screen_unit 644 || return 0
  systemctl daemon-reload
  systemctl try-restart --no-block voiced-kiosk
}

remove_screen() {
  [[ -e $screen_unit ]] || return 0
  quietly systemctl disable --now voiced-kiosk || true
  rm -f $screen_unit $screen_sysusers "$screen_settings"
  systemctl start getty@tty1 2>/dev/null || true
}
