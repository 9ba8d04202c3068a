"""Where the numbers come from: they mean little without it."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("voiced", "websockets", "numpy", "msgspec", "pyalsaaudio")


def facts() -> dict[str, Any]:
    """Return what a reader of the numbers must know of this machine."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
    }


def sentence(facts: dict[str, Any]) -> str:
    """Return the facts on one line."""
    return (
        f"{facts['cores']} cores {facts['processor']} ({facts['machine']}), "
        f"Python {facts['python']}, load {facts['load_before']} before, {facts['date']}"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith(("model name", "Model")):
            return line.partition(":")[2].strip()
    return "unknown"
