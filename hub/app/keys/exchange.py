"""Look after keys: exchange them at every level without stopping, destroy those of a person, say how they are.

An exchange is a row that says which step it is in and how far that has come. Every step can be cut off at any moment and
done again: keys are replaced by comparison, values too, and a key that was left behind opens until `purge` finds it unused.

| level | steps |
|---|---|
| root | offer, load (by all processes that live), make, rewrap (tenants' keys), verify |
| class: a tenant's key of one class | make, rewrap (its owners' keys), reseal (what it sealed itself), verify |
| owners: all keys of a class below the tenant's | make, reseal, verify |
| apart: what an older version sealed under the tenant's own key | reseal (under the owner's key), verify |
| index: a tenant's key of blind indexes | make (the new key writes, both are looked up by), reindex, verify |
| lookups: what an older version stored without blind indexes | fill |
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Protocol

from hub.app.keys.index import Reindex
from hub.app.keys.levels import DONE as DONE
from hub.app.keys.levels import INDEX, LOAD, REINDEX, RESEAL, REWRAP, STEPS, KeyCount
from hub.app.keys.levels import Level as Level
from hub.app.keys.nodes import Nodes
from hub.domain.audit import Act
from hub.domain.errors import Conflict, HubError
from hub.domain.ids import DEFAULT_TENANT, TenantId
from hub.ports.clock import Clock
from hub.ports.meter import Meter
from hub.ports.vault import (
    SEALED_COLUMNS,
    Craft,
    DataClass,
    Destroyed,
    KeyKeeping,
    KeyRow,
    KeyShelf,
    Place,
    RootState,
    Rotation,
    SealedColumn,
    SealedValue,
    Vault,
    subject_owner,
)
from mappings.documents import Document

BATCH = 200
CLOCKS_APART = timedelta(minutes=1)  # a key may be made by a process whose clock is so much ahead
SHORTEST_REST_S, LONGEST_REST_S = 0.05, 2.0
PASSED = 50  # windows in one step at most
RECOVERY = "recovery"  # the row that says when shares were last tried, and which root keys they give
KEPT = timedelta(days=35)  # as long as a backup of keys lives: what it holds must open what was sealed then


class CraftVault(Vault, Craft, Protocol):
    """A vault that also exchanges keys."""


class Shelves(KeyShelf, KeyKeeping, Protocol):
    """Where keys are stored and looked after."""


@dataclass(slots=True)
class Keys:
    """All that is done with keys besides sealing and opening."""

    shelf: Shelves
    vault: CraftVault
    clock: Clock
    meter: Meter
    index: Reindex
    nodes: Nodes
    _old: dict[str, frozenset[bytes]] = field(default_factory=dict)

    async def show(self) -> list[KeyCount]:
        """All keys by kind, the root keys first."""
        root = await self.vault.root()
        roots = [
            KeyCount(0, "root", root.provider, version, "active" if index == 0 else "retired", 1)
            for index, version in enumerate(root.versions)
        ]
        return [*roots, *(KeyCount(*row) for row in await self.shelf.count_keys())]

    async def status(self) -> list[Rotation]:
        """All exchanges, newest first."""
        return await self.shelf.rotations()

    async def health(self) -> RootState:
        """Whether the provider of root keys answers."""
        return await self.vault.root()

    async def recovery(self) -> Rotation | None:
        """When shares of the root keys were last proved; `old` names the root keys that they give."""
        return next((one for one in await self.shelf.rotations() if one.name == RECOVERY), None)

    async def recovery_tried(self, roots: Sequence[str]) -> None:
        """Note that shares give these root keys, which open all that is stored."""
        now = self.clock.now()
        await self.shelf.put_rotation(Rotation(RECOVERY, DONE, "", ",".join(roots), "", 0, now, now))

    async def rotate(self, level: Level) -> Rotation:
        """Begin to exchange the keys of a level, or go on where it was left; `advance` carries it out.

        Raises Unavailable, Conflict (`rotate_elsewhere`).
        """
        known = {one.name: one for one in await self.shelf.rotations()}
        there = known.get(str(level))
        if there is not None and there.step != DONE:
            return there
        now = self.clock.now()
        begun = Rotation(str(level), STEPS[level.kind][0], "", await self._active(level), "", 0, now, now)
        await self.shelf.put_rotation(begun)
        self.meter.note("keys.rotate", keys=str(level))
        return begun

    async def _active(self, level: Level) -> str:
        """The key that is to be left behind."""
        match level.kind:
            case "root":
                state = await self.vault.root()
                return state.versions[0] if state.versions else ""
            case "class" | "index":
                rows = await self.shelf.load_keys(level.tenant)
                mine = [row for row in rows if row.data_class == level.data_class and row.state == "active"]
                return mine[0].id.hex() if mine else ""
            case _:
                return ""

    async def advance(self) -> int:
        """One bounded piece of every exchange that is under way; how many can go on now. What fails is noted and stays."""
        going = 0
        for one in await self.shelf.rotations():
            if one.step != DONE:
                try:
                    going += (await self.step(one)).step != DONE
                except HubError as error:
                    self.meter.note("keys.waits", keys=one.name, step=one.step, code=error.code)
        return going

    async def work_off(self) -> None:
        """Everything that is under way, to its end; for a job of the timer. Begins `apart` where it never ran."""
        await self.set_apart()
        began = self.clock.monotonic()
        while await self.advance():  # the store and the processor are there for others, too
            await self.clock.sleep(min(max(SHORTEST_REST_S, self.clock.monotonic() - began), LONGEST_REST_S))
            began = self.clock.monotonic()

    async def set_apart(self) -> None:
        """Begin to seal under owners' keys, and to index, what was stored before there were any; once per tenant."""
        known = {one.name for one in await self.shelf.rotations()}
        for tenant in await self.shelf.key_tenants():
            for kind in ("apart", "lookups"):
                if f"{kind}:{tenant}" not in known:
                    await self.rotate(Level(kind, tenant))

    async def carry_out(self, level: Level) -> AsyncIterator[Rotation]:
        """Every piece of one exchange, as a command wants it."""
        one = await self.rotate(level)
        yield one
        while one.step != DONE:
            one = await self.step(one)
            yield one

    async def step(self, one: Rotation) -> Rotation:
        """One bounded piece; how it stands then. Raises Unavailable."""
        level = Level.read(one.name)
        match one.step:
            case "offer":
                moved = _next(replace(one, new=await self._offered()))
            case "load":
                await self.nodes.must_have(one.new)
                moved = _next(one)
            case "make":
                moved = await self._make(level, one)
            case "rewrap":
                moved = await self._rewrap(level, one)
            case "reseal":
                moved = await self._reseal(level, one)
            case "fill":
                moved = _gone_on(one, *await self.index.fill(level.tenant, one.cursor))
            case "reindex":
                moved = _gone_on(one, *await self.index.move(level.tenant, one.cursor))
            case _:
                moved = await self._verify(level, one)
        moved = replace(moved, changed_at=self.clock.now())
        await self.shelf.put_rotation(moved)
        if moved.step == DONE:
            self._old.pop(one.name, None)
            self.meter.note("keys.rotated", keys=one.name, moved=moved.moved)
        return moved

    async def force(self, by: str) -> list[str]:
        """Let the offered root key become active although processes that live have not loaded it; which ones, on record.

        Raises Conflict where no root key waits for them.
        """
        one = next((one for one in await self.shelf.rotations() if one.name == "root"), None)
        if one is None or one.step != LOAD:
            raise Conflict("no root key waits for processes to load it", code="nothing_waits")
        lacking = [*await self.nodes.lacking(one.new)]
        told: Document = {"root": one.new, "lacking": [*lacking]}
        async with self.index.store.work() as work:
            await work.audit(Act(self.clock.now(), DEFAULT_TENANT, by, "keys.force", "root", told))
        await self.shelf.put_rotation(replace(_next(one), changed_at=self.clock.now()))
        return lacking

    async def _offered(self) -> str:
        """The root key that is to become active, loaded by who asks for it; empty where the provider has it for all."""
        if await self._left_behind(Level("root"), 1):  # the settings name another one already
            return await self._active(Level("root"))
        return await self.vault.offered_root()

    async def _make(self, level: Level, one: Rotation) -> Rotation:
        match level.kind:
            case "root":
                # Cut off behind the making, or with a new key named in the settings, another one is active already.
                now_active = await self._active(level)
                if now_active == one.old and not await self._left_behind(level, 1):
                    now_active = await self.vault.next_root()
                return _next(replace(one, new=now_active))
            case "class" | "index":
                now_active = await self._active(level)
                if now_active == one.old:
                    row = await self.vault.successor(level.tenant, level.data_class)
                    now_active = (await self.shelf.succeed(row)).id.hex()
                self.vault.forget()
                return _next(replace(one, new=now_active))
            case _:
                return await self._make_owners(level, one)

    async def _make_owners(self, level: Level, one: Rotation) -> Rotation:
        # Newer ones need no exchange: under a flood of new owners it comes to its end.
        old = one.started_at + CLOCKS_APART
        rows = await self.shelf.active_owners(level.tenant, level.data_class, old, one.cursor, BATCH)
        fresh = [await self.vault.successor(level.tenant, level.data_class, row.owner) for row in rows]
        await self.shelf.succeed_all(fresh)  # on SQLite each transaction waits for a turn among all processes
        if len(rows) < BATCH:
            self.vault.forget()
            return _next(one)
        return replace(one, cursor=rows[-1].owner, moved=one.moved + len(rows))

    async def _rewrap(self, level: Level, one: Rotation) -> Rotation:
        rows = await self._left_behind(level, BATCH)
        if not rows:
            return _next(one)
        changes = [(row, await self.vault.lifted(row)) for row in rows]
        return replace(one, moved=one.moved + await self.shelf.rewrap(changes))

    async def _left_behind(self, level: Level, limit: int) -> list[KeyRow]:
        """Keys that are wrapped by another key than the active one of this level."""
        if level.kind == "root":
            versions = (await self.vault.root()).versions
            old = {row[3] for row in await self.shelf.count_keys() if row[1] == "class"} - set(versions[:1])
            return await self.shelf.keys_under(None, old, limit) if old else []
        retired = await self.shelf.retired_keys(level.tenant, level.data_class, owners=False)
        parents = {row.id.hex() for row in retired}
        return await self.shelf.keys_under(level.tenant, parents, limit) if parents else []

    async def _reseal(self, level: Level, one: Rotation) -> Rotation:
        """The next window in which there is something to do; what is in order already costs reads alone."""
        columns = _columns(level)
        for _ in range(PASSED if columns else 0):
            column, window = await self._window(level, one)
            changes = await self._changes(level, one, column, window)
            if changes:
                one = replace(one, moved=one.moved + await self.shelf.reseal(column, changes))
            later = columns[columns.index(column) + 1 :]
            if len(window) == BATCH:
                one = replace(one, cursor=f"{column.name}|{window[-1].at}")
            elif later:
                one = replace(one, cursor=f"{later[0].name}|")
            else:
                return _next(one)
            if changes:
                return one
        return one if columns else _next(one)

    async def _window(self, level: Level, one: Rotation) -> tuple[SealedColumn, list[SealedValue]]:
        columns = _columns(level)
        name, _, at = one.cursor.partition("|")
        column = next((column for column in columns if column.name == name), columns[0])
        return column, await self.shelf.sealed_window(column, at, BATCH)

    async def _changes(
        self, level: Level, one: Rotation, column: SealedColumn, window: list[SealedValue]
    ) -> list[tuple[str, bytes, bytes]]:
        """What of a window is to be sealed anew, and how; what nobody can open stays as it is."""
        stale = await self._stale(level, one, window)
        if not stale:
            return []
        tenant = level.tenant
        await self.vault.prepare(tenant, {value.owner for value in stale}, [value.envelope for value in stale])
        changes = []
        for value in stale:
            place = Place(tenant, column.table, value.row, column.column, 1, column.data_class, value.owner)
            try:
                changes.append((value.at, value.envelope, self.vault.resealed(place, value.envelope)))
            except Conflict as error:
                self.meter.note("keys.unreadable", column=column.name, code=error.code)
        return changes

    async def _stale(self, level: Level, one: Rotation, window: list[SealedValue]) -> list[SealedValue]:
        if one.name not in self._old:
            self._old[one.name] = await self._old_keys(level)
        old = self._old[one.name]
        mine = [value for value in window if value.tenant == level.tenant]
        if level.kind == "apart":
            mine = [value for value in mine if value.owner is not None]
        return [value for value in mine if self.vault.key_of(value.envelope) in old]

    async def _old_keys(self, level: Level) -> frozenset[bytes]:
        """Ids of the keys that shall seal nothing any more."""
        if level.kind == "apart":
            return frozenset(row.id for row in await self.shelf.load_keys(level.tenant))
        rows = await self.shelf.retired_keys(level.tenant, level.data_class, owners=level.kind == "owners")
        return frozenset(row.id for row in rows)

    async def _verify(self, level: Level, one: Rotation) -> Rotation:
        """A full look: what is found behind goes back to the step that moves it."""
        if level.kind in ("root", "class") and await self._left_behind(level, 1):
            return replace(one, step=REWRAP, cursor="")
        if level.kind == INDEX and await self.index.left(level.tenant):
            return replace(one, step=REINDEX, cursor="")
        self._old.pop(one.name, None)
        for column in _columns(level) if level.kind != "root" else ():
            at = ""
            while True:
                window = await self.shelf.sealed_window(column, at, BATCH)
                if await self._changes(level, one, column, window):
                    return replace(one, step=RESEAL, cursor=f"{column.name}|{at}")
                if len(window) < BATCH:
                    break
                at = window[-1].at
        return replace(one, step=DONE, cursor="")

    async def purge(self, tenant: TenantId) -> int:
        """Destroy the tenant's retired keys whose exchange ended longer ago than a backup lives, and that wrap and seal
        nothing; how many.
        """
        rotations = {one.name: one for one in await self.shelf.rotations()}
        gone: set[bytes] = set()
        levels = [Level(kind, tenant, str(one)) for one in DataClass for kind in ("class", "owners")]
        for level in (*levels, Level(INDEX, tenant, INDEX)):
            ended = rotations.get(str(level))
            if ended is None or ended.step != DONE or self.clock.now() - ended.changed_at < KEPT:
                continue
            if (await self._verify(level, ended)).step == DONE:
                gone |= await self._old_keys(level)
        return await self.shelf.destroy_keys(gone) if gone else 0

    async def destroy(self, tenant: TenantId, subject: str) -> Destroyed:
        """See `Shredder`."""
        known = {one.name: one for one in await self.shelf.rotations()}
        apart = known.get(f"apart:{tenant}")
        if apart is None or apart.step != DONE:
            raise Conflict(
                "values of an older version are not sealed under their owners' keys yet: `hirewire keys status`",
                code="not_sealed_apart",
            )
        owner = str(subject_owner(subject))
        rows = await self.destroy_owner(tenant, owner)
        ids = tuple(row.id.hex() for row in rows)
        now = self.clock.now()
        told = "\n".join((str(tenant), owner, now.isoformat(), *ids, *(row.commit.hex() for row in rows)))
        self.meter.note("keys.destroyed", count=len(ids))
        return Destroyed(tenant, owner, ids, now, hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest())

    async def destroy_owner(self, tenant: TenantId, owner: str) -> list[KeyRow]:
        """Destroy all keys of an owner, in this process at once, in others within two seconds of their next look."""
        rows = await self.shelf.destroy_owner(tenant, owner)
        self.vault.forget()
        return rows


def _columns(level: Level) -> list[SealedColumn]:
    return [one for one in SEALED_COLUMNS if level.kind == "apart" or one.data_class == level.data_class]


def _next(one: Rotation) -> Rotation:
    """At the beginning of the step behind this one."""
    steps = STEPS[one.name.partition(":")[0]]
    return replace(one, step=steps[steps.index(one.step) + 1], cursor="")


def _gone_on(one: Rotation, cursor: str | None, moved: int) -> Rotation:
    """A piece further, at the next step where nothing is behind it."""
    done = replace(one, moved=one.moved + moved)
    return _next(done) if cursor is None else replace(done, cursor=cursor)
