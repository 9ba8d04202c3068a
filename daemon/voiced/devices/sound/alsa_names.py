"""The PCMs that this system's ALSA files define.

alsa-lib takes a name that no file defines as a definition in itself, and a definition may start programs. So a
name is valid only if a file defines it. The lookup opens no device.
"""

import ctypes
import functools
import re
from typing import Any

# Capturing from it returns uninitialised memory, and neither direction has a clock.
_NO_DEVICE = "null"

_MOST_ALIASES = 8
"""How many aliases to follow, in case they form a loop."""


def is_defined(name: str) -> bool:
    """Tell whether an ALSA file defines a PCM called `name` that can be a sound device.

    Thread: any.
    """
    library = _alsa_lib()
    if library is None:
        return False
    top = ctypes.c_void_p()
    if library.snd_config_update_ref(ctypes.byref(top)) < 0:
        return False
    try:
        return _defines(library, top, name)
    finally:
        library.snd_config_unref(top)


def _defines(library: Any, top: ctypes.c_void_p, name: str) -> bool:
    for _ in range(_MOST_ALIASES):
        found = _below(library, top, f"pcm.{name}")
        if found is None:
            return False
        kind = _below(library, found, "type")
        if kind is not None:
            return _text(library, kind) != _NO_DEVICE
        other = _text(library, found)
        if other is None or "." in name:  # with a dot it is a part of a definition, not a PCM
            return False
        if re.fullmatch(r"[A-Za-z0-9_-]+", other) is None:
            return True
        name = other
    return False


def _text(library: Any, node: ctypes.c_void_p) -> str | None:
    text = ctypes.c_char_p()
    if library.snd_config_get_string(node, ctypes.byref(text)) < 0 or text.value is None:
        return None
    return text.value.decode("utf-8", "replace")


def _below(library: Any, node: ctypes.c_void_p, key: str) -> ctypes.c_void_p | None:
    found = ctypes.c_void_p()
    missing = library.snd_config_search(node, key.encode(), ctypes.byref(found)) < 0
    return None if missing else found


@functools.cache
def _alsa_lib() -> Any:
    try:
        return ctypes.CDLL("libasound.so.2")
    except OSError:
        return None
