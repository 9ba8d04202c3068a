"""The microphone array goes and comes, or falls silent."""

import time


def test_an_array_unplugged_in_the_middle_of_a_conversation_comes_back(installed, full):
    it = installed
    it.agent.start("--voice", "espeak", "--fault", "silent-agent")
    lost_s, back_s, files = [], [], []
    for _ in range(5 if full else 2):
        it.converse()
        pid = it.pid()
        at_s = time.monotonic()
        it.pi.array.unplug()
        it.wait_for("no-microphone", "no-speaker")
        lost_s.append(time.monotonic() - at_s)
        at_s = time.monotonic()
        it.pi.array.plug()
        it.wait_for("listening", "asleep", "hearing", "thinking")
        back_s.append(time.monotonic() - at_s)
        assert it.pid() == pid
        files.append(it.usage()["files"])
        it.fall_asleep()
    it.measured(
        f"array unplugged x{len(lost_s)} in a conversation",
        f"shown after {max(lost_s):.1f} s at most, works {max(back_s):.1f} s after replugging at most; "
        f"descriptors {files[0]:.0f} -> {files[-1]:.0f}",
    )
    assert files[-1] <= files[0] + 1
    it.agent.start("--voice", "espeak")
    it.converse()
    it.wait_for("listening", within_s=20)
    it.say("what time is it")
    it.wait_for("speaking", within_s=20)
    it.fall_asleep()


def test_an_array_that_stops_sending_is_found_out_and_recovers(installed):
    it = installed
    it.fall_asleep()
    at_s = time.monotonic()
    it.pi.array.stall(True)
    shown = it.wait_for("microphone-stalled", "no-microphone", within_s=15)
    found_s = time.monotonic() - at_s
    it.pi.array.stall(False)
    at_s = time.monotonic()
    it.wait_for("asleep", within_s=40)
    it.measured(
        "capture stall",
        f"{shown} after {found_s:.1f} s, works {time.monotonic() - at_s:.1f} s after it sends again",
    )
