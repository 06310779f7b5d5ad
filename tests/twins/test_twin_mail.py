"""The mail twin keeps mails as files, knows a repeat by its Message-ID and reads invitations strictly."""

from __future__ import annotations

import asyncio
import smtplib
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from hub.adapters.twins import TwinClient

ICS = "\r\n".join(
    [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Hirewire//EN",
        "METHOD:REQUEST",
        "BEGIN:VEVENT",
        "UID:k1@example.com",
        "DTSTAMP:20260105T020000Z",
        "DTSTART:20260106T020000Z",
        "DTEND:20260106T030000Z",
        "SUMMARY:第二轮面试 with a summary that is long enough to be folded by",
        "  whoever writes it",
        'ATTENDEE;CN="Lin, Yue":mailto:lin.yue@example.com',
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]
)


def mail(ics: str | None = ICS, method: str = "REQUEST", **headers: str) -> EmailMessage:
    message = EmailMessage()
    usual = {
        "From": "hiring@example.com",
        "To": "林悦 <lin.yue@example.com>",
        "Subject": "第二轮面试",
        "Date": "Mon, 05 Jan 2026 10:00:00 +0800",
        "Message-ID": "<k1@example.com>",
    }
    for name, value in (usual | headers).items():
        if value:
            message[name] = value
    message.set_content("你好，林悦。\n")
    if ics is not None:
        message.add_alternative(ics.encode(), "text", "calendar", params={"method": method, "charset": "utf-8"})
    return message


async def send(port: int, message: EmailMessage, login: tuple[str, str] | None = None) -> None:
    def talk() -> None:
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as smtp:
            if login:
                smtp.login(*login)
            smtp.send_message(message)

    await asyncio.to_thread(talk)


async def test_a_mail_is_kept_with_its_invitation(start: Any, tmp_path: Path) -> None:
    twin = await start("email")
    assert twin.config["port"] == twin.smtp_port
    await send(twin.smtp_port, mail())
    (effect,) = await twin.wait_effect("mail")
    assert (effect["key"], effect["email"], effect["subject"]) == (
        "<k1@example.com>",
        "lin.yue@example.com",
        "第二轮面试",
    )
    assert effect["invite"] == {
        "method": "REQUEST",
        "uid": "k1@example.com",
        "start": "20260106T020000Z",
        "end": "20260106T030000Z",
        "summary": "第二轮面试 with a summary that is long enough to be folded by whoever writes it",
    }
    assert b"Message-ID: <k1@example.com>" in (tmp_path / "email" / "mails" / str(effect["id"])).read_bytes()


async def test_the_same_message_again_is_a_repeat(start: Any) -> None:
    twin = await start("email")
    await send(twin.smtp_port, mail())
    await send(twin.smtp_port, mail())
    await send(twin.smtp_port, mail(None, **{"Message-ID": "<k2@example.com>"}))
    assert [(e["key"], e["replayed"]) for e in twin.effects()] == [
        ("<k1@example.com>", False),
        ("<k1@example.com>", True),
        ("<k2@example.com>", False),
    ]


@pytest.mark.parametrize(
    ("message", "word"),
    [
        (mail(**{"Message-ID": ""}), "message-id"),
        (mail(**{"Message-ID": "k1"}), "malformed"),
        (mail(Date=""), "date"),
        (mail(method="CANCEL"), "METHOD"),
        (mail(ICS.replace("DTSTAMP:20260105T020000Z\r\n", "")), "DTSTAMP"),
        (mail(ICS.replace("END:VEVENT\r\n", "")), "match"),
        (mail(ICS.replace("\r\n  whoever", "whoever" * 5)), "75"),
    ],
)
async def test_a_mail_that_would_bounce_bounces(start: Any, message: EmailMessage, word: str) -> None:
    twin = await start("email")
    with pytest.raises(smtplib.SMTPDataError) as caught:
        await send(twin.smtp_port, message)
    assert caught.value.smtp_code == 554
    assert word in caught.value.smtp_error.decode()
    assert twin.effects() == []


async def test_nobody_lives_at_invalid(start: Any) -> None:
    twin = await start("email")
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        await send(twin.smtp_port, mail(To="nobody@nowhere.invalid"))


async def test_a_login_is_checked_where_there_is_one(start: Any) -> None:
    twin = await start("email", secrets={"username": "hub", "password": "p:w"})
    with pytest.raises(smtplib.SMTPAuthenticationError):
        await send(twin.smtp_port, mail(), ("hub", "wrong"))
    with pytest.raises(smtplib.SMTPException):
        await send(twin.smtp_port, mail())
    await send(twin.smtp_port, mail(), ("hub", "p:w"))
    assert len(twin.effects()) == 1


async def test_faults_in_mail(start: Any) -> None:
    twin = await start("email")
    async with TwinClient(twin.url) as control:
        await control.faults(
            {"match": {"method": "DATA"}, "do": {"status": 451}}, {"match": {"method": "DATA"}, "do": {"drop": True}}
        )
        with pytest.raises(smtplib.SMTPDataError):
            await send(twin.smtp_port, mail())
        assert twin.effects() == []
        with pytest.raises((smtplib.SMTPException, ConnectionError)):
            await send(twin.smtp_port, mail())
        await send(twin.smtp_port, mail())
        assert [e["replayed"] for e in await control.effects("mail")] == [False, True]
        assert [(r["method"], r["status"], r["fault"]) for r in await control.requests()] == [
            ("DATA", 451, "status 451"),
            ("DATA", None, "drop"),
            ("DATA", 250, None),
        ]


async def test_a_held_mail_is_kept_and_answered_when_released(start: Any) -> None:
    twin = await start("email")
    async with TwinClient(twin.url) as control:
        await control.faults({"match": {"method": "DATA"}, "do": {"hold": True}})
        sending = asyncio.create_task(send(twin.smtp_port, mail()))
        await control.wait_effect("mail")
        assert not sending.done()
        await control.release()
        await sending
