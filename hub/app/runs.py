"""What people do with runs: answer a gate, release or discard what is held, cancel; and read them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from hub.app.library import Library
from hub.domain.approvers import Approver, may_approve
from hub.domain.audit import Act
from hub.domain.errors import Conflict, Forbidden, Invalid, NotFound
from hub.domain.ids import RunId, TenantId, show
from hub.domain.rules import Program
from hub.domain.rules.tree import Gate
from hub.domain.run_words import standing
from hub.domain.runs import ANSWERED, LIVE, Run, RunState, decide
from hub.ports.clock import Clock
from hub.ports.meter import Meter
from hub.ports.store import Store

ANSWERS = ("approve", "reject")
MANY = ("release", "discard", "cancel")  # may be said of many at once; a gate is answered for one candidate at a time
ACTS = (*ANSWERS, *MANY)
BATCH = 100
MOST = 1000  # runs in one call


@dataclass(frozen=True, slots=True)
class RunView:
    """A run with the names that people know. `approvers` is who is asked at its gate."""

    run: Run
    rule: str
    revision: int
    program: Program
    stopped: bool = False  # all rules are: it does not move

    @property
    def stands(self) -> Mapping[str, str]:
        """Where it stands, as a sentence in each language."""
        return standing(self.run, self.program, stopped=self.stopped)

    @property
    def approvers(self) -> tuple[str, ...]:
        """Who is asked at the gate where it stands."""
        gate = gate_of(self.run, self.program)
        return () if gate is None else gate.approvers


def gate_of(run: Run, program: Program) -> Gate | None:
    """The gate at which a run waits for a person."""
    step = program.steps.get(run.step or "")
    return step if isinstance(step, Gate) and run.state is RunState.GATE else None


@dataclass(frozen=True, slots=True)
class Decided:
    """`count` runs were found, or decided; `more`: there are others behind them."""

    count: int
    more: bool


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs of one tenant."""

    store: Store
    library: Library
    clock: Clock
    meter: Meter
    may_approve: Callable[[Approver, Gate], bool] = may_approve

    async def decide(self, tenant: TenantId, run: RunId, act: str, by: Approver, why: str | None = None) -> RunView:
        """One of ACTS, on the record of who did it.

        Raises NotFound, Conflict (`run_state`), Forbidden (`not_an_approver`) for who is not asked at the gate.
        """
        now = self.clock.now()
        async with self.store.look() as look:
            asked = await look.run(tenant, run)
        program = None if asked is None else await self.library.program(asked.revision)
        async with self.store.work() as work:
            known = await work.take_run(tenant, run)
            if known is None:
                raise NotFound(f"there is no run {show('run', run)}")
            gate = None if program is None else gate_of(known, program)
            if gate is not None and act in ANSWERS and not self.may_approve(by, gate):
                raise Forbidden("the gate asks somebody else", code="not_an_approver")
            decided = decide(known, act, now)
            if decided.state is RunState.DISCARDED:
                await work.forget_once(decided)
            await work.save_runs([decided])
            detail = {"step": known.step, "was": str(known.state), **({"why": why} if why else {})}
            await work.audit(Act(now, tenant, by.id, f"run.{act}", show("run", run), {**detail}))
        self.store.ring()
        view = await self.view(decided)
        if decided.state not in LIVE:
            self.meter.run_ended(view.rule, decided.state)
        return view

    async def decide_many(
        self,
        tenant: TenantId,
        act: str,
        by: Approver,
        why: str | None = None,
        *,
        states: Collection[RunState] = (),
        subject: str | None = None,
        rule: str | None = None,
        count_only: bool = False,
    ) -> Decided:
        """One of MANY, for the newest MOST runs that fit; each is on the record. What is decided elsewhere meanwhile is left.

        Raises NotFound for a rule that is not there, Invalid (`enum`) for an act that is for one run at a time.
        """
        if act not in MANY:
            raise Invalid(f"for many runs at once: {', '.join(MANY)}", code="enum", at="act")
        wanted = [state for state in RunState if state in ANSWERED[act] and (not states or state in states)]
        count, before, full = 0, None, bool(wanted)
        while full and count < MOST:
            found = await self._found(tenant, BATCH, before, wanted, subject, rule)
            full, before = len(found) == BATCH, found[-1].id if found else None
            for run in found:
                count += count_only or await self._decided(tenant, run.id, act, by, why)
        return Decided(count, full)

    async def _decided(self, tenant: TenantId, run: RunId, act: str, by: Approver, why: str | None) -> bool:
        try:
            await self.decide(tenant, run, act, by, why)
        except (Conflict, NotFound):
            return False
        return True

    async def one(self, tenant: TenantId, run: RunId) -> RunView:
        """Raises NotFound."""
        async with self.store.look() as look:
            found = await look.run(tenant, run)
        if found is None:
            raise NotFound(f"there is no run {show('run', run)}")
        return await self.view(found)

    async def every(
        self,
        tenant: TenantId,
        *,
        limit: int = 50,
        before: RunId | None = None,
        states: Collection[RunState] = (),
        subject: str | None = None,
        rule: str | None = None,
    ) -> list[RunView]:
        """Newest first. Raises NotFound for a rule that is not there."""
        return [await self.view(run) for run in await self._found(tenant, limit, before, states, subject, rule)]

    async def _found(
        self,
        tenant: TenantId,
        limit: int,
        before: RunId | None,
        states: Collection[RunState],
        subject: str | None,
        rule: str | None,
    ) -> list[Run]:
        async with self.store.look() as look:
            number = None
            if rule is not None:
                number = next((r.id for r in await look.rules(tenant) if r.name == rule), None)
                if number is None:
                    raise NotFound(f"there is no rule {rule}")
            return await look.runs(tenant, limit=limit, before=before, states=states, subject=subject, rule=number)

    async def view(self, run: Run) -> RunView:
        """The run with its names."""
        async with self.store.look() as look:
            revision = await look.revision(run.revision)
        assert revision is not None  # revisions are never deleted
        stopped = (await self.library.book(run.tenant)).stopped and run.state in LIVE
        return RunView(run, revision.name, revision.number, await self.library.program(run.revision), stopped)
