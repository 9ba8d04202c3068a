"""TLS contexts, cached by the files they are made of: building one takes 20 ms, ten times that on a small board."""

import functools
import ssl
from dataclasses import dataclass
from pathlib import Path

from voiced.errors import LinkRejected
from voiced.lib.environment import variable
from voiced.lib.regular_file import require_regular

Version = tuple[int, int, int, int] | None
"""A file's version: device, inode, size, ctime in ns; None if it does not exist."""

MOST_CONTEXTS = 16


@dataclass(frozen=True, slots=True)
class Identity:
    """A client certificate.

    Attributes:
        certificate: PEM file with its chain.
        key: PEM file of its key, without a password.
    """

    certificate: str
    key: str


def tls_context(ca_file: str | None, identity: Identity | None = None) -> ssl.SSLContext:
    """Return a context that trusts the system's authorities and those in the PEM file `ca_file`, as they are now.

    Raises:
        LinkRejected: If a file cannot be used.
    """
    files = trusted_files(ca_file)
    if identity is not None:
        files += [Path(identity.certificate), Path(identity.key)]
    return _made(ca_file, identity, tuple(version_of(path) for path in files))


def trusted_files(ca_file: str | None) -> list[Path]:
    """Return the files and folders in which OpenSSL looks for authorities; some may not exist."""
    system = ssl.get_default_verify_paths()
    folder = variable(system.openssl_capath_env) or system.openssl_capath
    return [Path(each) for each in (ca_file, _system_bundle(), folder) if each is not None]


def version_of(path: Path) -> Version:
    """Return the version of a file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_ctime_ns


@functools.lru_cache(MOST_CONTEXTS)
def _made(
    ca_file: str | None, identity: Identity | None, _versions: tuple[Version, ...]
) -> ssl.SSLContext:
    bundle = _system_bundle()
    try:
        if version_of(bundle) is not None:  # it is optional for OpenSSL
            require_regular(bundle)
        context = ssl.create_default_context()
    except (OSError, ValueError) as error:
        raise _unusable(bundle, error) from None
    if ca_file is not None:
        try:
            require_regular(Path(ca_file))
            context.load_verify_locations(ca_file)
        except (OSError, ValueError) as error:
            raise _unusable(ca_file, error) from None
    if identity is not None:
        try:
            for file in (identity.certificate, identity.key):
                require_regular(Path(file))
            # Without a password OpenSSL would ask for one in the terminal.
            context.load_cert_chain(identity.certificate, identity.key, password="")
        except (OSError, ValueError) as error:
            problem = _problem(error, "do not fit")
            raise LinkRejected(
                f"the certificate {identity.certificate} and its key {problem}",
                "they must be PEM files that this service can read, the key without a password",
            ) from None
    return context


def _system_bundle() -> Path:
    system = ssl.get_default_verify_paths()
    return Path(variable(system.openssl_cafile_env) or system.openssl_cafile)


def _unusable(ca_file: Path | str, error: Exception) -> LinkRejected:
    problem = _problem(error, "contains no certificate")
    hint = "it must be a PEM file this service can read"
    return LinkRejected(f"the CA file {ca_file} {problem}", hint)


def _problem(error: Exception, content: str) -> str:
    """Return what is wrong: `content` for a bad file, otherwise that it cannot be read."""
    if isinstance(error, ssl.SSLError):
        return content
    reason = error.strerror if isinstance(error, OSError) else None
    return f"cannot be read ({reason})" if reason else "cannot be read"
