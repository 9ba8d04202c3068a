"""The certificate of a web server and its key, read again when one of the files has changed."""

import logging
import ssl
import stat
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

Version = tuple[tuple[int, int, int, int], ...]
MOST_BYTES = 256 * 1024  # per file: a chain of many certificates has some 20 KiB


class UnusableError(Exception):
    """The files cannot be used; the text says why."""


@dataclass(slots=True)
class Certificate:
    """The files of a certificate.

    Attributes:
        certificate: The certificate and its chain (PEM).
        key: Its private key (PEM).
        setting: The setting that names them.
    """

    certificate: Path
    key: Path
    setting: str
    _context: ssl.SSLContext | None = None
    _version: Version | None = None

    def context(self) -> ssl.SSLContext | None:
        """Return a TLS context for the files as they are now; None if they never worked.

        A renewal replaces one file after the other: while they do not match, the last pair
        that worked is used, and one warning is logged.
        """
        version = self._look()
        if version != self._version:
            self._version = version
            try:
                self._context = self.load()
            except UnusableError as error:
                log.warning("%s: %s", self.setting, error)
        return self._context

    def load(self) -> ssl.SSLContext:
        """Read both files.

        Raises:
            UnusableError: If they cannot be read or do not fit together.
        """
        for file in (self.certificate, self.key):
            _require_small_file(file)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            # Without a password here, OpenSSL would ask for one in the terminal.
            context.load_cert_chain(self.certificate, self.key, password="")
        except ssl.SSLError as error:
            reason = (error.reason or "not PEM").replace("_", " ").lower()
            raise UnusableError(f"{self.certificate} and {self.key}: {reason}") from None
        except OSError as error:
            missing = next((it for it in (self.certificate, self.key) if not _is_readable(it)), "")
            raise UnusableError(f"{missing} cannot be read: {error.strerror}") from None
        return context

    def _look(self) -> Version | None:
        try:
            found = [path.stat() for path in (self.certificate, self.key)]
        except OSError:
            return ()
        # ctime changes with the permissions: a file that could not be read may be readable now.
        return tuple((it.st_ino, it.st_size, it.st_mtime_ns, it.st_ctime_ns) for it in found)


def _require_small_file(path: Path) -> None:
    """Raise UnusableError unless it is one: OpenSSL would block on a pipe or a device."""
    try:
        found = path.stat()
    except OSError as error:
        raise UnusableError(f"{path} cannot be read: {error.strerror}") from None
    if not stat.S_ISREG(found.st_mode):
        raise UnusableError(f"{path} is not a file")
    if found.st_size > MOST_BYTES:
        raise UnusableError(f"{path} is larger than {MOST_BYTES // 1024} KiB")


def _is_readable(path: Path) -> bool:
    try:
        with path.open("rb"):
            return True
    except OSError:
        return False
