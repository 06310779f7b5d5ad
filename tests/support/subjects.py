"""A candidate with a story, two who approve, and erasures carried to their end."""

from __future__ import annotations

from hub.app.places import body_place, talk_place
from hub.app.subjects.erasures import Erasures
from hub.domain.subjects import SETTLED
from hub.ports.accounts import Erasure, Notice
from hub.ports.store import Page
from hub.ports.transport import HttpRequest, HttpResponse, Request, Response
from hub.ports.vault import Place
from mappings.documents import Document
from tests.support.hubs import TENANT, Bench, report

CANDIDATE = "cand_1"
REPORT = "interview.report.completed"
ATS: Document = {
    "connector": "greenhouse",
    "config": {
        "client_id": "c",
        "job_id": 1,
        "base_url": "https://ats.example/v3",
        "token_url": "https://ats.example/token",
    },
    "secrets": {"client_secret": "s"},
}
REFERRALS: Document = {
    "connector": "referral", "config": {"base_url": "https://ref.example"}, "secrets": {"api_token": "t"},
}  # fmt: skip
FEED: Document = {"connector": "webhook", "config": {"url": "https://feed.example/in"}}


def rule(*steps: tuple[str, str], event: str = REPORT) -> Document:
    actions: list[Document] = [
        {"kind": "action", "id": f"s{n}", "connection": connection, "operation": operation}
        for n, (connection, operation) in enumerate(steps)
    ]
    return {"rule": {"schema": 1, "trigger": {"event": event}, "then": [*actions]}}


def vendors(request: Request) -> Response:
    """Three systems, each in its own words."""
    assert isinstance(request, HttpRequest)
    match request.url.split("/")[2], request.method:
        case "ats.example", "GET":
            return HttpResponse(200, {}, b"[]")  # nobody of that address yet
        case "ats.example", "POST":
            return HttpResponse(201, {}, b'{"id": 31001}')
        case "ref.example", _:
            return HttpResponse(201, {}, b'{"id": "ref_1"}')
        case _:
            return HttpResponse(204, {}, b"")


async def kept_bodies(b: Bench) -> list[tuple[Place, bytes]]:
    """What a backup of the database holds of the candidate: sealed, and where it opens."""
    found: list[tuple[Place, bytes]] = []
    async with b.hub.store.look() as look:
        for event in await look.events(TENANT, Page(100), subject=CANDIDATE):
            found.append((body_place(TENANT, event.id), event.body))
            for delivery in await look.deliveries(TENANT, Page(100), event=event.id):
                for one in await look.attempts(TENANT, delivery.id):
                    if one.talk is not None:
                        found.append((talk_place(TENANT, delivery.id, one.number), one.talk))
    return found


async def told(b: Bench) -> None:
    """A report that three systems were told of."""
    await b.hub.keys.set_apart()
    while await b.hub.keys.advance():
        pass
    await b.configure(
        {
            "connections": {"ats": ATS, "referrals": REFERRALS, "feed": FEED},
            "rules": {
                "all": rule(("ats", "candidate.upsert"), ("referrals", "referral.create"), ("feed", "event.send"))
            },
        }
    )
    b.vendor.does(vendors)
    await b.accept(report())
    await b.deliver()


async def approved(erasures: Erasures, subject: str = CANDIDATE) -> Erasure:
    """Asked for by one, approved by two others."""
    asked = await erasures.ask(TENANT, subject, "the candidate asks for it", "usr_hr")
    await erasures.decide(TENANT, asked.id, asked.digest, "usr_s1", approve=True)
    return await erasures.decide(TENANT, asked.id, asked.digest, "usr_s2", approve=True)


async def carried(b: Bench, id: str) -> tuple[Erasure, list[Notice]]:
    """As far as it goes without vendors."""
    await b.hub.carry_out()
    b.clock.advance(SETTLED.total_seconds())
    await b.hub.carry_out()
    return await b.hub.erasures.one(TENANT, id)
