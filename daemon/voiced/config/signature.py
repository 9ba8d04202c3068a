"""Signatures made by `minisign`, checked by a library that is imported only when one is asked for.

The trusted comment, which is signed as well, names the revision that it was made for, as one word of it:
`revision:12`.
"""

import re
import shlex
from importlib import import_module

from voiced.errors import ConfigError

SUFFIX = ".minisig"
MOST_BYTES = 4096
"""Of a signature; `minisign` writes some 300, and a trusted comment that people write."""

_REVISION = re.compile(r"revision:([0-9]{1,16})")


def verify(content: bytes, signature: bytes, public_key: str, name: str) -> str:
    """Return the trusted comment if `signature` says that the owner of `public_key` wrote `content`.

    Args:
        content: What was signed.
        signature: The file that `minisign -S` made.
        public_key: The second line of the file that `minisign -G` made.
        name: What to call the content.

    Raises:
        ConfigError: If it does not, or cannot be checked.
    """
    try:
        minisign = import_module("minisign")
    except ImportError:
        problem = "signatures cannot be checked: the Python package py-minisign is missing"
        raise ConfigError(name, problem, "install `voiced[signed]`") from None
    try:
        key = minisign.PublicKey.from_base64(public_key)
    except (minisign.ParseError, ValueError):
        problem = "not a public key of minisign"
        raise ConfigError("remote.public_key", problem, "copy its second line") from None
    if len(signature) > MOST_BYTES:
        raise ConfigError(name, "its signature is not a minisign signature", "sign it again")
    try:
        signed = minisign.Signature.from_bytes(signature)
    except (minisign.ParseError, ValueError):
        raise ConfigError(
            name, "its signature is not a minisign signature", "sign it again"
        ) from None
    try:
        key.verify(content, signed)
    except (minisign.VerifyError, ValueError):
        problem = "not signed with the key that remote.public_key names"
        raise ConfigError(name, problem, "sign it again after every change") from None
    comment: str = signed.trusted_comment
    return comment


def check_comment(comment: str, revision: int | None, name: str) -> None:
    """Return if a signature was made for one `revision`.

    Args:
        comment: Its trusted comment.
        revision: The serial number of what it stands beside, if that has one.
        name: What to call that.

    Raises:
        ConfigError: If it was made for another one, or does not say for which.
    """
    if revision is None:
        problem = "signed settings need a revision"
        raise ConfigError(name, problem, "write `revision: 1`, and increase it with every change")
    named = {int(found[1]) for word in comment.split() if (found := _REVISION.fullmatch(word))}
    hint = f"sign it with `{signing_command('FILE', revision)}`"
    if not named:
        raise ConfigError(name, "its signature does not name a revision", hint)
    if named != {revision}:
        other = ", ".join(map(str, sorted(named)))
        raise ConfigError(name, f"its signature is for revision {other}, not {revision}", hint)


def signing_command(file: str, revision: int) -> str:
    """Return the command that signs a `file`."""
    return f'minisign -S -m {shlex.quote(file)} -t "revision:{revision}"'
