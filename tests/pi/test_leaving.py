"""The end: nothing is left behind."""


def test_an_uninstalled_device_is_as_before(installed):
    guest = installed.pi.guest
    said = guest("/srv/voiced/scripts/uninstall")
    assert "still there" in said
    guest(
        "test -s /etc/voiced/voiced.yaml && test -s /etc/voiced/api-key && test -d /var/lib/voiced"
    )
    guest("/srv/voiced/scripts/uninstall --purge")
    left = guest(
        "find / -xdev -iname '*voiced*' -not -path '/srv/*' -not -path '/proc/*' -not -path '/sys/*' "
        "-not -path '/var/log/*' -not -path '/tmp/*' 2>/dev/null; "
        "getent passwd voiced; getent group voiced; systemctl list-unit-files voiced.service --no-legend; "
        "pgrep -f '[v]oiced/versions' || true"
    )
    installed.measured("uninstall", f"left behind: {left.strip() or 'nothing'}")
    assert left.strip() == ""
