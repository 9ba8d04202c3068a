"""One Pi for all scenarios of a run, in the order in which they are listed here."""

import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.pi.agent import Agent
from tests.pi.home import ROOT, Home
from tests.pi.images import SUITES, cache, image
from tests.pi.machine import VirtualPi
from tests.pi.sabotage import AFRESH, broken

ORDER = [
    "test_installing",
    "test_conversation",
    "test_process",
    "test_array",
    "test_network",
    "test_power",
    "test_hands",
    "test_afar",
    "test_upgrades",
    "test_endurance",
    "test_leaving",
]
_tables = pytest.StashKey[list]()


def pytest_addoption(parser):
    parser.addoption("--suite", default="bookworm", choices=sorted(SUITES))
    parser.addoption("--sabotage", action="store_true", help="make each scenario fail on purpose")
    parser.addoption("--full", action="store_true", help="every scenario, at full length")


def pytest_configure(config):
    config.addinivalue_line("markers", "full: only with --full")
    config.stash[_tables] = []


def pytest_collection_modifyitems(config, items):
    mine = [item for item in items if item.module.__name__.startswith("tests.pi.")]
    others = [item for item in items if item not in mine]
    if not config.getoption("--full") and not config.getoption("--sabotage"):
        left_out = [item for item in mine if item.get_closest_marker("full")]
        config.hook.pytest_deselected(items=left_out)
        mine = [item for item in mine if item not in left_out]
    mine.sort(key=lambda item: ORDER.index(item.module.__name__.rpartition(".")[2]))
    items[:] = others + mine


@pytest.fixture(scope="session")
def full(request):
    return request.config.getoption("--full")


@pytest.fixture(scope="session")
def packages(request):
    """The wheel, the folder of wheels and the Debian package for the Pi of this run."""
    suite = request.config.getoption("--suite")
    folder = Path(tempfile.mkdtemp(prefix="voiced-packages-"))
    command = [ROOT / "scripts" / "package", "--for", f"{suite}-arm64", "--output", folder]
    subprocess.run([*command, "--wheels", image(suite).wheels], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def home(request, packages):
    suite = request.config.getoption("--suite")
    runs = cache() / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{suite}-", dir=runs))
    with Agent(folder / "agent") as agent, VirtualPi(image(suite), folder) as pi:
        agent.start("--voice", "espeak")
        it = Home(pi, agent, packages)
        request.config.stash[_tables].append((suite, it.table))
        it.measured("the system boots", f"{pi.boot():.0f} s from power to `running`")
        it.fresh = it.everything()
        it.bring_files()
        yield it
        (folder / "journal.txt").write_text(pi.guest.attempt("journalctl --no-pager")[1])
    if not request.session.testsfailed:
        subprocess.run(["rm", "-rf", folder], check=True)


@pytest.fixture(scope="session")
def installed(home):
    """The home, with voiced installed and its greeting known to work."""
    if home.pi.guest.attempt("systemctl is-active voiced")[0] != 0:
        home.install("--key-file", "/srv/key")
    return home


@pytest.fixture(autouse=True)
def sabotaged(request):
    """With --sabotage, what the scenario is about is broken while it runs."""
    if not request.config.getoption("--sabotage"):
        yield
        return
    it = request.getfixturevalue("installed" if "installed" in request.fixturenames else "home")
    if "installed" in request.fixturenames:
        # What fails from here on fails because of what is broken now.
        it.write_settings()
        it.pi.guest(AFRESH, within_s=120)
        it.fall_asleep()
    with broken(it, request.node.originalname):
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """With --sabotage, a scenario has to fail."""
    if not item.config.getoption("--sabotage"):
        return (yield)
    it = item.funcargs["installed" if "installed" in item.funcargs else "home"]
    try:
        yield
    except Exception as failure:  # noqa: BLE001 - any failure will do
        lines = [line for line in str(failure).splitlines() if line.strip()]
        it.measured(item.name, f"fails: {(lines or [repr(failure)])[0][:150]}")
        return None
    pytest.fail("passes although what it is about is broken", pytrace=False)


@pytest.fixture(autouse=True)
def in_good_order(request):
    """Leave the Pi as it was found: asleep, connected, with its array."""
    yield
    if "installed" in request.fixturenames:
        it = request.getfixturevalue("installed")
        it.pi.release()
        it.pi.array.stall(False)
        it.pi.array.plug()
        it.pi.computer.link(True)


def pytest_terminal_summary(terminalreporter, config):
    for suite, table in config.stash[_tables]:
        terminalreporter.section(f"measured on a virtual Pi, {suite}")
        width = max((len(name) for name, _ in table), default=0)
        for name, figures in table:
            terminalreporter.write_line(f"{name:<{width}}  {figures}")
