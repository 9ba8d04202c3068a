"""What the servers of all stand-ins have in common."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from agentsim.stand_in import StandIn

ServiceT_co = TypeVar("ServiceT_co", bound=StandIn[Any], covariant=True)


@dataclass(frozen=True)
class Server(Generic[ServiceT_co]):
    """A stand-in behind real sockets.

    Attributes:
        url: What to configure a client with.
        rest: The base of its HTTP calls.
        service: The stand-in itself: sessions, events, faults.
    """

    url: str
    rest: str
    service: ServiceT_co


def host_and_port(host: str, port: int) -> str:
    """Return the two as in a URL."""
    return f"{f'[{host}]' if ':' in host else host}:{port}"
