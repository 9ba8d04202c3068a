"""Limits for connections at the same time: places by rank, shared fairly between groups. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class Rank(Enum):
    """The rank of a visitor. Each rank has places of its own, which the others cannot take."""

    STRANGER = "stranger"
    OWN = "own"
    MEMBER = "member"


@dataclass(frozen=True, slots=True)
class Room:
    """The places of a rank.

    Attributes:
        places: How many there are.
        per_group: How many of them one group may take: one address, one household.
    """

    places: int
    per_group: int


class Guest(Protocol):
    """A connection that has a place."""

    def make_way(self) -> None:
        """Leave, because another one needs the place."""


class Places:
    """Assigns the places.

    A newcomer is let in, and the oldest guest that is not settled makes way: one of the same group
    if that group is full, else one of the largest group. So a slow connection cannot hold a place,
    and many connections of one group cost only that group.

    Args:
        rooms: The places of every rank.
    """

    def __init__(self, rooms: Mapping[Rank, Room]) -> None:
        self._rooms = rooms
        self._here: dict[Rank, dict[Guest, str]] = {rank: {} for rank in Rank}
        self._settled: set[Guest] = set()

    @property
    def guests(self) -> list[Guest]:
        """All guests."""
        return [guest for here in self._here.values() for guest in here]

    def admit(self, guest: Guest, rank: Rank, group: str) -> bool:
        """Give `guest` a place in exchange for the one it has; return whether there is one."""
        self.leave(guest)
        here = self._here[rank]
        crowds = self._crowded_groups(rank, group)
        if crowds is not None:
            leaving = self._oldest_unsettled(here, crowds)
            if leaving is None:
                return False
            self.leave(leaving)
            leaving.make_way()
        here[guest] = group
        return True

    def settle(self, guest: Guest) -> bool:
        """Let `guest` stay as long as it likes; return whether it may.

        Half of the places stay free for short visits.
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
        """Free the place of `guest`, if it has one."""
        self._settled.discard(guest)
        for here in self._here.values():
            here.pop(guest, None)

    def _crowded_groups(self, rank: Rank, group: str) -> Iterator[str] | None:
        """Return the groups of which one guest has to leave, best choice first; None if none has to."""
        counts, room = Counter(self._here[rank].values()), self._rooms[rank]
        if counts[group] >= room.per_group:
            return iter((group,))
        if counts.total() >= room.places:
            return (crowd for crowd, _ in counts.most_common())
        return None

    def _oldest_unsettled(self, here: Mapping[Guest, str], crowds: Iterator[str]) -> Guest | None:
        for crowd in crowds:
            for guest, group in here.items():  # dicts keep their order: the oldest comes first
                if group == crowd and guest not in self._settled:
                    return guest
        return None
