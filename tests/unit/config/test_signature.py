"""Signatures made by the real `minisign` (signature.py)."""

import shlex
import subprocess

import pytest

from voiced.config.signature import MOST_BYTES, check_comment, signing_command, verify
from voiced.errors import ConfigError

CONTENT = b"revision: 1\nlog: {level: debug}\n"


class Signer:
    """Somebody with a key pair."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self.public, self.secret = folder / "key.pub", folder / "key"
        self._minisign("-G", "-W", "-p", self.public, "-s", self.secret)
        self.public_key = self.public.read_text().splitlines()[1]

    def sign(self, content, *options):
        path = self.folder / "voiced.yaml"
        path.write_bytes(content)
        self._minisign("-S", "-s", self.secret, "-m", path, *options)
        return path.with_name("voiced.yaml.minisig").read_bytes()

    @staticmethod
    def _minisign(*arguments):
        subprocess.run(["minisign", *arguments], check=True, capture_output=True, input=b"\n")


@pytest.fixture(scope="module")
def signer(tmp_path_factory):
    return Signer(tmp_path_factory.mktemp("signer") / "a")


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    return Signer(tmp_path_factory.mktemp("other") / "b")


@pytest.mark.parametrize("options", [[], ["-l"], ["-t", "revision 1, for all"]])
def test_what_the_owner_signed_passes(signer, options):
    comment = verify(CONTENT, signer.sign(CONTENT, *options), signer.public_key, "remote")
    assert comment == options[1] if len(options) > 1 else "timestamp:" in comment


NAMED = {
    "revision:1": None,
    "timestamp:1700000000 file:x.yaml revision:1": None,
    "revision:1\thashed": None,
    "for the hall, revision:1": None,
    "revision:1 revision:01": None,
    "": "does not name a revision",
    "timestamp:1700000000\tfile:x.yaml\thashed": "does not name a revision",
    "revision 1": "does not name a revision",
    "revision: 1": "does not name a revision",
    "revision:1,": "does not name a revision",
    "my-revision:1": "does not name a revision",
    "Revision:1": "does not name a revision",
    "revision:": "does not name a revision",
    "revision:-1": "does not name a revision",
    "revision:1e0": "does not name a revision",
    "revision:\u0661": "does not name a revision",
    "revision:" + "1" * 5000: "does not name a revision",
    "revision:2": "is for revision 2, not 1",
    "revision:11": "is for revision 11, not 1",
    "revision:1 revision:2": "is for revision 1, 2, not 1",
    "file:revision:1 revision:3": "is for revision 3, not 1",
}


def test_the_comment_names_the_revision_that_was_signed(measured):
    for comment, told in NAMED.items():
        if told is None:
            check_comment(comment, 1, "remote")
            continue
        with pytest.raises(ConfigError, match=told) as caught:
            check_comment(comment, 1, "remote")
        assert '-t "revision:1"' in str(caught.value)
    measured(f"{len(NAMED)} trusted comments of a signature tried")


def test_what_has_no_revision_cannot_be_signed_for_one():
    with pytest.raises(ConfigError, match="need a revision"):
        check_comment("revision:1", None, "remote")


def test_the_command_that_is_shown_makes_what_is_asked_for(signer):
    words = shlex.split(signing_command("voiced.yaml", 12))
    signature = signer.sign(CONTENT, *words[words.index("-t") :])
    check_comment(verify(CONTENT, signature, signer.public_key, "remote"), 12, "remote")


def refused(content, signature, public_key):
    with pytest.raises(ConfigError) as caught:
        verify(content, signature, public_key, "remote")
    return str(caught.value)


def test_another_content_or_another_signer_is_refused(signer, other):
    signature = signer.sign(CONTENT)
    assert "not signed with the key" in refused(CONTENT + b" ", signature, signer.public_key)
    assert "not signed with the key" in refused(CONTENT, signature, other.public_key)
    strange = signer.sign(CONTENT, "-t", "strange").splitlines(keepends=True)
    mixed = [*other.sign(CONTENT).splitlines(keepends=True)]
    mixed[2] = strange[2]
    assert "not signed with the key" in refused(CONTENT, b"".join(mixed), other.public_key)


def test_a_comment_that_was_changed_is_refused(signer):
    signature = signer.sign(CONTENT, "-t", "revision 1")
    changed = signature.replace(b"revision 1", b"revision 9")
    assert "not signed with the key" in refused(CONTENT, changed, signer.public_key)


@pytest.mark.parametrize(
    "signature",
    [
        *(b"", b"<html>", b"\xff\xfe", b"x" * (MOST_BYTES + 1)),
        b"untrusted comment: x\nAAAA\ntrusted comment: y\nBBBB\n",
        b"untrusted comment: \xff\nAAAA\ntrusted comment: \xff\nBBBB\n",
    ],
)
def test_what_is_no_signature_is_refused(signer, signature):
    assert "not a minisign signature" in refused(CONTENT, signature, signer.public_key)


@pytest.mark.parametrize("key", ["", "AAAA", "RWQ", "!!"])
def test_a_key_that_is_none_is_told_of(signer, key):
    assert "not a public key of minisign" in refused(CONTENT, signer.sign(CONTENT), key)


def test_without_the_library_it_is_told_what_to_install(signer, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "minisign", None)
    assert "voiced[signed]" in refused(CONTENT, b"", signer.public_key)
