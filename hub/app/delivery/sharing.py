"""How many deliveries each lane may start: fair between tenants, fair between their lanes, exact where a lane says so."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from hub.domain.connections import Lane
from hub.domain.ids import TenantId
from hub.ports.lanes import Room

KEEN = 1  # alone, a lane may have half of a worker's places


def fair_shares(wanted: Sequence[tuple[TenantId, int]], room: int, turn: int) -> list[int]:
    """Parts of `room` for lanes that want so many each: every tenant the same, then each of its lanes the same.

    What one does not want goes to the others (max-min fairness); what cannot be divided goes round with `turn`.
    """
    tenants = sorted({tenant for tenant, _ in wanted})
    mine = [[index for index, (tenant, _) in enumerate(wanted) if tenant == one] for one in tenants]
    parts = _fill([sum(wanted[index][1] for index in lanes) for lanes in mine], room, turn)
    shares = [0] * len(wanted)
    for lanes, part in zip(mine, parts, strict=True):
        for index, share in zip(lanes, _fill([wanted[index][1] for index in lanes], part, turn), strict=True):
            shares[index] = share
    return shares


def lent(wanted: Sequence[int], running: Sequence[int], free: int) -> tuple[list[int], int]:
    """How much of what lanes want they may have, and how much of `free` may be given in all: some is always kept back.

    A lane may hold at most KEEN times what stays free (Choudhury and Hahne, Dynamic Queue Length Thresholds, 1998). Lanes
    whose destinations hang give nothing back until their time-out; so k of them leave 1 / (1 + KEEN x k) of a
    worker's places to the others, however much they want. A lane that holds nothing may always begin.
    """
    hungry = sum(want > 0 for want in wanted)
    if not hungry or free <= 0:
        return [0] * len(wanted), 0
    room = max(1, free * KEEN * hungry // (KEEN * hungry + 1))
    most = [max((KEEN * free - held) // (KEEN + 1), 0 if held else 1) for held in running]
    return [max(0, min(want, one)) for want, one in zip(wanted, most, strict=True)], room


def _fill(wants: Sequence[int], room: int, turn: int) -> list[int]:
    given = [0] * len(wants)
    left, hungry = room, [index for index, want in enumerate(wants) if want > 0]
    while left > 0 and hungry:
        share = left // len(hungry)
        start = turn % len(hungry)
        for place, index in enumerate(hungry[start:] + hungry[:start]):
            extra = 1 if share == 0 and place < left else 0
            given[index] += min(share + extra, wants[index] - given[index])
        left = room - sum(given)
        if share == 0:
            break
        hungry = [index for index in hungry if wants[index] > given[index]]
    return given


def startable(lane: Lane, room: Room, now: datetime) -> tuple[int, float | None]:
    """How many more a strict lane may start over all workers, and the tokens it has (None: no rate).

    A token bucket of one second's worth, at least one: in t seconds never more than that and `rate` x t.
    """
    free = max(0, lane.concurrency - room.leased)
    if room.opens:
        free = min(free, 0 if room.leased else 1)  # one probe
    if lane.rate is None:
        return free, None
    burst = max(1.0, lane.rate)
    if room.tokens is None or room.tokens_at is None:
        tokens = burst
    else:
        passed = max(0.0, (now - room.tokens_at).total_seconds())
        tokens = min(burst, room.tokens + passed * lane.rate)
    return min(free, int(tokens)), tokens


def counted_at(room: Room, now: datetime) -> datetime:
    """The time at which a bucket's tokens are true: never before the last one, or the time between would count twice.

    A worker reads its clock, then waits for the lane's lock; meanwhile another one, or one whose clock is ahead, was there.
    """
    return now if room.tokens_at is None else max(now, room.tokens_at)
