"""What the system changes while the daemon runs, and what counts without a restart.

That is its time zone, name servers, table of hosts, and certificates. The C library reads name servers and hosts anew by itself, TLS contexts are made of the files as they are, and
the time zone is read anew here.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from voiced.core.events import NetworkBack, OwnerActed
from voiced.devices.network.tls import Version, trusted_files, version_of
from voiced.reload.file_watch import FileWatch

log = logging.getLogger(__name__)

ZONE, NAME_SERVERS, HOSTS, CERTIFICATES = "time zone", "name servers", "hosts", "certificates"

_BUNDLE = "ca-certificates.crt"
"""In the system's folder of certificates: written anew with every change there."""

MOST_BYTES = 1024 * 1024
"""Of a file whose content is looked at; a longer one has changed whenever it was written."""

_REWRITTEN = {ZONE, NAME_SERVERS, HOSTS}
"""What programs write again and again with the same content, such as a DHCP client with each lease."""

Content = tuple[Version, bytes | None]
"""The version of a file, and the hash of what is in it; None if that is not looked at, or cannot be read."""


class SystemFiles:
    """Watches them. Implements `BackgroundTask`.

    Args:
        ca_files: Tells which files the settings name.
        on_change: Is called with what it means for an agent that cannot be had that something has changed.
            Certificates change because the owner acts; name servers and hosts may, with any network.
        etc: Where the system keeps its settings.
    """

    def __init__(
        self,
        ca_files: Callable[[], Iterable[str | None]],
        on_change: Callable[[NetworkBack | OwnerActed], object],
        etc: Path = Path("/etc"),
    ) -> None:
        self._on_change = on_change
        self._ca_files = ca_files
        self._etc = etc
        self._known: dict[Path, Content] = {}
        self._known = self._contents()
        self._news: list[str] = []
        self._watch = FileWatch(self._paths, self.look, "files of the system")

    async def run(self) -> None:
        """Watch until cancelled."""
        await self._watch.run()

    async def look(self) -> None:
        """Have count what has changed."""
        before, self._known = self._known, self._contents()
        # A file that the settings name only now has not changed.
        changed = {what for path, what in self._files().items() if self._differs(path, before)}
        if ZONE in changed:
            time.tzset()
        for what in sorted(changed):
            now = f" (now {time.strftime('%Z')})" if what == ZONE else ""
            log.info("system: changed: %s%s", what, now)
            if what in self._news:
                self._news.remove(what)
            self._news.append(what)
        if CERTIFICATES in changed:
            self._on_change(OwnerActed())
        elif changed - {ZONE}:
            self._on_change(NetworkBack())

    def news(self) -> list[str]:
        """Return what has changed since this was asked last, a line for each, fit for people."""
        news, self._news = self._news, []
        zone = f" (now {time.strftime('%Z')})"
        return [f"from the system: {what}{zone if what == ZONE else ''}" for what in news]

    def _differs(self, path: Path, before: Mapping[Path, Content]) -> bool:
        if path not in before:
            return False
        (version, content), (now_version, now_content) = before[path], self._known[path]
        if content is None or now_content is None:
            return version != now_version
        return content != now_content

    def _paths(self) -> list[Path]:
        return [*self._files()]

    def _contents(self) -> dict[Path, Content]:
        return {path: self._content(path, what) for path, what in self._files().items()}

    def _content(self, path: Path, what: str) -> Content:
        version = version_of(path)
        known_version, known = self._known.get(path, (None, None))
        if version is None or what not in _REWRITTEN:
            return version, None
        return version, known if version == known_version else _hash_of(path)

    def _files(self) -> dict[Path, str]:
        """Return the files and what they are."""
        found = {
            self._etc / "localtime": ZONE,
            self._etc / "resolv.conf": NAME_SERVERS,
            self._etc / "hosts": HOSTS,
        }
        for ca_file in {None, *self._ca_files()}:
            for path in trusted_files(ca_file):
                found[path / _BUNDLE if path.is_dir() else path] = CERTIFICATES
        return found


def _hash_of(path: Path) -> bytes | None:
    """Return the hash of what is in a file; None if it is no file, too long or cannot be read."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError:
        return None
    return None if len(content) > MOST_BYTES else hashlib.sha256(content).digest()
