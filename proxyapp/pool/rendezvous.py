"""Which project a conversation meets: the same in each process, and the next one while that is out.

Each owner of quota has a place of a circle of places, by its name. A conversation begins somewhere
and walks in steps of a length of its own: who it meets first, second … is a rank of them all. One
that comes or leaves so changes nothing but who met it, whoever is out is passed by, and each is met
by as many as the others.
"""

import hashlib
from collections.abc import Iterator, Mapping

# Primes: then a walk of any length comes to each place once.
SIZES = (32_749, 262_139, 2_097_143)
# So many are ranked at once: where there are more, to walk is quicker.
FEW = 180
# Walked before so many are given up, of whom hardly one can answer.
MOST_PLACES = 2048
Taken = tuple[int, int, str]


class Rendezvous:
    """`owners`: how many places each has, 1 or more. It never changes."""

    def __init__(self, owners: Mapping[str, int], before: "Rendezvous | None" = None) -> None:
        """`before`: one of a part of the same places."""
        self._wanted = dict(owners)
        self._size = size_for(owners)
        self._taken: dict[int, Taken] = {} if before is None else before._taken.copy()
        known = {} if before is None else before._wanted
        for owner, places in owners.items():
            for number in range(known.get(owner, 0), places):
                if len(self._taken) < self._size:
                    self._place(_digest(owner, number), owner)
        self._places = list(self._taken)
        self._owners = [there[2] for there in self._taken.values()]

    def with_owners(self, owners: Mapping[str, int]) -> "Rendezvous":
        """What the owners make, whoever was there before: who stays is placed once."""
        if owners == self._wanted:
            return self
        is_grown = size_for(owners) == self._size and all(
            owners.get(owner, 0) >= places for owner, places in self._wanted.items()
        )
        return Rendezvous(owners, self if is_grown else None)

    def _place(self, digest: int, owner: str) -> None:
        """Of two that want the same place the lower digest has it, whoever came first."""
        going: Taken = (digest, 0, owner)
        while True:
            digest, tries, owner = going
            step = 1 + (digest >> 64) % (self._size - 1)
            place = (digest + tries * step) % self._size
            there = self._taken.get(place)
            if there is None:
                self._taken[place] = going
                return
            if digest < there[0]:
                self._taken[place], going = going, there
            digest, tries, owner = going
            going = (digest, tries + 1, owner)

    def met(self, conversation: int) -> Iterator[str]:
        """The owners, as they are met; one of several places more than once.

        `conversation`: evenly spread over 64 bits.
        """
        start, stretch = conversation % self._size, conversation // self._size
        stretch = 1 + stretch % (self._size - 1)
        if len(self._places) <= FEW:
            return self._met_of_few(start, stretch)
        return self._met_of_many(start, pow(stretch, -1, self._size))

    def _met_of_few(self, start: int, stretch: int) -> Iterator[str]:
        """By after how many steps each is met."""
        size, owners = self._size, self._owners
        ranks = [(place - start) * stretch % size for place in self._places]
        if ranks:
            yield owners[ranks.index(min(ranks))]
            for _, owner in sorted(zip(ranks, owners, strict=True))[1:]:
                yield owner

    def _met_of_many(self, place: int, step: int) -> Iterator[str]:
        """Step by step."""
        taken, size = self._taken, self._size
        for _ in range(MOST_PLACES):
            there = taken.get(place)
            if there is not None:
                yield there[2]
            place += step
            if place >= size:
                place -= size


def size_for(owners: Mapping[str, int]) -> int:
    """At most half of the places are taken."""
    wanted = 2 * sum(owners.values())
    return next((size for size in SIZES if size >= wanted), SIZES[-1])


def _digest(owner: str, number: int) -> int:
    name = f"{number} {owner}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(name, digest_size=16).digest(), "big")
