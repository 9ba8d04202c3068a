"""Programs that the agent may run: real ones, of the kind that one hopes not to meet."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.wire.mcp_house import is_alive
from tests.wire.mcp_liar import HEAVY
from voiced.config.schema_tools import CommandToolSection
from voiced.core.actions import RunTool
from voiced.errors import ToolError
from voiced.host.cpu import stay_on_one_core
from voiced.runtime.tool_runner import ToolCalls
from voiced.tools.declared.command import MOST_BYTES, CommandTool
from voiced.tools.declared.process_group import ProcessGroup

pytestmark = pytest.mark.real_time

SAYING = {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]}
ZONE = f"Etc/Test{os.getpid()}"
"""All that a program is told of ours; so what it leaves behind is known."""

ENDLESS = "import time\nwhile True: time.sleep(1)\n"
FORKING = """
import os, time
for _ in range(5):
    if os.fork() == 0:
        {leave}
        while True: time.sleep(1)
{end}
"""
DAEMON = "os.setsid(); os.fork() and os._exit(0)"
UNMARKED = "os.execve('/bin/sleep', ['sleep', '600'], {'TZ': os.environ['TZ']})"


def tool(*argv, timeout_s=20, **more):
    section = CommandToolSection(description="d", argv=argv, timeout_s=timeout_s, **more)
    return CommandTool("try_it", section)


def program(text, *argv, **more):
    return tool(sys.executable, "-c", text, *argv, **more)


async def answer(made, **arguments):
    return await made.call(arguments, None)


async def refusal(made, **arguments):
    with pytest.raises(ToolError) as error:
        await answer(made, **arguments)
    return str(error.value)


def ours(folder):
    """Tell whether a process that still runs came of a call of this test."""
    try:
        if folder.name.isdecimal() and (folder / "stat").read_text().rpartition(") ")[2][0] != "Z":
            return f"TZ={ZONE}".encode() in (folder / "environ").read_bytes()
    except OSError:
        pass
    return False


@pytest.fixture(autouse=True)
def nothing_stays_behind(monkeypatch):
    monkeypatch.setenv("TZ", ZONE)
    yield
    left = left_behind()
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert left == []


def left_behind():
    return [int(folder.name) for folder in Path("/proc").iterdir() if ours(folder)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("print('up 3 days')", "up 3 days"),
        ("print('{\"a\": [1, null]}')", {"a": [1, None]}),
        ("print(42)", 42),
        ("pass", {"ok": True}),
        ("print('1e999')", "1e999"),
        ("print('-1e999')", "-1e999"),
        ("print('NaN')", "NaN"),
        ("print('null')", None),
        ("print('[1e999, 1]')", [None, 1]),
        ("print('ü' * 3)", "üüü"),
    ],
)
async def test_what_a_program_says_is_the_result_as_json_or_text(text, value):
    assert await answer(program(text)) == value


async def test_an_argument_reaches_the_program_as_one_word_and_no_shell():
    word = "a b; echo $HOME `id` && rm -rf / | 'x' \"y\" * > /tmp/z \n"
    shown = program(
        "import sys, json; print(json.dumps(sys.argv[1:]))", "{word}", parameters=SAYING
    )
    assert await answer(shown, word=word) == [word]


@pytest.mark.parametrize("word", ["-rf", "--help", "a\0b", "\ud800", "x" * 1001])
async def test_an_argument_that_no_program_should_be_given_starts_none(tmp_path, word):
    sign = tmp_path / "sign"
    touch = program(f"open({str(sign)!r}, 'w')", "{word}", parameters=SAYING)
    assert word not in await refusal(touch, word=word)
    assert not sign.exists()


async def test_a_program_is_told_nothing_of_ours(monkeypatch):
    monkeypatch.setenv("SEKRIT", "k1")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials")
    told = await answer(
        program("import os, json; print(json.dumps([dict(os.environ), os.getcwd()]))")
    )
    environment, folder = told
    environment.pop("LC_CTYPE", None)  # Python's own
    assert environment.keys() == {"PATH", "LANG", "HOME", "TZ", "VOICED_CALL"}
    assert (environment["HOME"], environment["TZ"], folder) == ("/nonexistent", ZONE, "/")


async def test_a_program_gets_no_input_and_none_of_our_files():
    text = (
        "import os, sys; print([sys.stdin.read(), sorted(map(int, os.listdir('/proc/self/fd')))])"
    )
    mine = os.dup(0)
    os.set_inheritable(mine, True)
    said = await answer(program(text))
    os.close(mine)
    assert said in ("['', [0, 1, 2, 3]]", "['', [0, 1, 2]]")


async def test_a_program_is_kept_behind_the_sound_and_dies_first():
    text = "import os, time; time.sleep(0.3); print(os.nice(0), open('/proc/self/oom_score_adj').read())"
    assert str(await answer(program(text))).split() == ["10", "500"]


@pytest.fixture
def one_core(cores):
    """This thread is bound to one core, as the daemon's is; gives those it had."""
    stay_on_one_core()
    assert len(os.sched_getaffinity(0)) == 1
    return cores


async def test_a_program_may_use_the_cores_that_the_daemon_leaves_alone(one_core):
    text = "import os, time; time.sleep(0.3); print(sorted(os.sched_getaffinity(0)))"
    assert set(await answer(program(text))) >= one_core


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (program("import sys; print('sekrit'); sys.exit(3)"), "failed with exit code 3."),
        (program("import os; os.kill(os.getpid(), 9)"), "was ended by a signal."),
        (program("import sys; sys.stdout.buffer.write(b'\\xff\\xfe\\x00')"), "answered with something that is not text."),
        (program("print('a\\x07\\x1b[2J')"), "answered with something that is not text."),
        (tool("/nonexistent/program"), "cannot be started."),
        (tool("/etc/passwd"), "cannot be started."),
        (tool("/"), "cannot be started."),
    ],
)  # fmt: skip
async def test_a_program_that_fails_is_answered_with_a_sentence(made, sentence):
    assert await refusal(made) == f"The program behind try_it {sentence}"


async def test_ten_megabytes_of_output_are_cut_off_at_once():
    began = time.monotonic()
    endless = program("import sys\nwhile True: sys.stdout.write('x' * 10_000_000)")
    assert "more than can be read out" in await refusal(endless)
    assert time.monotonic() - began < 10
    assert await answer(program(f"print('x' * {MOST_BYTES - 1})")) == "x" * (MOST_BYTES - 1)


async def test_a_program_that_never_ends_is_ended_in_time():
    began = time.monotonic()
    assert (
        await refusal(program(ENDLESS, timeout_s=1)) == "The program behind try_it took too long."
    )
    assert time.monotonic() - began < 5


async def test_a_program_that_closes_its_output_and_stays_is_ended_in_time():
    text = "import os, time; os.close(1); time.sleep(600)"
    assert "took too long" in await refusal(program(text, timeout_s=1))


async def test_a_program_whose_first_thread_has_ended_is_ended_in_time():
    """In /proc it looks like a zombie."""
    text = (
        "import ctypes, threading, time\n"
        "threading.Thread(target=time.sleep, args=(600,)).start()\n"
        "ctypes.CDLL(None).pthread_exit(None)"
    )
    async with asyncio.timeout(10):
        assert "took too long" in await refusal(program(text, timeout_s=1))


async def test_a_program_that_ignores_every_signal_it_can_is_ended_in_time():
    text = (
        "import signal, time\nfor n in (1, 2, 3, 13, 15): signal.signal(n, signal.SIG_IGN)\n"
        + ENDLESS
    )
    assert "took too long" in await refusal(program(text, timeout_s=1))


@pytest.mark.parametrize("leave", ["pass", "os.setpgid(0, 0)", "os.setsid()", DAEMON, UNMARKED])
async def test_no_child_outlives_its_program_wherever_it_has_gone(leave):
    text = FORKING.format(
        leave=leave, end="time.sleep(0.5); print('done', flush=True); os._exit(0)"
    )
    began = time.monotonic()
    assert await answer(program(text)) == "done"
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("leave", ["pass", "os.setsid()", DAEMON, f"os.setsid(); {UNMARKED}"])
async def test_no_child_outlives_a_program_that_took_too_long(leave):
    text = "import sys\n" + FORKING.format(leave=leave, end="while True: time.sleep(1)")
    assert "took too long" in await refusal(program(text, timeout_s=1))


async def test_a_child_that_takes_a_while_to_die_is_waited_for(tmp_path):
    note = tmp_path / "pid"
    text = f"""
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {HEAVY!r}], stdout=subprocess.PIPE)
child.stdout.readline()
open({str(note)!r}, "w").write(str(child.pid))
"""
    assert await answer(program(text)) == {"ok": True}
    assert not is_alive(int(note.read_text()))


async def test_a_program_that_forks_without_end_is_ended():
    text = "import os, time\nfor _ in range(6): os.fork()\n" + ENDLESS
    assert "took too long" in await refusal(program(text, timeout_s=2))


async def test_a_program_that_was_ended_is_no_zombie_when_the_call_is_over():
    await refusal(program(ENDLESS, timeout_s=1))
    assert "<defunct>" not in offspring()


def offspring():
    command = ["ps", "--no-headers", "-o", "args", "--ppid", str(os.getpid())]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("after_s", [0, 0.01, 0.3])
async def test_a_call_that_is_cancelled_leaves_nothing(after_s):
    async def begin():
        await answer(program(FORKING.format(leave="os.setsid()", end=ENDLESS)))

    async with asyncio.TaskGroup() as group:
        task = group.create_task(begin())
        await asyncio.sleep(after_s)
        task.cancel()
    assert task.cancelled()


async def test_an_interrupted_conversation_ends_its_programs_and_hears_nothing_of_them(tmp_path):
    sign, heard = tmp_path / "began", []
    text = f"open({str(sign)!r}, 'w')\n" + FORKING.format(leave="os.setsid()", end=ENDLESS)
    calls = ToolCalls({"try_it": program(text)}, None, heard.append)
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        for call_id in ("c1", "c2"):
            calls.begin(RunTool(call_id, "try_it", {}), group)
        while not sign.exists():
            await asyncio.sleep(0.01)
        calls.cancel()
    assert heard == []


async def test_many_calls_at_once_do_not_get_in_each_others_way():
    echo = program("import sys; print(sys.argv[1])", "n{word}", parameters=SAYING)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(answer(echo, word=str(n))) for n in range(20)]
    assert [task.result() for task in tasks] == [f"n{n}" for n in range(20)]


async def test_the_loop_is_held_up_by_the_hunt_for_a_few_milliseconds_at_most():
    group = ProcessGroup()
    began = time.perf_counter()
    group.end()
    assert time.perf_counter() - began < 0.25


async def test_nothing_of_a_call_is_logged_but_the_name_and_what_the_system_says(caplog):
    await refusal(tool("/nonexistent/program", "{word}", parameters=SAYING), word="sekrit")
    await refusal(program("print('sekrit'); raise SystemExit(1)"))
    said = [record.getMessage() for record in caplog.records if record.name.startswith("voiced")]
    assert said == [
        "tool try_it: /nonexistent/program cannot be started: No such file or directory"
    ]
