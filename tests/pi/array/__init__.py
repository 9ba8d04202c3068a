"""A USB microphone array in software: what QEMU's usb-redir device takes for a real one.

`python -m tests.pi.array` runs it; `remote.py` is how scenarios speak to it.
"""
