#!/usr/bin/env bash
# On the virtual Pi: put simulated Wi-Fi between it and the Internet: wifi-up.sh [down]
#
# Two radios of mac80211_hwsim: an access point in a network namespace of its own, bridged to the card that
# leads to the Internet, and the Pi's station with WPA2.
set -euo pipefail
in_ap=(ip netns exec ap)

if [[ ${1:-} == down ]]; then
  pkill -x wpa_supplicant || true
  pkill -x hostapd || true
  "${in_ap[@]}" ip link set eth1 nomaster || true
  "${in_ap[@]}" ip link set eth1 netns 1 || true
  ip netns del ap || true
  rm -f /run/systemd/network/30-wlan.network
  sleep 0.5
  modprobe -r mac80211_hwsim || true
  ip link set eth1 up
  networkctl reload
  exit
fi

modprobe mac80211_hwsim radios=2
for _ in $(seq 50); do [[ -e /sys/class/net/wlan1 ]] && break; sleep 0.2; done
ip netns add ap
iw phy "$(cat /sys/class/net/wlan1/phy80211/name)" set netns name ap
ip link set eth1 netns ap
"${in_ap[@]}" ip link add br0 type bridge
"${in_ap[@]}" ip link set eth1 master br0
for card in eth1 br0 lo; do "${in_ap[@]}" ip link set $card up; done
cat >/run/hostapd.conf <<END
interface=wlan1
bridge=br0
driver=nl80211
ssid=home
hw_mode=g
channel=1
wpa=2
wpa_key_mgmt=WPA-PSK
rsn_pairwise=CCMP
wpa_passphrase=virtualpi
END
"${in_ap[@]}" hostapd -B /run/hostapd.conf
mkdir -p /run/systemd/network
printf '[Match]\nName=wlan0\n[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n' >/run/systemd/network/30-wlan.network
networkctl reload
cat >/run/wpa.conf <<END
ctrl_interface=/run/wpa_supplicant
network={
 ssid="home"
 psk="virtualpi"
}
END
wpa_supplicant -B -i wlan0 -c /run/wpa.conf
for _ in $(seq 80); do ip -4 -o address show wlan0 | grep -q inet && exit; sleep 0.25; done
echo "no address by Wi-Fi"
exit 1
