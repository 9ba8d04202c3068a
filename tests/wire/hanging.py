"""`voiced` where sound cards and name servers hang: the environment says which, in `HANGS`.

`opening`: of sound cards. `closing`: of sound cards, which otherwise work. `names`: every lookup.
"""

import os
import socket
import sys
import threading

from tests.devices.fake_alsa import FakePcm, fake_alsa
from voiced.cli import main

HANGS = set(os.environ.get("HANGS", "").split())

_real = socket.getaddrinfo


def hang(*_given, **_named):
    threading.Event().wait(600)


def getaddrinfo(host, *given, flags=0, **named):
    if flags & socket.AI_NUMERICHOST or host in (None, "127.0.0.1"):
        return _real(host, *given, flags=flags, **named)
    return hang()


if "names" in HANGS:
    socket.getaddrinfo = getaddrinfo
alsa = fake_alsa()
if "opening" in HANGS:
    alsa.PCM = hang
if "closing" in HANGS:
    FakePcm.close = hang
sys.modules["alsaaudio"] = alsa

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
