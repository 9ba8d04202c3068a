"""The documents lead where they say, and what they tell people to type works."""

import functools
import re
import shlex
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from types import SimpleNamespace

import pytest

import agentsim.cli
from tests.house.markdown import INLINE, anchor, anchors, blocks, links, prose, rows
from tests.house.repository import DOCUMENTS, ROOT, read, run, scripts
from voiced import cli

MOST_LINES = {"README.md": 200}
MOST_LINES_OF_A_GUIDE = 400
CONTENTS_FROM_LINES = 100
MOST_BYTES_OF_A_PICTURE = 150_000
GUIDES = [name for name in DOCUMENTS if name != "README.md"]
PICTURES = sorted((ROOT / "config" / "images").iterdir())

OF_OTHERS = {"cat", "cd", "install", "journalctl", "minisign", "rm", "scp", "systemctl"}
"""Programs that are not ours, in what people are told to type."""

PLACEHOLDER = re.compile(r"^[A-Z][A-Z0-9,…]*$|[{}…]")
LINES = [
    (document, line)
    for document in DOCUMENTS
    for code in blocks(document, "sh", "bash", "console")
    for line in code.splitlines()
    if not line.lstrip().startswith("#") and line.strip()
]
SPOKEN = sorted(
    {
        (document, words)
        for document in DOCUMENTS
        for words in INLINE.findall(prose(document))
        if re.match(r"(?:sudo )?(?:(?:\./)?scripts/[a-z-]+|voiced|agentsim)(?: |$)", words)
    }
)


def commands_in(line):
    """Yield each command of a line, as a list of words."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words = []
    for word in [*lexer, "&&"]:
        if word in {"&&", "|", ";"}:
            yield words[1:] if words[0] == "sudo" else words
            words = []
        else:
            words.append(word)


def without_redirection(words):
    for sign in ("<", ">"):
        words = words[: words.index(sign)] if sign in words else words
    return words


def outcome(call, *arguments):
    """Return the exit code of a command line that is called here, and what it printed."""
    with redirect_stdout(StringIO()) as out, redirect_stderr(out):
        try:
            code = call(list(arguments))
        except SystemExit as end:
            code = end.code
    return code, out.getvalue()


@pytest.fixture
def unrun(monkeypatch):
    """Have the commands of voiced read by its own parser, and not run."""
    real = cli.import_module

    def only_parsed(name):
        return SimpleNamespace(configure=real(name).configure, run=lambda _options: 0)

    monkeypatch.setattr(cli, "import_module", only_parsed)


@functools.cache
def help_of_script(path):
    return run(ROOT / path, "--help").stdout


@functools.cache
def help_of_command(program, *commands):
    call = agentsim.cli.main if program == "agentsim" else cli.main
    return outcome(call, *commands, "--help")


def help_of(words):
    """Return what a command of ours says of itself."""
    program, *arguments = words
    if "scripts/" in program and not program.endswith("scripts/run"):
        return help_of_script(program.removeprefix("./"))
    commands = [word for word in arguments if re.fullmatch(r"[a-z]+", word)][:2]
    helps = (help_of_command(program, *commands[:depth]) for depth in range(len(commands), -1, -1))
    return next((text for code, text in helps if code == 0), "")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_document_is_short_enough(document):
    most = MOST_LINES.get(document, MOST_LINES_OF_A_GUIDE)
    assert len(read(document).splitlines()) <= most


def name_of(path):
    return path.resolve().relative_to(ROOT).as_posix()


@pytest.mark.parametrize("document", [*DOCUMENTS, "tests/PROMISES.md", "CHANGELOG.md"])
def test_a_link_leads_somewhere(document):
    lost = []
    for target in links(document):
        if re.match(r"https?://", target):
            continue
        path, _, place_in_it = target.partition("#")
        place = (ROOT / document).parent / path if path else ROOT / document
        if not place.exists() or (place_in_it and place_in_it not in anchors(name_of(place))):
            lost.append(target)
    assert lost == []


def test_the_readme_leads_to_every_guide():
    leads = {target for row in rows("Guide", documents=["README.md"]) for target in links_of(row)}
    assert {target.partition("#")[0] for target in leads} >= set(GUIDES)


def links_of(row):
    return re.findall(r"\]\(([^)]+)\)", " ".join(row.cells))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_long_document_has_a_list_of_contents(document):
    heads = re.findall(r"^## (.*)$", prose(document), re.MULTILINE)
    listed = {target for target in links(document) if target.startswith("#")}
    is_long = len(read(document).splitlines()) > CONTENTS_FROM_LINES
    assert {f"#{anchor(head)}" for head in heads} <= listed or not is_long


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.name)
def test_a_picture_is_small_and_shown(picture):
    assert picture.stat().st_size < MOST_BYTES_OF_A_PICTURE
    assert any(picture.name in target for name in DOCUMENTS for target in links(name))


@pytest.mark.parametrize(("document", "line"), LINES, ids=[line for _, line in LINES])
def test_what_people_are_to_type_is_understood(document, line, unrun):
    for program, *arguments in map(without_redirection, commands_in(line)):
        if program in {"voiced", "./scripts/run"}:
            assert outcome(cli.main, *(arguments or ["demo"])) == (0, "")
        elif (script := program.removeprefix("./")).startswith("scripts/"):
            assert ROOT / script in scripts()
            check_options([script, *arguments])
        else:
            assert program in OF_OTHERS


@pytest.mark.parametrize(("document", "words"), SPOKEN, ids=[words for _, words in SPOKEN])
def test_a_command_that_is_named_has_what_is_named_of_it(document, words):
    words = re.sub(r"[\[\]]", "", words.removeprefix("sudo ")).split()
    check_options(words)
    if words[0] in {"voiced", "agentsim"}:
        _, helped = help_of_command(words[0])
        first = next((word for word in words[1:] if not PLACEHOLDER.search(word)), "--help")
        assert re.search(rf"(?<![\w-]){first}(?![\w-])", helped)


def check_options(words):
    """Have every option, and what a script is told to do, stand in the help of the command."""
    helped = help_of(words)
    assert helped
    wanted = [word for word in words[1:] if word.startswith("-")]
    if "scripts/" in words[0] and not words[0].endswith(("scripts/run", "scripts/test")):
        wanted += [word for word in words[1:] if re.fullmatch(r"[a-z]+", word)]
    passed_on = {"-q", "-k", "-n0", "--pdb"}  # to pytest
    for option in {*wanted} - passed_on - {"--help"}:
        assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", helped), option


SETTINGS = [
    (document, number, code)
    for document in DOCUMENTS
    for number, code in enumerate(blocks(document, "yaml"))
]


@pytest.mark.parametrize(
    ("document", "number", "code"), SETTINGS, ids=[f"{name} {n}" for name, n, _ in SETTINGS]
)
def test_settings_that_are_shown_pass_the_check(document, number, code, tmp_path):
    file = tmp_path / "shown.yaml"
    is_fleet = re.search(r"^(defaults|groups|devices):", code, re.MULTILINE)
    begin = "" if is_fleet or "version:" in code else "version: 1\n"
    end = (
        "" if is_fleet or re.search(r"^agent:", code, re.MULTILINE) else "agent: {key: {env: K}}\n"
    )
    file.write_text(f"{begin}{code}\n{end}")
    code, said = outcome(cli.main, "config", "check", str(file))
    assert code == 0, said


def test_the_paths_in_the_document_about_the_daemon_lead_to_files():
    named = set(re.findall(r"`((?:\w+/)+\w+\.py)`", prose("daemon/README.md")))
    places = [ROOT, ROOT / "daemon", ROOT / "daemon" / "voiced"]
    assert len(named) > 40
    assert {path for path in named if not any((place / path).exists() for place in places)} == {
        f"{place}/test_NAME.py" for place in ["tests/unit/agents"]
    } | {"voiced/agents/NAME.py", "voiced/tools/builtin/NAME.py"}


def test_the_commits_that_are_named_as_examples_are_those(measured):
    named = re.findall(r"`([0-9a-f]{7})` \"([^\"]+)\"", " ".join(prose("daemon/README.md").split()))
    assert len(named) >= 5
    shallow = run("git", "rev-parse", "--is-shallow-repository").stdout.strip()
    if shallow == "false":  # a copy without history has nothing to look it up in
        for commit, subject in named:
            done = run("git", "log", "-1", "--format=%s", commit)
            assert done.stdout.strip() == subject
        measured(f"{len(named)} commits looked up")
