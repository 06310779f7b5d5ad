"""What goes wrong in a simulated world: the weather that holds for a while, and the blows that fall at a moment."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

CHAOS_S = 20.0  # how long blows fall; after that everything is healthy and must come to rest

LEASE_S = 6.0

BLOWS = (
    "kill worker",
    "freeze worker",
    "stop worker",
    "kill front",
    "freeze front",
    "store down",
    "store slow",
    "vendor down",
    "answers lost",
)


@dataclass
class Weather:
    """How the world is now. Chances are per request, times are the longest in seconds."""

    store_s: float = 0.002
    commit_s: float = 0.005
    commit_lost: float = 0.0  # the commit is durable, its answer is not heard
    store_down: bool = False
    ring_lost: float = 0.1
    network_s: float = 0.01
    network_lost: float = 0.0  # between clients and fronts
    vendor_s: float = 0.2
    vendor_down: bool = False
    fates: dict[str, float] = field(default_factory=dict)  # fate of a request -> its weight beside `ok`
    store_troubles: int = 0  # grows when the store gets into trouble, and when it gets out
    shaken_until: float = 0.0

    def trouble(self, now: float) -> None:
        """The store's trouble begins or ends."""
        self.store_troubles += 1
        self.shaken_until = now + 2 * LEASE_S

    def calm(self) -> None:
        """From here on nothing goes wrong any more."""
        self.store_down = self.vendor_down = False
        self.commit_s, self.commit_lost, self.network_lost = 0.005, 0.0, 0.0
        self.vendor_s, self.fates = 0.2, {}


@dataclass(frozen=True)
class Blow:
    """One thing that happens."""

    at: float
    kind: str
    lasts: float


def brew(chance: random.Random) -> tuple[Weather, list[Blow]]:
    """A climate and its blows. Each world has only some of the faults: all at once hide each other."""
    weather = Weather(network_lost=chance.choice([0.0, 0.0, 0.1]), ring_lost=chance.choice([0.0, 0.1, 1.0]))
    if chance.random() < 0.8:
        kinds = ("busy", "limited", "fails", "fails after", "refuses", "swallows", "answers late", "lingers")
        weather.fates = {kind: chance.choice([0.0, 0.0, 0.05, 0.15]) for kind in kinds}
    blows = []
    for kind in BLOWS:
        if chance.random() < 0.45:
            for _ in range(chance.randint(1, 3)):
                blows.append(Blow(chance.uniform(0.5, CHAOS_S), kind, chance.uniform(0.5, 12.0)))
    return weather, sorted(blows, key=lambda blow: (blow.at, blow.kind, blow.lasts))
