"""The disks of virtual Pis: built once, kept in the user's cache directory by the hash of what they are made of."""

import fcntl
import hashlib
import logging
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

BUILD = Path(__file__).with_name("build-image.sh")
SUITES = ("bookworm", "trixie")
"""Debian releases."""

LOCK = Path(__file__).resolve().parents[2] / "scripts" / "locks" / "device.txt"
PINS = re.findall(r"^pyalsaaudio==.*\n(?: .*\n)*", LOCK.read_text(), re.MULTILINE)
SOURCES = [pin.split()[0] for pin in PINS]
"""Packages without a wheel for arm64: built on the virtual machine's own system."""

KEPT = 1
"""Images of one suite that are kept; older ones, and what was never finished, go."""


@dataclass(frozen=True)
class Image:
    """One built disk.

    Attributes:
        folder: Where it and what boots it are; nothing there is written to.
    """

    suite: str
    folder: Path

    @property
    def wheels(self) -> Path:
        """Wheels built on this system, because nobody else has them."""
        return self.folder / "wheels"

    @property
    def sources(self) -> Path:
        """What they were built from."""
        return self.folder / "sources"


def cache() -> Path:
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "voiced" / "pi"


def image(suite: str) -> Image:
    """Return the image of `suite`, built now if there is none."""
    key = hashlib.sha256(BUILD.read_bytes() + repr((suite, SOURCES)).encode()).hexdigest()[:12]
    folder = cache() / f"{suite}-{key}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{suite}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            _build(suite, folder)
            (folder / "done").touch()
            _forget_old_ones(suite)
    return Image(suite, folder)


def _build(suite: str, folder: Path) -> None:
    started_s = time.monotonic()
    print(f"building the image of {suite} (a few minutes, once)", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    sources = folder / "sources"
    sources.mkdir(parents=True)
    names = [name.partition("==")[0] for name in SOURCES]
    (folder / "lock.txt").write_text("".join(PINS))
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    pip += ["--require-hashes", "--no-deps", "--no-build-isolation", "--use-pep517"]
    subprocess.run(
        [*pip, "--no-binary", ",".join(names), "--dest", sources, "-r", folder / "lock.txt"],
        check=True,
    )
    with (folder / "build.log").open("w") as output:
        built = subprocess.run(
            [BUILD, suite, folder, sources], stdout=output, stderr=output, check=False
        )
    if built.returncode:
        print((folder / "build.log").read_text()[-3000:])
        raise SystemExit(f"the image cannot be built; the whole log: {folder / 'build.log'}")
    print(f"built in {time.monotonic() - started_s:.0f} s", flush=True)


def _forget_old_ones(suite: str) -> None:
    done = sorted(cache().glob(f"{suite}-*/done"), key=lambda path: path.stat().st_mtime)
    kept = {path.parent for path in done[-KEPT:]}
    for old in set(cache().glob(f"{suite}-*")) - kept:
        log.info("forgetting %s", old)
        shutil.rmtree(old)
