"""A certificate of our own and its key, read again when one of the files has changed."""

import logging
import ssl
import stat
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

Version = tuple[tuple[int, int, int, int], ...]

MOST_BYTES = 256 * 1024
"""Of each file: a chain of many certificates has some 20 KiB."""


class UnusableError(Exception):
    """The files cannot be used; the text says why."""


@dataclass(slots=True)
class Certificate:
    """Where they are.

    Attributes:
        certificate: The certificate, with those that lead to its authority (PEM).
        key: Its key (PEM).
        setting: The setting that says so.
    """

    certificate: Path
    key: Path
    setting: str
    _context: ssl.SSLContext | None = None
    _version: Version | None = None

    def context(self) -> ssl.SSLContext | None:
        """Return what to meet a visitor with, as the files are now; None if they never worked.

        Whoever renews them replaces one after the other: what does not fit together is told of
        once, and what worked before goes on.
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
            # Without a password OpenSSL would ask for one in the terminal.
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
        # The last one changes with the rights: a file that could not be read may be readable now.
        return tuple((it.st_ino, it.st_size, it.st_mtime_ns, it.st_ctime_ns) for it in found)


def _require_small_file(path: Path) -> None:
    """Return if OpenSSL, which would wait for a pipe and read a device without end, may read what is there.

    Raises:
        UnusableError: If it may not.
    """
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
