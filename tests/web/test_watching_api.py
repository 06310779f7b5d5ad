"""Watching by HTTP, on every store: a watermark and marks with each view, and nothing more once the candidate withdraws."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient

from hub.app.consents import Told
from hub.app.media.watching import MANY, Watching
from hub.app.people.reach import Reach
from hub.domain.errors import Forbidden
from hub.domain.permissions import Role
from hub.ports.store import Store
from tests.app.conftest import HIGH_SCORE, REFERRALS
from tests.support.hubs import TENANT, Bench, bench, report
from tests.support.one_app import app_over
from tests.support.visitors import Visitor, seated

VIDEO = os.urandom(200_000)
PURPOSE = "hiring_decision"
WITHDRAWN = Told("recording")


@dataclass
class Cinema:
    """An HR manager and a recording of the candidate that is assigned to her."""

    bench: Bench
    manager: Visitor
    auditor: Visitor
    program: dict[str, str]
    client: Any
    medium: str

    async def open(self) -> dict[str, Any]:
        answer = await self.manager.json("POST", f"/v1/media/{self.medium}/links", None, 201, x_purpose=PURPOSE)
        assert isinstance(answer, dict)
        return answer

    async def mark(self, view: dict[str, Any], state: str = "playing", position: int = 30) -> Any:
        return await self.manager.call("POST", view["marks"], {"state": state, "position_s": position})

    async def acts(self, action: str) -> list[Any]:
        async with self.bench.hub.store.look() as look:
            return [row.act for row in reversed(await look.acts(TENANT, 200)) if row.act.action == action]


async def recorded(b: Bench, subject: str = "cand_1") -> str:
    media = b.hub.media
    id = await media.begin(TENANT, subject, "video/webm")

    async def pieces() -> AsyncIterator[bytes]:
        yield VIDEO

    await media.put_part(TENANT, id, 1, pieces())
    await media.complete(TENANT, id, 1)
    return id


@pytest.fixture
async def cinema(store: Store) -> AsyncIterator[Cinema]:
    b = bench(store)
    await b.hub.vault.prepare(TENANT)
    await b.configure({"connections": {"referrals": REFERRALS}, "rules": {"high score": HIGH_SCORE}})
    await b.accept(report())
    await b.hub.consents.record(TENANT, "cand_1", Told("recording"), "ann")
    _, token = await b.hub.access.make(TENANT, "player", ["media:read"], "test")
    transport = ASGITransport(app_over(b.hub))  # in this loop, as the store's connections are
    async with AsyncClient(transport=transport, base_url="http://hub.example") as client:
        manager = await seated(client, b, "manager", Role.HR_MANAGER)
        auditor = await seated(client, b, "auditor", Role.AUDITOR)
        await b.hub.people.organisation.assign(TENANT, "job_1", "test", members=[manager.person])
        bearer = {"authorization": f"Bearer {token}", "x-purpose": PURPOSE}
        yield Cinema(b, manager, auditor, bearer, client, await recorded(b))


async def test_a_link_comes_with_what_the_player_draws_and_owes(cinema: Cinema) -> None:
    view = await cinema.open()
    mark = view["watermark"]
    assert mark["view"] == view["view"] and mark["view"] in mark["text"] and mark["user"] in mark["text"]  # noqa: PT018
    assert mark["user_id"] == cinema.manager.person
    assert view["mark_every_s"] == 30
    played = await cinema.manager.call("GET", view["url"], range="bytes=0-9")
    assert (played.status_code, played.content) == (206, VIDEO[:10])
    assert played.headers["content-disposition"] == "inline"
    assert played.headers["cache-control"] == "no-store"
    assert (await cinema.open())["view"] != view["view"]


async def test_start_each_half_minute_reads_and_the_end_are_on_record(cinema: Cinema) -> None:
    view = await cinema.open()
    await cinema.manager.call("GET", view["url"], range="bytes=0-9")
    await cinema.manager.call("GET", view["url"], range="bytes=10-19")
    cinema.bench.clock.advance(30)
    after = await cinema.mark(view)
    assert after.status_code == 200
    assert (await cinema.manager.call("GET", after.json()["url"])).content == VIDEO  # the next link, the same view
    cinema.bench.clock.advance(30)
    ended = (await cinema.mark(view, "ended", 57)).json()
    assert (ended["state"], ended["url"]) == ("ended", None)
    for late in (view["url"], after.json()["url"]):
        assert (await cinema.manager.call("GET", late)).json()["code"] == "bad_link"
    assert (await cinema.mark(view)).json()["code"] == "view_ended"
    acts = await cinema.acts("video.watch")
    assert [(one.detail["mark"], one.detail["position_s"]) for one in acts] == [
        ("start", 0), ("read", 0), ("playing", 30), ("end", 57),
    ]  # fmt: skip
    assert {(one.actor, one.object, one.purpose) for one in acts} == {(cinema.manager.person, cinema.medium, PURPOSE)}
    [told] = (await cinema.auditor.json("GET", f"/v1/media/{cinema.medium}/views"))["items"]
    assert (told["viewer"], told["state"], told["marks"], told["position_s"]) == (cinema.manager.person, "ended", 2, 57)
    assert (await cinema.manager.call("GET", f"/v1/media/{cinema.medium}/views")).status_code == 403


async def test_a_view_without_a_sign_is_over(cinema: Cinema) -> None:
    view = await cinema.open()
    cinema.bench.clock.advance(100)
    assert await cinema.bench.hub.watching.sweep() == 0
    cinema.bench.clock.advance(30)
    assert await cinema.bench.hub.watching.sweep() == 1
    assert (await cinema.mark(view)).json()["code"] == "view_ended"
    assert [one.detail["mark"] for one in await cinema.acts("video.watch")] == ["start", "lost"]


async def test_a_view_belongs_to_its_session_and_its_recording(cinema: Cinema) -> None:
    view = await cinema.open()
    other = await recorded(cinema.bench)
    wrong = await cinema.manager.call(
        "POST", view["marks"].replace(cinema.medium, other), {"state": "playing", "position_s": 1}
    )
    assert (wrong.status_code, wrong.json()["code"]) == (403, "bad_link")
    theirs = await cinema.client.post(view["marks"], json={"state": "playing", "position_s": 1}, headers=cinema.program)
    assert (theirs.status_code, theirs.json()["code"]) == (403, "bad_link")
    for body, code in (
        ({"state": "paused", "position_s": 1}, "enum"),
        ({"state": "playing", "position_s": -1}, "range"),
        ({"state": "playing", "position_s": 10**9}, "range"),
    ):
        refused = await cinema.manager.call("POST", view["marks"], body)
        assert (refused.status_code, refused.json()["code"]) == (422, code)
    nobody = await cinema.manager.call(
        "POST", f"/v1/media/{cinema.medium}/views/view_0", {"state": "ended", "position_s": 1}
    )
    assert nobody.status_code == 404


async def test_a_program_says_what_for_too(cinema: Cinema) -> None:
    path = f"/v1/media/{cinema.medium}/links"
    for purpose in (None, "curiosity"):
        headers = {"authorization": cinema.program["authorization"]} | ({"x-purpose": purpose} if purpose else {})
        refused = await cinema.client.post(path, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "purpose_needed")
    assert (await cinema.client.post(path, headers=cinema.program)).status_code == 201


async def after_withdrawal(cinema: Cinema) -> list[int]:
    """What the manager and a program get by links of before, and when they ask for new ones."""
    path = f"/v1/media/{cinema.medium}/links"
    view = await cinema.open()
    theirs = (await cinema.client.post(path, headers=cinema.program)).json()
    assert (await cinema.manager.call("GET", view["url"])).status_code == 200
    cinema.bench.clock.advance(1)
    await cinema.bench.hub.consents.withdraw(TENANT, "cand_1", WITHDRAWN, "ann")
    answers = [
        await cinema.manager.call("GET", view["url"]),
        await cinema.mark(view),
        await cinema.manager.call("POST", path, None, x_purpose=PURPOSE),
        await cinema.client.get(theirs["url"], headers=cinema.program),
        await cinema.client.post(path, headers=cinema.program),
    ]
    return [one.status_code for one in answers]


async def test_a_withdrawal_ends_links_that_are_out_at_once(cinema: Cinema) -> None:
    assert await after_withdrawal(cinema) == [403] * 5
    check = {"action": "video.play", "candidate": "cand_1", "purpose": PURPOSE}
    assert (await cinema.manager.json("POST", "/v1/permissions/check", check))["reason"] == "consent_withdrawn"
    refused = [one for one in await cinema.acts("video.link") if str(one.outcome) == "refused"]
    assert len(refused) == 2
    cinema.bench.clock.advance(1)
    await cinema.bench.hub.consents.record(TENANT, "cand_1", Told("recording"), "ann")
    assert (await cinema.manager.json("POST", "/v1/permissions/check", check))["allow"]


async def test_a_skipped_consent_at_play_turns_that_red(cinema: Cinema, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: nobody asks the ledger."""

    async def never(*_: object) -> bool:
        return False

    async def nothing(*_: object) -> None:
        return None

    monkeypatch.setattr(Reach, "withdrawn", never)
    assert await after_withdrawal(cinema) == [403] * 5  # one of the two is enough
    monkeypatch.setattr(Watching, "_still", nothing)
    cinema.bench.clock.advance(1)
    await cinema.bench.hub.consents.record(TENANT, "cand_1", Told("recording"), "ann")
    assert 403 not in await after_withdrawal(cinema)


async def test_a_stream_under_way_ends_when_the_candidate_withdraws(cinema: Cinema) -> None:
    b, watching = cinema.bench, cinema.bench.hub.watching
    medium = await b.hub.media.medium(TENANT, await recorded(b))
    assert await anext(watching.play(medium, 0, medium.size))
    b.clock.advance(1)
    await b.hub.consents.withdraw(TENANT, "cand_1", WITHDRAWN, "ann")

    class Slow:
        async def play(self, *_: object) -> AsyncIterator[bytes]:
            for _ in range(3):
                yield b"x"
                b.clock.advance(6)

    slow = Watching(Slow(), watching.store, watching.clock, watching.ids, watching.meter)  # type: ignore[arg-type]
    pieces = slow.play(medium, 0, 3)
    assert await anext(pieces) == b"x"
    with pytest.raises(Forbidden, match="withdrawn"):
        await anext(pieces)


async def test_more_than_twenty_recordings_in_an_hour_raise_an_alarm(cinema: Cinema) -> None:
    watching, b = cinema.bench.hub.watching, cinema.bench
    media = [await recorded(b) for _ in range(MANY + 1)]

    async def watch(medium: str) -> None:
        path = f"/v1/media/{medium}/links"
        assert (await cinema.client.post(path, headers=cinema.program)).status_code == 201

    def alarms() -> int:
        return [name for name, _ in b.meter.notes].count("video.too_many")

    for medium in [*media[:MANY], media[0], media[1]]:  # the same again is no other recording
        await watch(medium)
    assert alarms() == 0
    b.clock.advance(3590)
    await watch(media[MANY])
    assert alarms() == 1
    [act] = await cinema.acts("video.many")
    assert (act.object, act.detail["lately"]) == (media[MANY], MANY + 1)
    b.clock.advance(3600)
    await watch(media[0])
    assert alarms() == 1
    assert len(await watching.views(TENANT, media[0])) == 3
