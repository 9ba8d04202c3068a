"""The C library's heaps, as it describes them itself (malloc_info)."""

import re
import subprocess
import sys

THREADS = 4
ALLOCATING = """
import ctypes, sys, threading
from voiced.host.heap import keep_one_heap

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
libc.fopen.restype, libc.malloc_info.argtypes = ctypes.c_void_p, [ctypes.c_int, ctypes.c_void_p]
libc.fclose.argtypes = [ctypes.c_void_p]
if "one" in sys.argv:
    keep_one_heap()
libc.free(libc.malloc(30_000_000))
together = threading.Barrier(int(sys.argv[1]))

def allocate():
    blocks = [libc.malloc(100_000) for _ in range(20)]
    together.wait()
    for block in blocks:
        libc.free(block)
    together.wait()

threads = [threading.Thread(target=allocate) for _ in range(together.parties)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
told = libc.fopen(b"/dev/stdout", b"w")
libc.malloc_info(0, told)
libc.fclose(told)
"""


def heaps(*words):
    """Return how many heaps a process has, and how many MiB they hold after all was freed."""
    command = [sys.executable, "-c", ALLOCATING, str(THREADS), *words]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    [*_, held] = re.findall(r'<system type="current" size="(\d+)"/>', told)
    return told.count("<heap nr="), int(held) / 2**20


def test_all_threads_share_one_heap_that_gives_back_what_is_free():
    n_usual, usual_mib = heaps()
    n_heaps, mib = heaps("one")
    assert n_usual > 1
    assert n_heaps == 1
    assert mib < usual_mib / 2
