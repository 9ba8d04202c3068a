"""A real disk that is small: it can be full, and it can be mounted so that nothing can be written."""

import errno
import os
import subprocess
from pathlib import Path

import pytest

SIZE = "128k"


def root_is_needed():
    """Fail in CI, skip elsewhere, unless this may mount something."""
    if os.geteuid() == 0:
        return
    reason = "mounting a disk needs root: run scripts/test with sudo"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


class SmallDisk:
    """Is mounted at `folder` for those who run with `prefix`, and for nobody else.

    Attributes:
        inside: The folder, as we see it from outside.
        prefix: A command that runs another one where the disk is mounted.
    """

    def __init__(self, folder):
        self._folder = folder
        folder.mkdir()

    def __enter__(self):
        mount = (
            f"mount -t tmpfs -o size={SIZE} none '{self._folder}' && echo && exec sleep infinity"
        )
        command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", mount]
        self._holder = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self._holder.stdout.readline()
        pid = self._holder.pid
        self.prefix = ("nsenter", f"--target={pid}", "--mount", f"--wd={Path.cwd()}", "--")
        self.inside = Path(f"/proc/{pid}/root{self._folder}")
        return self

    def __exit__(self, *_):
        self._holder.kill()
        self._holder.communicate()

    def break_down(self, how):
        """Have it `full` or `read-only`."""
        if how == "read-only":
            self._remount("ro")
            return
        filler = os.open(self.inside / "filler", os.O_WRONLY | os.O_CREAT)
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            os.posix_fallocate(filler, 0, 1 << 30)
        room = os.statvfs(self.inside)
        os.posix_fallocate(filler, 0, room.f_bavail * room.f_frsize)
        os.close(filler)
        assert os.statvfs(self.inside).f_bavail == 0

    def mend(self, how):
        """Undo that."""
        if how == "read-only":
            self._remount("rw")
        else:
            (self.inside / "filler").unlink()

    def _remount(self, mode):
        subprocess.run([*self.prefix, "mount", "-o", f"remount,{mode}", self._folder], check=True)
