"""Who may be here at the same time: places by rank, shared out fairly. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class Rank(Enum):
    """Who somebody is, as far as it matters for a place.

    Each rank has places of its own, which the others cannot take.
    """

    STRANGER = "stranger"
    OWN = "own"
    MEMBER = "member"


@dataclass(frozen=True, slots=True)
class Room:
    """How many places a rank has.

    Attributes:
        places: How many at a time.
        per_group: How many of them for one group: one address, one household.
    """

    places: int
    per_group: int


class Guest(Protocol):
    """Somebody who has a place."""

    def make_way(self) -> None:
        """Leave, because somebody else needs the place."""


class Places:
    """Gives places away.

    Who comes is let in, and who has been here longest and is not settled makes way: first of the
    same group if that has all it may have, then of the largest one. So nobody holds a place by
    being slow, and many connections of one group cost that group alone.

    Args:
        rooms: How many places every rank has.
    """

    def __init__(self, rooms: Mapping[Rank, Room]) -> None:
        self._rooms = rooms
        self._here: dict[Rank, dict[Guest, str]] = {rank: {} for rank in Rank}
        self._settled: set[Guest] = set()

    @property
    def guests(self) -> list[Guest]:
        """Everybody who is here."""
        return [guest for here in self._here.values() for guest in here]

    def admit(self, guest: Guest, rank: Rank, group: str) -> bool:
        """Give `guest` a place in exchange for the one it has; tell whether there is one."""
        self.leave(guest)
        here = self._here[rank]
        crowds = self._crowds(rank, group)
        if crowds is not None:
            leaving = self._first_to_leave(here, crowds)
            if leaving is None:
                return False
            self.leave(leaving)
            leaving.make_way()
        here[guest] = group
        return True

    def settle(self, guest: Guest) -> bool:
        """Let `guest` stay as long as it likes; tell whether that may be.

        Half of the places are for those who come and go.
        """
        for rank, here in self._here.items():
            if guest in here:
                room, group = self._rooms[rank], here[guest]
                settled = [here[each] for each in here if each in self._settled]
                full = len(settled) >= room.places // 2
                if full or settled.count(group) >= room.per_group // 2:
                    return False
                self._settled.add(guest)
                return True
        return False

    def leave(self, guest: Guest) -> None:
        """Take the place back, if there is one."""
        self._settled.discard(guest)
        for here in self._here.values():
            here.pop(guest, None)

    def _crowds(self, rank: Rank, group: str) -> Iterator[str] | None:
        """Return the groups of which somebody has to leave, first choice first; None if nobody."""
        counts, room = Counter(self._here[rank].values()), self._rooms[rank]
        if counts[group] >= room.per_group:
            return iter((group,))
        if counts.total() >= room.places:
            return (crowd for crowd, _ in counts.most_common())
        return None

    def _first_to_leave(self, here: Mapping[Guest, str], crowds: Iterator[str]) -> Guest | None:
        for crowd in crowds:
            for guest, group in here.items():  # who came first comes first
                if group == crowd and guest not in self._settled:
                    return guest
        return None
