"""`scripts/bench`: measure, print one table, write it as JSON."""

import argparse
import json
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from scripts.benchmarks import machine, programs, soak
from scripts.benchmarks.measures import MEASURES, Bench
from scripts.benchmarks.programs import Place
from scripts.benchmarks.speech import write_user
from scripts.benchmarks.table import Row, render
from tests.devices.rig import SoundRig

USER_S = 80.0  # the longest measurement, its settling included


def main() -> int:
    """Return 1 if a budget was exceeded."""
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is stopped
    with tempfile.TemporaryDirectory(prefix="bench-") as name, SoundRig() as rig:
        if options.soak is not None:
            return soak.run(Path(name), rig, options.soak)
        return _measure(_bench(Path(name), rig, quick=options.quick), options.only, options.json)


def _measure(bench: Bench, chosen: Sequence[str], to: Path) -> int:
    facts = machine.facts()
    rows: list[Row] = []
    for name in chosen:
        began_s = time.monotonic()
        rows += MEASURES[name](bench)
        print(f"bench: {name} took {time.monotonic() - began_s:.0f} s", file=sys.stderr)
    print(machine.sentence(facts))
    print()
    print(render(rows))
    written = {"machine": facts, "quick": bench.quick, "rows": [row.entry() for row in rows]}
    to.write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 1 if any(row.missed() for row in rows) else 0


def _bench(folder: Path, rig: SoundRig, *, quick: bool) -> Bench:
    native, converted = write_user(folder, USER_S)
    spoken = f"wav:{folder / 'heard.wav'}"
    return Bench(
        folder,
        rig,
        (Place("wav", f"wav:{native}", spoken, {}), _on(rig)),
        (Place("wav", f"wav:{converted}", spoken, {}), _on(rig)),
        native,
        quick=quick,
    )


def _on(rig: SoundRig) -> Place:
    return Place("rig", rig.microphone, rig.speaker, rig.environment)


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in MEASURES]:
        raise argparse.ArgumentTypeError(f"no such measurement: {', '.join(unknown)}")
    return names


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    add = parser.add_argument
    add("--quick", action="store_true", help="measure a fifth as long: good for a first look")
    add(
        "--only",
        type=_names,
        default=list(MEASURES),
        metavar="NAME,...",
        help=f"of {', '.join(MEASURES)}",
    )
    add("--json", type=Path, default=programs.ROOT / "bench.json", metavar="FILE")
    add("--soak", type=float, metavar="MINUTES", help="instead: converse for long, look for leaks")
    return parser


if __name__ == "__main__":
    sys.exit(main())
