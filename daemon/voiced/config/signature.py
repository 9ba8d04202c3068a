"""Signatures made by `minisign`, checked by a library that is imported only when one is asked for."""

from importlib import import_module

from voiced.errors import ConfigError

SUFFIX = ".minisig"


def verify(content: bytes, signature: bytes, public_key: str, name: str) -> None:
    """Return if `signature` says that the owner of `public_key` wrote `content`.

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
    try:
        signed = minisign.Signature.from_bytes(signature)
    except (minisign.ParseError, ValueError):
        raise ConfigError(name, "its signature is not one of minisign", "sign it anew") from None
    try:
        key.verify(content, signed)
    except (minisign.VerifyError, ValueError):
        problem = "not signed with the key that remote.public_key names"
        raise ConfigError(name, problem, "sign it anew, after its last change") from None
