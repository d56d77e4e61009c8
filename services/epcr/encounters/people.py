"""Which encounters are known to be of one person: those with a number in common, and no two different numbers of one system.

Only numbers of one person each are looked at (`deidentification/numbers.py`).
"""

from collections.abc import Iterable, Mapping
from heapq import heapify, heappop, heappush
from itertools import combinations

import msgspec

from services.epcr.deidentification.pseudonyms import Number

# The numbers that an encounter has of each system.
Told = Mapping[bytes, frozenset[bytes]]


class Member(msgspec.Struct):
    """An encounter of a group with one basis. `numbers` are those of its patient that are of one person, in the order of their systems."""

    id: str
    identity: int
    version: int
    test: bool
    numbers: list[Number]

    def joins(self) -> list[tuple[bytes, bytes]]:
        """The numbers that connect this encounter with others, each with its system."""
        return [(one.space, one.digest) for one in self.numbers if one.is_long]

    def told(self) -> Told:
        systems = {one.space for one in self.numbers}
        return {space: frozenset(one.digest for one in self.numbers if one.space == space) for space in systems}


class _Group:
    """The encounters with one basis: by system the numbers that each of them has."""

    def __init__(self) -> None:
        self.told: dict[bytes, set[frozenset[bytes]]] = {}

    def add(self, told: Told) -> None:
        for space, numbers in told.items():
            self.told.setdefault(space, set()).add(numbers)

    def contradicts(self, other: "_Group") -> bool:
        """Whether two of their encounters have different numbers of one system: then they are two people, even if they share others."""
        return any(space in other.told and len(told | other.told[space]) > 1 for space, told in self.told.items())


class People:
    """The groups of encounters with one basis, as far as a decision about some numbers needs them."""

    def __init__(self) -> None:
        self._groups: dict[bytes, _Group] = {}
        self._having: dict[tuple[bytes, bytes], dict[bytes, str]] = {}

    def add(self, basis: bytes, member: Member) -> None:
        self._groups.setdefault(basis, _Group()).add(member.told())
        for number in member.joins():
            oldest = self._having.setdefault(number, {})
            oldest[basis] = min(member.id, oldest.get(basis, member.id))

    def has(self, digest: bytes) -> bool:
        """Whether an encounter has that number."""
        return any(digest == number for _, number in self._having)

    def contradict(self, member: Member, basis: bytes) -> bool:
        """Whether an encounter with that basis is of another person than `member`."""
        return basis in self._groups and self._groups[basis].contradicts(_alone(member))

    def known(self, member: Member) -> bytes | None:
        """The basis of the oldest encounter of the same person, if there is one.

        None also where the numbers lead to two people: then nobody can say which of them this one is.
        """
        oldest: dict[bytes, str] = {}
        for number in member.joins():
            for basis, id in self._having.get(number, {}).items():
                oldest[basis] = min(id, oldest.get(basis, id))
        fitting = sorted((id, basis) for basis, id in oldest.items() if not self.contradict(member, basis))
        groups = [self._groups[basis] for _, basis in fitting]
        if any(one.contradicts(other) for one, other in combinations(groups, 2)):
            return None
        return fitting[0][1] if fitting else None

    def basis_of(self, member: Member, alone: bytes) -> bytes:
        """The `known` basis; else one made from the first number that nobody else has; else `alone`."""
        free = (
            digest
            for space, digest in member.joins()
            if digest not in self._groups and (space, digest) not in self._having
        )
        return self.known(member) or next(free, alone)


def connected(roots: Iterable[str], members: Mapping[str, Member], last: str) -> set[str]:
    """The encounters that numbers connect with the `roots`, without those that contradict one of them. `last` gives way to all others."""
    having: dict[tuple[bytes, bytes], list[str]] = {}
    for id, member in members.items():
        for number in member.joins():
            having.setdefault(number, []).append(id)
    reached, agreed = set[str](), _Group()
    waiting = [(id == last, id) for id in roots]
    heapify(waiting)
    while waiting:
        _, id = heappop(waiting)
        told = _alone(members[id])
        if id in reached or agreed.contradicts(told):
            continue
        reached.add(id)
        agreed.add(members[id].told())
        for number in members[id].joins():
            for one in having.pop(number, ()):
                heappush(waiting, (one == last, one))
    return reached


def _alone(member: Member) -> _Group:
    group = _Group()
    group.add(member.told())
    return group
