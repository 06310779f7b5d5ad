"""A message to the candidate: the address is looked up when it is sent, and where there is none a person has to look."""

from __future__ import annotations

from typing import Any

import pytest

from hub.app.incoming import Incoming
from hub.domain.deliveries import Delivery, State
from mappings.documents import Document
from tests.app.conftest import REPORT
from tests.app.test_runs import checked
from tests.support.hubs import TENANT, Bench, bench, report
from tests.support.voices import mail_ok

MAIL: Document = {
    "connector": "email",
    "config": {"host": "smtp.example", "sender": "hr@example.com"},
    "secrets": {},
}
TELL: Any = {"kind": "message", "id": "m", "connection": "mail", "to": "candidate", "template": "prepare"}
CHECK = "background_check.completed"


async def hub_with(on: str) -> Bench:
    b = bench()
    await b.hub.vault.prepare(TENANT)
    rule: Document = {"schema": 1, "trigger": {"event": on}, "then": [TELL]}
    await b.configure({"connections": {"mail": MAIL}, "rules": {"r": {"rule": rule}}})
    return b


def told(**candidate: Any) -> Incoming:
    made = report()
    known = made.data["candidate"]
    assert isinstance(known, dict)
    known.update(candidate)
    return made


async def held_because(b: Bench) -> str | None:
    [kept] = await b.deliveries()
    assert isinstance(kept, Delivery)
    assert kept.state is State.HELD
    async with b.hub.store.look() as look:
        return (await look.attempts(TENANT, kept.id))[-1].error


async def test_the_candidate_gets_it_in_their_language() -> None:
    b = await hub_with(REPORT)
    b.vendor.does(mail_ok)
    await b.accept(told(locale="zh-CN"))
    await b.deliver()
    [mail] = b.vendor.mails
    assert mail.to == ("ada@example.com",)
    assert "Risk analyst" in mail.text
    assert "已进入" in mail.text


async def test_an_event_without_the_address_asks_those_before_it() -> None:
    b = await hub_with(CHECK)
    b.vendor.does(mail_ok)
    await b.accept(report(), report(key="other", candidate="cand_2"))
    await b.accept(checked())
    await b.deliver()
    [mail] = b.vendor.mails
    assert mail.to == ("ada@example.com",)


@pytest.mark.parametrize("why", ["no_address", "do_not_contact"])
async def test_where_nobody_may_be_written_to_it_is_held(why: str) -> None:
    b = await hub_with(CHECK if why == "no_address" else REPORT)
    await b.accept(checked() if why == "no_address" else told(do_not_contact=True))
    await b.deliver()
    assert b.vendor.mails == []
    assert await held_because(b) == why
