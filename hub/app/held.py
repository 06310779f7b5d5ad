"""Holding what rules have caused and has not left, and letting it go again."""

from __future__ import annotations

from hub.domain.audit import Act
from hub.domain.errors import Invalid
from hub.domain.ids import RuleId, TenantId
from hub.ports.clock import Clock
from hub.ports.store import Store

BATCH = 1000
FATES = ("keep", "release", "discard")  # of what is held, when rules act again


def checked_fate(held: str) -> str:
    """Raises Invalid (`enum`)."""
    if held not in FATES:
        raise Invalid(f"held is one of {', '.join(FATES)}", code="enum", at="held")
    return held


async def hold(store: Store, tenant: TenantId, rule: RuleId | None = None) -> None:
    """Hold what this rule (None: any) caused and nobody has in hand.

    In small transactions: vendors' answers and new events go on.
    """
    while True:
        async with store.work() as work:
            if not await work.hold_caused(tenant, BATCH, rule):
                return


async def settle(
    store: Store, clock: Clock, tenant: TenantId, by: str, fate: str, rule: tuple[RuleId, str] | None = None
) -> None:
    """Send what is held after all, or end it as cancelled; on the record. `rule`: of this one alone, with its name."""
    count, id_ = 0, None if rule is None else rule[0]
    while fate != "keep":
        now = clock.now()
        async with store.work() as work:
            some = await work.let_go(tenant, now=now, send=fate == "release", limit=BATCH, rule=id_)
        count += some
        if not some:
            break
    if count:
        about = ("rules", "held") if rule is None else ("rule", rule[1])
        async with store.work() as work:
            await work.audit(Act(clock.now(), tenant, by, f"{about[0]}.{fate}", about[1], {"deliveries": count}))
    store.ring()
