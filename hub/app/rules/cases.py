"""A rule's own test cases, run on the stored events that they name."""

from __future__ import annotations

import json
from dataclasses import dataclass

from hub.app.places import body_place
from hub.app.tags import as_it_was
from hub.domain.errors import Conflict
from hub.domain.ids import EventId, TenantId
from hub.domain.rules import compile_rule, parse
from hub.ports.store import Store
from hub.ports.vault import Vault
from mappings.documents import Document


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case. `said` is the verdict, None with `ran` False where the event is not there any more."""

    event: str
    wanted: bool
    ran: bool
    said: bool | None = None
    held: bool = False
    failing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cases:
    """Runs them. Nothing is sent, ever."""

    store: Store
    vault: Vault

    async def __call__(self, tenant: TenantId, stored: Document) -> list[CaseResult]:
        """In the rule's order. A case whose event is gone (or was never here) does not run, and refuses nothing."""
        body = parse(stored)
        if not body.cases:
            return []
        compiled, results = compile_rule(body), []
        for case in body.cases:
            async with self.store.look() as look:
                event = await look.event(tenant, EventId(case.event)) if _is_id(case.event) else None
            if event is None:
                results.append(CaseResult(case.event, case.fires, ran=False))
                continue
            await self.vault.prepare(tenant, sealed=[event.body])
            try:
                data = json.loads(self.vault.open(body_place(tenant, event.id), event.body))
            except Conflict as error:
                if error.code != "key_destroyed":
                    raise
                results.append(CaseResult(case.event, case.fires, ran=False))
                continue
            data = await as_it_was(self.store, event, data)
            said = compiled.decide(data, event.received_at)
            failing = compiled.failing(data, event.received_at)
            held = (said is True) is case.fires and (case.because is None or case.because in failing)
            results.append(CaseResult(case.event, case.fires, True, said, held, failing))
        return results

    async def must_hold(self, tenant: TenantId, stored: Document, at: str = "cases") -> list[CaseResult]:
        """The results. Raises Conflict (`case_failed`) at the first that does not hold."""
        results = await self(tenant, stored)
        for number, one in enumerate(results):
            if one.ran and not one.held:
                wanted = "fire" if one.wanted else "not fire"
                raise Conflict(
                    f"a test case of the rule fails: it should {wanted} on {one.event}",
                    code="case_failed",
                    at=f"{at}.{number}",
                )
        return results


def _is_id(text: str) -> bool:
    return len(text) == 36 and text.startswith("evt_") and all(letter in "0123456789abcdef" for letter in text[4:])
