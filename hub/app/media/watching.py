"""Watching recordings: every view is a row with a mark at its start, each half minute and its end, on the record.

What a player needs comes with the link: whose name to draw over the picture, and when to say how far it has come.
A link plays as long as its view is open and the candidate has not taken the consent to be recorded back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hub.app.consents import recording_withdrawn
from hub.app.media.media import Media
from hub.app.media.recordings import Medium
from hub.domain.audit import Act, Grade
from hub.domain.errors import Conflict, Forbidden, Invalid, NotFound
from hub.domain.ids import TenantId
from hub.domain.permissions.deciding import PURPOSES
from hub.ports.accounts import View
from hub.ports.clock import Clock, Ids
from hub.ports.meter import Meter
from hub.ports.store import Store, Work
from mappings.documents import Document

MARK_S = 30  # a player says how far it is so often
LOST = timedelta(minutes=2)  # without a sign a view is over
LATELY, MANY = timedelta(hours=1), 20  # more recordings than that in an hour raise an alarm
KEPT = timedelta(days=1095)  # views are kept as long as the audit trail by default
ASK_S = 5.0  # a stream under way asks for the consent again so often
LONGEST = timedelta(days=1)  # that anybody watches one recording
LONGEST_S = 24 * 3600
STATES = ("playing", "ended")


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who watches. `name` is drawn over the picture; `bound_to`: the session, or the program."""

    id: str
    name: str
    bound_to: str


@dataclass(frozen=True, slots=True)
class Watch:
    """A view and, while it is open, the link that plays it for the next minute."""

    view: View
    viewer: Viewer
    at: datetime
    link: str | None = None
    link_ends: datetime | None = None

    @property
    def watermark(self) -> str:
        """What the player draws over the picture: who, when, and which view."""
        return f"{self.viewer.name} · {self.at.isoformat(timespec='seconds')} · {self.view.id}"


@dataclass(frozen=True, slots=True)
class Watching:
    """Opens views, takes their marks, and plays what they are of."""

    media: Media
    store: Store
    clock: Clock
    ids: Ids
    meter: Meter

    async def open(self, tenant: TenantId, medium: str, viewer: Viewer, purpose: str | None) -> Watch:
        """A new view with its link. Raises NotFound, Forbidden (`purpose_needed`, `consent_withdrawn`)."""
        found = await self.media.medium(tenant, medium)
        if purpose not in PURPOSES:
            raise Forbidden("say what for, in X-Purpose", code="purpose_needed")
        await self._still(tenant, found.subject)
        now = self.clock.now()
        view = View(
            f"{_from(now)}{self.ids.token(12)}", tenant, viewer.id, medium, found.subject, purpose, viewer.bound_to,
            "open", now, now, now + KEPT,
        )  # fmt: skip
        link, ends = await self.media.link(tenant, medium, viewer.bound_to, view.id)
        async with self.store.work() as work:
            await work.add_record(view)
            await self._note(work, view, "start")
            lately = await work.records(View, tenant, after=_from(now - LATELY), viewer=viewer.id)
            many = len({one.media for one in lately})
            if many > MANY:
                await self._note(work, view, "start", act="video.many", lately=many)
        if many > MANY:
            self.meter.note("video.too_many", tenant=tenant, viewer=viewer.id, lately=many)
        return Watch(view, viewer, now, link, ends)

    async def mark(
        self, tenant: TenantId, medium: str, view: str, viewer: Viewer, state: str, position_s: int
    ) -> Watch:
        """How far the player is, every half minute, and that it ended. An open view gets a new link.

        Raises NotFound, Invalid, Forbidden (`bad_link`, `consent_withdrawn`), Conflict (`view_ended`).
        """
        if state not in STATES:
            raise Invalid(f"state is one of {', '.join(STATES)}", code="enum", at="state")
        if not 0 <= position_s <= LONGEST_S:
            raise Invalid(f"position_s is seconds, at most {LONGEST_S}", code="range", at="position_s")
        async with self.store.work() as work:
            found = await self._mine(work, tenant, medium, view, viewer.bound_to)
            if found is None:
                raise NotFound("there is no such view", code="no_view")
            if found.state != "open":
                raise Conflict("the view is over; open a new one", code="view_ended")
            now, ended = self.clock.now(), state == "ended"
            fresh = await work.change_record(
                replace(
                    found, state="ended" if ended else "open", seen_at=now, position_s=position_s, marks=found.marks + 1
                )
            )
            await self._note(work, fresh, "end" if ended else "playing")
        if ended:
            return Watch(fresh, viewer, now)
        await self._still(tenant, fresh.subject)
        return Watch(fresh, viewer, now, *await self.media.link(tenant, medium, viewer.bound_to, view))

    async def follow(self, tenant: TenantId, medium: str, link: str, bound_to: str) -> Medium:
        """What a link plays now; that it was read leaves its mark. Raises Forbidden (`bad_link`, `consent_withdrawn`)."""
        found = await self.media.follow(tenant, medium, link, bound_to)
        await self._still(tenant, found.subject)
        async with self.store.look() as look:
            view = await self._mine(look, tenant, medium, found.view or "", bound_to)
        if view is None or view.state != "open":
            raise Forbidden("the link does not play this recording here and now", code="bad_link")
        now = self.clock.now()
        if not view.reads or now - view.seen_at >= timedelta(seconds=MARK_S):
            with suppress(Conflict):  # another range of the same view was read at this moment, and says so
                async with self.store.work() as work:
                    read = await work.change_record(replace(view, seen_at=now, reads=view.reads + 1))
                    await self._note(work, read, "read")
        return found

    async def play(self, medium: Medium, start: int, length: int) -> AsyncIterator[bytes]:
        """The bytes, as long as the candidate's consent stands. Raises Conflict, Forbidden (`consent_withdrawn`)."""
        asked = self.clock.monotonic()
        async for piece in self.media.play(medium, start, length):
            if self.clock.monotonic() - asked >= ASK_S:
                await self._still(medium.tenant, medium.subject)
                asked = self.clock.monotonic()
            yield piece

    async def views(self, tenant: TenantId, medium: str) -> list[View]:
        """Who watched a recording, oldest first."""
        async with self.store.look() as look:
            return await look.records(View, tenant, media=medium)

    async def sweep(self) -> int:
        """End the views that give no sign any more, forget those that are over for long; how many ended."""
        now, count = self.clock.now(), 0
        async with self.store.look() as look:
            tenants = [chain.tenant for chain in await look.chains()]
        for tenant in tenants:
            async with self.store.look() as look:
                open_ = await look.records(View, tenant, after=_from(now - LONGEST), state="open")
            for view in (one for one in open_ if now - one.seen_at >= LOST):
                with suppress(Conflict):
                    async with self.store.work() as work:
                        await self._note(work, await work.change_record(replace(view, state="lost")), "lost")
                    count += 1
        async with self.store.work() as work:
            await work.sweep_records(View, now)
        return count

    async def _mine(self, work: Work, tenant: TenantId, medium: str, view: str, bound_to: str) -> View | None:
        found = await work.record(View, tenant, view)
        if found is not None and (found.media, found.bound_to) != (medium, bound_to):
            raise Forbidden("this is not your view", code="bad_link")
        return found

    async def _still(self, tenant: TenantId, subject: str | None) -> None:
        if subject is not None and await recording_withdrawn(self.store, tenant, subject, self.clock.now()):
            raise Forbidden("the candidate has withdrawn", code="consent_withdrawn")

    async def _note(self, work: Work, view: View, mark: str, *, act: str = "video.watch", **more: int) -> None:
        about: Document = {"view": view.id, "mark": mark, "position_s": view.position_s, **more}
        now, who = self.clock.now(), view.viewer
        await work.audit(
            Act(now, view.tenant, who, act, view.media, about, purpose=view.purpose, grade=Grade.SENSITIVE)
        )


def _from(at: datetime) -> str:
    """How the ids of views begin that were opened then: they sort by time."""
    return f"view_{int(at.timestamp() * 1000):012x}"
