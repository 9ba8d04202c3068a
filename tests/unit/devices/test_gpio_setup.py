"""How gpiozero and lgpio are brought in: they change the process they come into."""

import os
import subprocess
import sys

import pytest

LGPIO = "import os\nos.chdir(os.environ['LG_WD'])\nopen('.lgd-nfy0', 'w').close()\n"
PROGRAM = """
import os
from voiced.devices.gpio import gpiozero
gpiozero()
print(os.getcwd(), os.environ["GPIOZERO_PIN_FACTORY"], os.environ["LG_WD"], sep="|")
"""


def brought_in(tmp_path, **environment):
    (tmp_path / "lgpio.py").write_text(LGPIO)
    here = tmp_path / "here"
    here.mkdir()
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("GPIO", "LG_"))
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM],
        cwd=here,
        env=clean | {"PYTHONPATH": str(tmp_path), "TMPDIR": str(tmp_path)} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return here, done.stdout.strip().split("|")


def test_lgpio_is_the_default_and_leaves_the_working_directory_as_it_was(tmp_path):
    here, (cwd, factory, folder) = brought_in(tmp_path)
    assert (cwd, factory, folder) == (str(here), "lgpio", str(tmp_path))
    assert (tmp_path / ".lgd-nfy0").exists()
    assert list(here.iterdir()) == []


def test_the_service_says_where_lgpio_may_write(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    assert brought_in(tmp_path, LG_WD=str(folder))[1][2] == str(folder)
    assert (folder / ".lgd-nfy0").exists()


@pytest.mark.parametrize("factory", ["mock", "native"])
def test_any_other_pin_factory_is_the_environments_choice(tmp_path, factory):
    _, (_, chosen, _) = brought_in(tmp_path, GPIOZERO_PIN_FACTORY=factory)
    assert chosen == factory
    assert not (tmp_path / ".lgd-nfy0").exists()
