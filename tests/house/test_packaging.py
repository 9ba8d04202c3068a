"""What is shipped: the version, the changelog, the promises of pyproject.toml."""

import re
import tomllib
from datetime import date
from importlib.metadata import entry_points, metadata

import pytest

import voiced
from tests.house.repository import DOCUMENTS, ROOT, modules, place, scripts, text_files

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

# What may stand in no file: another machine's folders, and where packages come from.
FOREIGN = re.compile(
    r"(?<![\w.])/(?:root|work|mnt|media|Users)/\w"
    r"|/home/(?!pi\b)\w"
    r"|\b(?:py" + r"pi\.org|files\.python" + r"hosted\.org|deb\.deb" + r"ian\.org)"
)


def test_the_version_is_written_in_one_place_and_told_alike():
    assert voiced.__version__ == metadata("voiced")["Version"]
    written = f'"{voiced.__version__}"'
    sources = [ROOT / "pyproject.toml", *modules("daemon"), *scripts()]
    assert [place(path) for path in sources if written in path.read_text(encoding="utf-8")] == [
        "daemon/voiced/__init__.py"
    ]


def test_the_changelog_dates_this_version():
    assert f"## [{voiced.__version__}] - {voiced.RELEASED}\n" in CHANGELOG


def test_the_day_of_release_is_not_before_anything_the_changelog_dates():
    dated = [
        date.fromisoformat(day)
        for day in re.findall(r"^## .* (\d{4}-\d\d-\d\d)$", CHANGELOG, re.MULTILINE)
    ]
    assert all(date.fromisoformat(voiced.RELEASED) >= day for day in [date(2026, 1, 1), *dated])


def test_the_documents_come_with_the_package_and_the_units_name_them():
    shared = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    shipped = {source: place for source, place in shared.items() if "share/doc/" in place}
    assert shipped == {source: f"share/doc/voiced/{source}" for source in shipped}
    assert {name for name in DOCUMENTS if not name.startswith("config/")} | {"config"} <= {*shipped}
    named = re.findall(r"^Documentation=file:(.*)$", "".join(units()), re.MULTILINE)
    assert set(named) == {f"/opt/voiced/current/{shipped['README.md']}"}


def units():
    return [path.read_text(encoding="utf-8") for path in (ROOT / "systemd").glob("*.s[eo][rc]*")]


@pytest.mark.parametrize("command", ["voiced", "agentsim"])
def test_an_installed_command_can_be_loaded(command):
    (entry,) = entry_points(group="console_scripts", name=command)
    assert callable(entry.load())


def test_the_changelog_has_a_place_for_what_comes_next():
    headings = re.findall(r"^## (.*)$", CHANGELOG, re.MULTILINE)
    assert headings[0] == "[Unreleased]"


def test_the_changelog_tells_something_of_the_next_version():
    unreleased = CHANGELOG.split("## [Unreleased]")[1].split("\n## ")[0]
    assert re.search(r"^- \w", unreleased, re.MULTILINE)


def test_every_layer_is_named_in_the_contract():
    (layers,) = (
        contract["layers"]
        for contract in PROJECT["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers"
    )
    named = {name.strip() for row in layers for name in re.split(r"[:|]", row)}
    rooms = {
        path.name.removesuffix(".py")
        for path in (ROOT / "daemon" / "voiced").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert rooms - {"__init__"} <= named


def test_nothing_is_skipped_expected_to_fail_or_mocked():
    banned = re.compile(
        r"\b(?:Magic" + r"Mock|mark\.ski" + r"p|mark\.xfa" + r"il|importors" + r"kip)"
    )
    assert [
        place(path)
        for path in text_files()
        if path.suffix == ".py" and banned.search(path.read_text(encoding="utf-8"))
    ] == []


def test_no_file_names_a_folder_of_some_machine_or_a_package_registry():
    found = {
        place(path): match.group()
        for path in text_files()
        if (match := FOREIGN.search(path.read_text(encoding="utf-8")))
    }
    assert found == {}
