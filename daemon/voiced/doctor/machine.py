"""Checks of the machine: user, libraries, clock, disk, sounds, pins."""

import grp
import os
import pwd
import shutil
from collections.abc import Iterator, Mapping
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

from voiced import RELEASED
from voiced.assembly.gpio import button_wirings, buttons, light, light_wiring
from voiced.config.schema import Settings
from voiced.core.earcons import Earcon, Prompt
from voiced.devices.gpio.pins import Lamp, PinError, is_pressed
from voiced.devices.sound.wav_reading import read_wav_file
from voiced.doctor.finding import Finding, fail, ok, skip, warn
from voiced.errors import DeviceError
from voiced.storage.atomic_file import broken_copies, replace_file
from voiced.storage.state_files import ALL_FILES

ENOUGH_BYTES = 20_000_000
PROBE, PROBE_BYTES, PROBE_MODE = "doctor.probe", 4096, 0o600
_SILENT: Mapping[str, Any] = {}
SOUND_NODES = Path("/dev/snd")


def check_user(nodes: Path = SOUND_NODES) -> Finding:
    """Check whether this user may use the sound cards."""
    user = pwd.getpwuid(os.geteuid()).pw_name
    groups = sorted(_group(number) for number in {*os.getgroups(), os.getegid()})
    found = f"runs as {user}, groups {', '.join(groups)}"
    closed = [
        node
        for node in sorted(nodes.glob("pcm*"))
        if not os.access(node, os.R_OK | os.W_OK, effective_ids=True)
    ]
    if closed:
        fix = f"run `usermod --append --groups audio {user}` and restart"
        return fail("user", f"{found}; permission denied for {closed[0]}", fix)
    return ok("user", found)


def check_library() -> Finding:
    """Check whether the sound library can capture."""
    try:
        library = import_module("alsaaudio")
    except ImportError:
        return fail("library", "pyalsaaudio is missing", "install pyalsaaudio 0.11 or newer")
    if not hasattr(library.PCM, "info") or not hasattr(library.PCM, "avail"):
        fix = "install pyalsaaudio 0.11 or newer; Debian's own package cannot capture"
        return fail("library", "pyalsaaudio is too old", fix)
    return ok("library", f"pyalsaaudio {getattr(library, '__version__', 'new enough')}")


def check_clock(today: date) -> Finding:
    """Check whether the clock can be right: a wrong one makes every certificate invalid."""
    if today < date.fromisoformat(RELEASED):
        fix = "connect it to a network with a time server, or fit a clock battery"
        return fail(
            "clock", f"it says {today.isoformat()}, before this version of voiced was made", fix
        )
    return ok("clock", today.isoformat())


def check_disk(folder: Path, daemon: Mapping[str, Any] = _SILENT) -> Finding:
    """Check whether the state folder can be written, by writing a file; and ask the running daemon."""
    probe = folder / PROBE
    try:
        replace_file(probe, bytes(PROBE_BYTES), PROBE_MODE)
        probe.unlink()
        free_bytes = shutil.disk_usage(folder).free
    except OSError as error:
        fix = f"free some space, fix the disk, or give {folder} to the user that runs voiced"
        return fail("disk", f"{folder} cannot be written ({error.strerror})", fix)
    disk = daemon.get("disk") or {}
    if disk.get("failing"):
        fix = "see `voiced logs`; it keeps trying"
        return fail("disk", f"the daemon cannot write in {folder}: {disk['reason']}", fix)
    if free_bytes < ENOUGH_BYTES:
        text = f"{free_bytes / 1e6:.0f} MB are left on the disk of {folder}"
        return fail("disk", text, "free some space: `journalctl --vacuum-size=50M` is a start")
    return ok("disk", f"{folder}, {free_bytes / 1e9:.1f} GB free")


def check_state(folder: Path) -> Finding:
    """Check whether any state file was found broken."""
    broken = [path.name for spec in ALL_FILES for path in broken_copies(folder / spec.name)]
    if broken:
        text = f"damaged, and set aside: {', '.join(broken)}"
        return warn("state", text, f"look at them in {folder}, and delete them")
    return ok("state", "no damaged file")


def check_sounds(settings: Settings) -> Finding:
    """Check whether the owner's own sounds can be used."""
    if settings.sounds.directory is None:
        return ok("sounds", "the built-in ones")
    folder = Path(settings.sounds.directory)
    if not folder.is_dir():
        return fail(
            "sounds", f"there is no folder {folder}", "create it, or correct sounds.directory"
        )
    names = {f"{cue.value}.wav" for kind in (Earcon, Prompt) for cue in kind}
    files = sorted(path for path in folder.glob("*.wav"))
    for path in files:
        if path.name not in names:
            fix = f"name it {', '.join(sorted(names))}"
            return fail("sounds", f"{path} replaces nothing", fix)
        try:
            read_wav_file(path, 0)
        except DeviceError as error:
            return fail("sounds", f"{path}: {error.problem}", error.hint or "replace it")
    return ok("sounds", f"{len(files)} of your own in {folder}")


def check_button(settings: Settings) -> Finding:
    """Check whether every button's pin can be used, and none is stuck."""
    wirings = list(button_wirings(settings))
    if not wirings:
        return skip("button", "none is set")
    for wiring in wirings:
        try:
            pressed = is_pressed(wiring.pin, active_high=wiring.active_high)
        except PinError as error:
            return fail("button", f"GPIO {wiring.pin}: {error.problem}", error.hint)
        if pressed:
            other = "low" if wiring.active_high else "high"
            fix = f"release it, check the wiring, or write `active: {other}`"
            return fail("button", f"GPIO {wiring.pin} is pressed all the time", fix)
    pins = ", ".join(str(wiring.pin) for wiring in wirings)
    return ok("button", f"GPIO {pins}, not pressed")


def check_light(settings: Settings) -> Finding:
    """Check whether the light's pins can be used."""
    wiring = light_wiring(settings)
    if wiring is None:
        return skip("light", "none is set")
    pins = ", ".join(map(str, wiring.pins))
    try:
        Lamp(wiring.pins, active_high=wiring.active_high).close()
    except PinError as error:
        return fail("light", f"GPIO {pins}: {error.problem}", error.hint)
    return ok("light", f"GPIO {pins}")


def pins_of_daemon(settings: Settings, daemon: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield whether a running daemon holds the pins or still tries to, by its answer to `voiced status`."""
    faults = {fault["name"]: fault for fault in daemon.get("faults", ())}
    lamp = light(settings)
    parts = [("button", each.name) for each in buttons(settings)]
    parts += [] if lamp is None else [("light", lamp.name)]
    for check, name in parts:
        if name not in faults:
            yield ok(check, f"{name}: the running daemon uses it")
            continue
        problem, _, hint = faults[name]["reason"].partition("; ")
        again = "it keeps trying"
        yield fail(check, f"{name}: {problem}", f"{hint}; {again}" if hint else again)


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
