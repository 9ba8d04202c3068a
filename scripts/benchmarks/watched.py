"""`voiced run`, counting its tasks: a line of JSON every ten seconds."""

import argparse
import asyncio
import json
from pathlib import Path

from voiced.assembly.factory import Extras, assemble, catalogue
from voiced.config.load import examine
from voiced.host.journal import StatusLog, start_log
from voiced.ports import Emit
from voiced.service.signals import SignalWake

COUNT_EVERY_S = 10.0


class TaskCount:
    """A wake source that never wakes but counts the tasks of the loop it runs on."""

    async def watch(self, _emit: Emit) -> None:
        """Count until cancelled."""
        while True:
            await asyncio.sleep(COUNT_EVERY_S)
            print(json.dumps({"tasks": len(asyncio.all_tasks())}), flush=True)


def main() -> None:
    """Hold conversations until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    settings = examine(parser.parse_args().config, catalogue()).usable().settings
    start_log(settings.log.level)
    extras = Extras(wake_sources=[SignalWake(), TaskCount()], indicators=[StatusLog()])
    asyncio.run(assemble(settings, extras).run())


if __name__ == "__main__":
    main()
