"""The C library's heaps, as it describes them itself (malloc_info)."""

import re
import subprocess
import sys

THREADS = 4
BLOCKS = 300
ALLOCATING = """
import ctypes, sys, threading
from voiced.host.heap import keep_one_heap

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
libc.fopen.restype, libc.malloc_info.argtypes = ctypes.c_void_p, [ctypes.c_int, ctypes.c_void_p]
libc.fclose.argtypes = [ctypes.c_void_p]
n_threads, n_blocks = int(sys.argv[1]), int(sys.argv[2])
if "one" in sys.argv:
    keep_one_heap()

def tell():
    told = libc.fopen(b"/dev/stdout", b"a")
    libc.malloc_info(0, told)
    libc.fclose(told)

def allocate():
    libc.free(libc.malloc(100_000))
    together.wait()

blocks = [None] * n_blocks
libc.free(libc.malloc(30_000_000))
tell()
for at in range(n_blocks):
    blocks[at] = libc.malloc(100_000)
for block in reversed(blocks):
    libc.free(block)
tell()
together = threading.Barrier(n_threads)
threads = [threading.Thread(target=allocate) for _ in range(n_threads)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
tell()
"""


def heaps(*words):
    """Return how many heaps a process has, and how many MiB more than before the first holds after all was freed."""
    command = [sys.executable, "-c", ALLOCATING, str(THREADS), str(BLOCKS), *words]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    before, after, threaded = told.split("</malloc>\n")[:3]
    held = [int(re.search(r'system type="current" size="(\d+)"', it)[1]) for it in (before, after)]
    return threaded.count("<heap nr="), (held[1] - held[0]) / 2**20


def test_all_threads_share_one_heap_that_gives_back_what_is_free():
    n_usual, usual_mib = heaps()
    n_heaps, mib = heaps("one")
    assert n_usual > 1
    assert n_heaps == 1
    assert usual_mib > 20
    assert mib < 5
