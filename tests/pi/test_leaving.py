"""The end: nothing is left behind."""

SYSTEMS_OWN = {f"/etc/{name}-" for name in ("passwd", "group", "shadow", "gshadow")} | {
    "/etc/.pwd.lock"
}
"""Copies of the lists of users that their programs make."""


def test_an_uninstalled_device_is_as_before(installed):
    guest = installed.pi.guest
    said = guest("/srv/voiced/scripts/uninstall")
    assert "still there" in said
    guest(
        "test -s /etc/voiced/voiced.yaml && test -s /etc/voiced/api-key && test -d /var/lib/voiced"
    )
    for unit in ("voiced.service", "voiced-programs.service", "voiced-programs.socket"):
        guest(
            f"mkdir -p /etc/systemd/system/{unit}.d; touch /etc/systemd/system/{unit}.d/mine.conf"
        )
    guest("/srv/voiced/scripts/uninstall --purge")
    found = installed.everything()
    more = sorted(line for line in found - installed.fresh if line not in SYSTEMS_OWN)
    installed.measured(
        "--purge",
        f"{len(found)} files, users and groups compared: {more or 'none'} more than before",
    )
    assert more == []
    left = guest(
        "find / -xdev -iname '*voiced*' -not -path '/srv/*' -not -path '/proc/*' -not -path '/sys/*' "
        "-not -path '/var/log/*' -not -path '/tmp/*' 2>/dev/null; "
        "getent passwd voiced; getent group voiced; systemctl list-unit-files voiced.service --no-legend; "
        "pgrep -f '[v]oiced/versions' || true"
    )
    installed.measured("uninstall", f"left behind: {left.strip() or 'nothing'}")
    assert left.strip() == ""
