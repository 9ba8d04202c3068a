"""The network goes and comes: the cable, what lies behind it, and real Wi-Fi."""

import time
from pathlib import Path

import pytest

from tests.pi.home import STEP_S, staircase, steps_in

WIFI = Path(__file__).with_name("wifi-up.sh")


@pytest.fixture
def talking(installed):
    """A conversation in which the agent only listens, and somebody climbs a staircase of sound."""
    it = installed
    it.agent.start("--voice", "espeak", "--fault", "silent-agent", "--understanding", "none")
    it.converse()
    it.wait_for("listening", within_s=20)
    yield it
    it.fall_asleep()


AROUND_S = 1.0


def climb(it, for_s):
    it.pi.array.say(staircase(it.folder / f"stairs-{for_s}.wav", for_s))


def check_stairs(it, n_steps, session=-1, *, within=None):
    """Return which steps are missing altogether, how many ms in the others, and whether they are in order.

    Args:
        it: The home.
        n_steps: How many there were.
        session: In which session to look.
        within: Which of the steps count; all by default.
    """
    found = steps_in(it.heard_by_agent(session))
    wanted = set(within or range(1, n_steps + 1))
    missing = sorted(wanted - set(found))
    short_ms = sum(max(0.0, 1000 * STEP_S - ms) for step, ms in found.items() if step in wanted)
    double_ms = sum(max(0.0, ms - 1000 * STEP_S) for step, ms in found.items() if step in wanted)
    in_order = [step for step in found if step in wanted]
    return missing, short_ms, double_ms, in_order == sorted(in_order)


@pytest.mark.parametrize("how", ["cable", "black hole"])
def test_three_seconds_without_network_lose_nothing(talking, how):
    it, seconds = talking, 12
    sessions = it.n_sessions()
    climb(it, seconds)
    time.sleep(3)
    cut(it, how, off=True)
    time.sleep(3)
    since_s = time.time()
    cut(it, how, off=False)
    it.agent.wait("heard", since_s, 20)
    flowing_s = time.time() - since_s
    time.sleep(seconds - 3)
    # A busy host has QEMU's USB drop 59 ms now and then, also when nothing happens: it is about what does.
    accident = range(round((3 - AROUND_S) * 50), round((6 + flowing_s + AROUND_S) * 50))
    missing, short_ms, double_ms, in_order = check_stairs(it, seconds * 50, within=accident)
    it.measured(
        f"3 s without network ({how}), mid-sentence",
        f"sound flows {flowing_s:.1f} s after it is back; same session; {len(missing)} of {len(accident)} "
        f"steps of 20 ms missing, {short_ms:.0f} ms of others, {double_ms:.0f} ms doubled",
    )
    assert it.n_sessions() == sessions
    assert in_order
    assert len(missing) * 20 + short_ms <= 130  # two drops
    assert double_ms <= 200


@pytest.mark.full
def test_a_minute_without_network_ends_in_a_fresh_session(talking):
    it = talking
    sessions = it.n_sessions()
    climb(it, 5)
    cut(it, "cable", off=True)
    it.wait_for("offline")
    time.sleep(60)
    since_s = time.time()
    cut(it, "cable", off=False)
    it.agent.wait("connected", since_s, 30)
    it.wait_for("listening", within_s=20)
    it.measured(
        "60 s without network", f"a fresh session {time.time() - since_s:.1f} s after it is back"
    )
    assert it.n_sessions() == sessions + 1


@pytest.mark.full
def test_real_wifi_is_lost_and_found_again(talking):
    it, guest = talking, talking.pi.guest
    it.fall_asleep()
    guest.write("/srv/wifi-up.sh", WIFI.read_bytes())
    try:
        guest("bash /srv/wifi-up.sh", within_s=120)
        it.converse()
        it.wait_for("listening", within_s=30)
        sessions = it.n_sessions()
        climb(it, 20)
        time.sleep(2)
        guest("pkill -x hostapd")
        at_s = time.monotonic()
        it.wait_for("offline", "connecting", within_s=20)
        lost_s = time.monotonic() - at_s
        since_s = time.time()
        guest("ip netns exec ap hostapd -B /run/hostapd.conf")
        it.agent.wait("heard", since_s, 60)
        it.measured(
            "Wi-Fi deauthenticated",
            f"noticed after {lost_s:.1f} s, sound flows {time.time() - since_s:.1f} s after the access point "
            f"is back, {'same session' if it.n_sessions() == sessions else 'a fresh session'}",
        )
    finally:
        guest("bash /srv/wifi-up.sh down", within_s=60)
    it.wait_for("listening", "asleep", within_s=40)


def cut(it, how, *, off):
    if how == "cable":
        it.pi.computer.link(not off)
    else:
        rule = "add dev eth1 root netem loss 100%" if off else "del dev eth1 root"
        it.pi.guest(f"modprobe sch_netem; tc qdisc {rule}")
