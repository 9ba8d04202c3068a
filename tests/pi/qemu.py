"""The virtual computer: one QEMU process, and what can be done to it from outside."""

import json
import queue
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from tests.pi.images import Image
from tests.pi.sockets import connected
from tests.ports import free_port

CPUS, MEMORY_MIB = 4, 1024  # what the device tree of the image says
ANSWER_WITHIN_S = 20.0
LIKE_A_PI = "nokaslr"
"""With it the kernel isolates its page tables, which no Pi's processor needs; emulated, it makes every
system call forget all address translations."""

AGENT_HOST = "10.0.2.2"
"""This machine's loopback, as the virtual one sees it."""


class Monitor:
    """QEMU's machine protocol."""

    def __init__(self, path: Path) -> None:
        self._socket = connected(path)
        self._socket.settimeout(ANSWER_WITHIN_S)
        self._answers = self._socket.makefile()
        self._answers.readline()
        self("qmp_capabilities")

    def __call__(self, command: str, **arguments: Any) -> Any:
        order = {"execute": command, "arguments": arguments}
        self._socket.sendall(json.dumps(order).encode() + b"\n")
        while "event" in (answer := json.loads(self._answers.readline())):
            pass
        if "error" in answer:
            raise RuntimeError(f"{command}: {answer['error']['desc']}")
        return answer["return"]

    def close(self) -> None:
        self._answers.close()
        self._socket.close()


class Pins:
    """The wires at the GPIO chip, lines 0 to 7: what is driven from outside, and what is seen there."""

    def __init__(self, path: Path, monitor: Monitor) -> None:
        # The place depends on the machine; QEMU ends itself over a wrong one.
        devices = monitor("qom-list", path="/machine/unattached")
        (name,) = (each["name"] for each in devices if each["type"] == "child<pl061>")
        self._chip = f"/machine/unattached/{name}"
        self._socket = connected(path)
        self._changes: list[tuple[float, int, bool]] = []
        self._news = threading.Condition()
        self._done: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, name="pins", daemon=True).start()
        self._order(f"irq_intercept_out {self._chip}")

    def drive(self, line: int, high: bool) -> float:
        """Set an input; return when."""
        now_s = time.time()
        self._order(f"set_irq_in {self._chip} unnamed-gpio-in {line} {int(high)}")
        return now_s

    def changes(self, line: int, *, for_s: float = 0.0) -> list[tuple[float, bool]]:
        """Return every change of an output so far, with its time, after watching for a while."""
        time.sleep(for_s)
        with self._news:
            return [(at_s, high) for at_s, each, high in self._changes if each == line]

    def forget(self) -> None:
        with self._news:
            self._changes.clear()

    def wait(self, line: int, high: bool, since_s: float, within_s: float) -> float:
        """Return when an output first became so since then."""

        def found() -> float | None:
            wanted = (line, high)
            return next(
                (t for t, *what in self._changes if t >= since_s and (*what,) == wanted), None
            )

        with self._news:
            if not self._news.wait_for(lambda: found() is not None, within_s):
                raise TimeoutError(f"GPIO {line} did not become {high} within {within_s} s")
            at_s = found()
        assert at_s is not None
        return at_s

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _order(self, text: str) -> None:
        self._socket.sendall(text.encode() + b"\n")
        self._done.get(timeout=ANSWER_WITHIN_S)

    def _listen(self) -> None:
        """Take in what QEMU says, the moment it does."""
        with self._socket.makefile() as lines:
            for line in lines:
                if not line.startswith("IRQ"):
                    self._done.put(line)
                    continue
                _, what, number = line.split()
                with self._news:
                    self._changes.append((time.time(), int(number), what == "raise"))
                    self._news.notify_all()


class Computer:
    """One virtual Pi: started, cut off, reset.

    Attributes:
        ssh_port: Where its ssh answers on this machine.
        monitor: QEMU itself.
        pins: Its GPIO lines, from outside.
        more: Further options of QEMU, from the next start on.
    """

    monitor: Monitor
    pins: Pins

    def __init__(self, image: Image, folder: Path, usb_socket: Path | None = None) -> None:
        self.ssh_port = free_port()
        self._image = image
        self._folder = folder
        self._usb_socket = usb_socket
        self._disk = folder / "disk.qcow2"
        self._process: subprocess.Popen[bytes] | None = None
        self.more: list[str] = []

    def start(self, clock: str | None = None) -> None:
        """Switch it on; the first time with a fresh disk.

        Args:
            clock: What its clock says, as 2020-01-01T00:00:00; now if None.
        """
        if not self._disk.exists():
            base = self._image.folder / "rootfs.ext4"
            command = [
                "qemu-img",
                "create",
                "-q",
                "-f",
                "qcow2",
                "-b",
                base,
                "-F",
                "raw",
                self._disk,
            ]
            subprocess.run(command, check=True)
        with (self._folder / "qemu.log").open("a") as output:
            self._process = subprocess.Popen(
                self._command(clock), stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        self.monitor = Monitor(self._folder / "monitor.sock")
        self.pins = Pins(self._folder / "pins.sock", self.monitor)

    def reset(self) -> None:
        """Cut the power, and give it back at once. What was not on the disk is lost."""
        self.monitor("system_reset")

    def link(self, up: bool) -> None:
        """Plug or unplug the network cable."""
        self.monitor("set_link", name="internet", up=up)

    def stop(self) -> None:
        """Switch it off as by pulling the plug."""
        if self._process is None:
            return
        for part in (self.pins, self.monitor):
            part.close()
        self._process.terminate()
        self._process.wait()
        self._process = None

    def _command(self, clock: str | None) -> list[str | Path]:
        folder, image = self._folder, self._image.folder
        usb: list[str] = []
        if self._usb_socket is not None:
            usb = [
                *("-device", "qemu-xhci,id=xhci"),
                *("-chardev", f"socket,id=array,path={self._usb_socket},reconnect=1"),
                *("-device", "usb-redir,chardev=array,id=mic,bus=xhci.0"),
            ]
        for name in ("monitor", "pins"):
            (folder / f"{name}.sock").unlink(missing_ok=True)
        forward = f"hostfwd=tcp:127.0.0.1:{self.ssh_port}-10.0.9.15:22"
        return [
            "qemu-system-aarch64",
            *("-M", "virt,gic-version=2", "-cpu", "cortex-a72", "-dtb", image / "pi.dtb"),
            *("-accel", "tcg,thread=multi,tb-size=512"),
            *("-smp", str(CPUS), "-m", str(MEMORY_MIB), "-display", "none", "-nodefaults"),
            *("-kernel", image / "vmlinuz", "-initrd", image / "initrd.img"),
            *("-append", f"root=/dev/vda rw quiet net.ifnames=0 console=ttyAMA0 {LIKE_A_PI}"),
            *("-drive", f"if=none,id=disk,file={self._disk},cache=unsafe"),
            *("-device", "virtio-blk-pci,drive=disk"),
            *("-netdev", f"user,id=inside,net=10.0.9.0/24,restrict=on,{forward}"),
            *("-device", "virtio-net-pci,netdev=inside,mac=52:54:00:00:00:01,romfile="),
            *("-netdev", "user,id=wan,net=10.0.2.0/24"),
            *("-device", "virtio-net-pci,netdev=wan,mac=52:54:00:00:00:02,id=internet,romfile="),
            *("-device", "virtio-rng-pci"),
            *("-chardev", f"file,id=console,path={folder / 'console.log'},append=on"),
            *("-serial", "chardev:console"),
            *("-qmp", f"unix:{folder / 'monitor.sock'},server=on,wait=off"),
            *("-qtest", f"unix:{folder / 'pins.sock'},server=on,wait=off"),
            *("-qtest-log", "/dev/null"),
            *(("-rtc", f"base={clock}") if clock else ()),
            *usb,
            *self.more,
        ]
