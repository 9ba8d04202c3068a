"""`voiced` with one more agent protocol, `crash`, that no process survives."""

import os
import sys

from voiced.agents import AGENTS
from voiced.cli import main


class Crash:
    """An agent that ends the process as soon as it is made."""

    default_url = "wss://crash.test/"
    scheme = "wss"
    takes_tools = True
    session_permissions = {}  # noqa: RUF012 - a port's attribute, and nobody changes it

    def __init__(self, settings):
        os._exit(3)

    @staticmethod
    def check_session(session):
        return []


AGENTS["crash"] = "tests.wire.crashing:Crash"

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
