"""Mail against a real SMTP server, and against ones that refuse, hang up or lie."""

from __future__ import annotations

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator

import pytest
from aiosmtpd.smtp import SMTP, AuthResult

from hub.adapters.http.guard import Guard, networks_of
from hub.ports.transport import Attachment, Blocked, MailReply, MailRequest, NeedsReauth, NotSent, Unknown

ICS = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Hirewire//EN\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:k1@example.com\r\n"
    "DTSTART:20260301T020000Z\r\nSUMMARY:第二轮面试\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
).encode()
MAIL = MailRequest(
    to=("lin.yue@example.com",),
    subject="第二轮面试邀请 Second interview",
    text="您好，林悦：\n.\n..hidden dot\n请查收日历邀请。\n",
    message_id="<k1@example.com>",
    html="<p>您好，林悦</p>",
    attachments=(Attachment("invite.ics", "text/calendar", ICS, method="REQUEST"),),
)


class Box:
    """What the server took."""

    def __init__(self) -> None:
        self.envelopes: list = []
        self.logins: list = []
        self.secure: list[bool] = []
        self.refuses: dict[str, str] = {}
        self.data_reply = "250 taken"

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        if self.data_reply.startswith("2"):
            self.envelopes.append(envelope)
            self.secure.append(session.ssl is not None or server.transport.get_extra_info("sslcontext") is not None)
        return self.data_reply

    def login(self, _server, _session, _envelope, mechanism, data):
        self.logins.append((mechanism, data.login, data.password))
        return AuthResult(success=data.password == b"geheim 1", handled=False)

    def mail(self) -> email.message.EmailMessage:
        return email.message_from_bytes(self.envelopes[-1].content, policy=email.policy.default)


@pytest.fixture
def box() -> Box:
    return Box()


@pytest.fixture
async def smtp(box) -> AsyncIterator:
    servers: list[asyncio.Server] = []
    sessions: list[SMTP] = []

    async def start(*, implicit=None, **options: object) -> int:
        loop = asyncio.get_running_loop()

        def make() -> SMTP:
            sessions.append(SMTP(box, hostname="mail.example", loop=loop, **options))
            return sessions[-1]

        servers.append(await loop.create_server(make, "127.0.0.1", 0, ssl=implicit))
        return servers[-1].sockets[0].getsockname()[1]

    yield start
    for server in servers:
        server.close()
        await server.wait_closed()
    for session in sessions:
        if session.transport is not None:
            session.transport.abort()
        if session._handler_coroutine is not None:
            await asyncio.wait([session._handler_coroutine])


@pytest.fixture
def line(channel):
    def make(port: int, *, password: str | None = None, timeout: float = 5.0, **config: object):
        auth = {"mode": "smtp", "host": "{config.host}", "port": "{config.port | default:587}"}
        auth |= {"security": "{config.security | default:'starttls'}", "username": "{config.username?}"}
        auth |= {"password": "{config.password?}", "sender": "{config.sender}", "sender_name": "{config.sender_name?}"}
        settings = {"host": "127.0.0.1", "port": port, "security": "none", "sender": "hr@example.com", **config}
        secrets = {"password": password} if password else {}
        return channel({"auth": auth, "allowed_hosts": ["{config.host}"]}, settings, secrets, timeout=timeout)

    return make


async def test_a_mail_with_an_invitation_arrives_whole(transport, smtp, line, box, clock):
    reply = await transport.send(line(await smtp(), sender_name="招聘组 Talent"), MAIL)
    assert reply == MailReply(250, "taken")
    envelope, mail = box.envelopes[0], box.mail()
    assert (envelope.mail_from, envelope.rcpt_tos) == ("hr@example.com", ["lin.yue@example.com"])
    assert mail["subject"] == MAIL.subject
    assert str(mail["from"]) == "招聘组 Talent <hr@example.com>"
    assert mail["message-id"] == "<k1@example.com>"
    assert mail["date"].datetime == clock.now().replace(microsecond=0)
    text, html, calendar = mail.get_body(("plain",)), mail.get_body(("html",)), next(mail.iter_attachments())
    assert text.get_content().replace("\r\n", "\n") == MAIL.text
    assert "<p>您好，林悦</p>" in html.get_content()
    assert (calendar.get_content_type(), calendar.get_param("method")) == ("text/calendar", "REQUEST")
    assert calendar.get_filename() == "invite.ics"
    assert calendar.get_payload(decode=True) == ICS
    assert all(len(line) <= 998 for line in envelope.content.split(b"\r\n"))
    assert b"\n" not in envelope.content.replace(b"\r\n", b"")


async def test_repeats_of_a_mail_bear_one_message_id(transport, smtp, line, box):
    settings = line(await smtp())
    for _ in range(2):
        await transport.send(settings, MAIL)
    assert {email.message_from_bytes(one.content)["message-id"] for one in box.envelopes} == {"<k1@example.com>"}


async def test_starttls_and_tls_with_a_login(build, smtp, line, box, authority):
    async def here(_host):
        return ["127.0.0.1"]

    tls = authority.server("mail", names=["mail.example"])
    auth = {"auth_required": True, "authenticator": box.login}
    # Ports of a foreign host are fixed, so the tests speak to this machine by a name in the certificate.
    local = authority.server("local", names=["localhost"])
    router = build(Guard(allow_loopback=True), ca_bundle=authority.path, lookup=here)
    who = {"host": "localhost", "username": "hr", "password": "geheim 1"}
    start = await smtp(tls_context=local, require_starttls=True, **auth)
    assert (await router.send(line(start, security="starttls", **who), MAIL)).code == 250
    whole = await smtp(implicit=local, auth_require_tls=False, authenticator=box.login)
    assert (await router.send(line(whole, security="tls", **who), MAIL)).code == 250
    assert [(login, password) for _, login, password in box.logins] == [(b"hr", b"geheim 1")] * 2
    assert box.secure == [True, True]
    wrong = await smtp(tls_context=tls, require_starttls=True, **auth)
    for settings in (
        line(wrong, security="starttls", **who),
        line(await smtp(implicit=tls), security="tls", **who),
        line(await smtp(), security="starttls", **who),
    ):
        with pytest.raises(NotSent) as caught:
            await router.send(settings, MAIL)
        assert caught.value.code == "tls_failed"
    with pytest.raises(NeedsReauth):
        await router.send(line(start, security="starttls", **(who | {"password": "falsch 1"})), MAIL)
    assert len(box.envelopes) == 2


@pytest.mark.parametrize("reply", ["550 no such user", "450 greylisted", "552 too big"])
async def test_refusals_are_replies_and_a_mail_goes_to_all_or_nobody(transport, smtp, line, box, reply):
    box.refuses = {"b@example.com": reply}
    both = MailRequest(("a@example.com", "b@example.com"), "s", "t", "<k@example.com>")
    assert (await transport.send(line(await smtp()), both)).code == int(reply[:3])
    assert box.envelopes == []
    box.refuses, box.data_reply = {}, reply
    assert (await transport.send(line(await smtp()), both)).code == int(reply[:3])


@pytest.mark.parametrize(
    "to",
    [
        "a@example.com\r\nRCPT TO:<evil@example.com>",
        "a@example.com\nBcc: evil@example.com",
        "a@example.com, b@example.com",
        "a@example.com> SIZE=1",
        "<a@example.com",
        "a b@example.com",
        "@example.com",
        "a@",
        "a",
        "",
        "a@exa_mple..com",
        "a@-x-.com",
        '"a"@example.com\x00',
        "a@[127.0.0.1]",
        "\u2028a@example.com",
    ],
)
async def test_an_address_that_is_none_is_refused_before_the_conversation(transport, smtp, line, box, to):
    reply = await transport.send(line(await smtp()), MailRequest((to,), "s", "t", "<k@example.com>"))
    assert reply.code == 553
    assert len(to) < 3 or to not in reply.text
    assert box.envelopes == []


@pytest.mark.parametrize("break_", ["\r\n", "\n", "\r", "\x0b", "\x0c", "\x85", "\u2028", "\x00"])
async def test_a_line_break_in_a_header_stays_in_its_header(transport, smtp, line, box, break_):
    evil = f"Hi{break_}Bcc: evil@example.com{break_}{break_}body"
    mail = MailRequest(("a@example.com",), evil, "t", "<k@example.com>", attachments=(Attachment(evil, "x/y", b"z"),))
    await transport.send(line(await smtp(), sender_name=evil), mail)
    assert box.mail()["bcc"] is None
    assert box.mail()["subject"] == "Hi Bcc: evil@example.com body"
    assert box.mail().get_body().get_content().strip() == "t"
    assert box.envelopes[0].rcpt_tos == ["a@example.com"]


@pytest.mark.parametrize(
    "attachment", [("x", "no type"), ("x", "multipart/mixed"), ("x", "text/plain", "A\r\nB"), ("x", "a/b\r\nc: d")]
)
async def test_an_attachment_that_is_none_is_refused(transport, smtp, line, box, attachment):
    name, kind, *method = attachment
    bad = Attachment(name, kind, b"", method[0] if method else None)
    reply = await transport.send(
        line(await smtp()), MailRequest(("a@example.com",), "s", "t", "<k@x>", attachments=(bad,))
    )
    if kind.startswith("a/b"):
        assert "\r\nc: d" not in str(box.envelopes)
    assert reply.code == 553
    assert box.envelopes == []


async def test_addresses_beyond_ascii(transport, smtp, line, box):
    wide = MailRequest(("林悦@例子.example",), "s", "t", "<k@example.com>")
    assert (await transport.send(line(await smtp()), wide)).code == 553
    assert (await transport.send(line(await smtp(enable_SMTPUTF8=True)), wide)).code == 250
    assert box.envelopes[0].rcpt_tos == ["林悦@xn--fsqu00a.example"]
    host = MailRequest(("lin@例子.example",), "s", "t", "<k@example.com>")
    assert (await transport.send(line(await smtp()), host)).code == 250
    assert box.envelopes[1].rcpt_tos == ["lin@xn--fsqu00a.example"]


STEPS = [b"220 mail.example\r\n", b"250 mail.example\r\n", b"250 OK\r\n", b"250 OK\r\n", b"354 go\r\n", b"250 OK\r\n"]


@pytest.mark.parametrize("after", range(6))
@pytest.mark.parametrize("end", ["cut", "silence"])
async def test_hanging_up_or_falling_silent(transport, open_vendor, line, after, end):
    """`after` replies: greeting, EHLO, MAIL, RCPT, DATA, message. From DATA on the server may have the mail."""

    async def script(there):
        for number, step in enumerate(STEPS):
            if number == after:
                break
            await there.push(step)
            if number < 4:
                await there.heard()
            elif number == 4:
                await there.heard(b"\r\n.\r\n")
        await (there.gone() if end == "silence" else asyncio.sleep(0))

    vendor = await open_vendor(script)
    with pytest.raises(NotSent if after < 4 else Unknown):
        await transport.send(line(vendor.port, timeout=0.15 if end == "silence" else 5.0), MAIL)
    await vendor.settled()


async def test_a_server_that_refuses_to_talk_is_a_reply(transport, open_vendor, line):
    async def script(there):
        await there.push(b"421 too busy\r\n")
        await there.gone()

    assert (await transport.send(line((await open_vendor(script)).port), MAIL)).code == 421


async def test_a_lost_goodbye_does_not_spoil_a_sent_mail(transport, open_vendor, line):
    async def script(there):
        for number, step in enumerate(STEPS):
            await there.push(step)
            if number < 4:
                await there.heard()
            elif number == 4:
                await there.heard(b"\r\n.\r\n")
        await there.heard()

    assert (await transport.send(line((await open_vendor(script)).port), MAIL)).code == 250


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"host": "169.254.169.254"}, "address_refused"),
        ({"host": "10.0.0.5", "port": 25}, "address_refused"),
        ({"host": "2130706433"}, "bad_url"),
        ({"host": "mail.example", "port": 6379}, "port_refused"),
        ({"host": "mail.example", "port": 0}, "port_refused"),
        ({"host": "mail.example\r\nx"}, "bad_url"),
        ({"security": "maybe"}, "bad_security"),
        ({"sender": "hr"}, "bad_sender"),
        ({"sender": "hr@example.com\r\nBcc: x@example.com"}, "bad_sender"),
    ],
)
async def test_the_guard_stands_before_mail_servers_too(build, line, settings, code):
    with pytest.raises(Blocked) as caught:
        await build().send(line(**({"port": 587} | settings)), MAIL)
    assert caught.value.code == code


async def test_a_mail_server_s_name_is_resolved_and_checked(build, line, smtp):
    async def inside(_host):
        return ["8.8.8.8", "10.0.0.1"]

    with pytest.raises(Blocked):
        await build(lookup=inside).send(line(587, host="mail.example"), MAIL)


async def test_unencrypted_mail_needs_an_opened_network(build, line, smtp, box):
    async def here(_host):
        return ["127.0.0.1"]

    port = await smtp()
    closed = build(Guard())
    with pytest.raises(Blocked):
        await closed.send(line(port), MAIL)
    opened = build(Guard(allow_loopback=True, networks=networks_of("10.1.0.0/16, fd00::/8")), lookup=here)
    assert (await opened.send(line(port, host="localhost"), MAIL)).code == 250


async def test_cancelling_hangs_up(transport, open_vendor, line):
    greeted = asyncio.Event()

    async def script(there):
        greeted.set()
        await there.gone()

    vendor = await open_vendor(script)
    sending = asyncio.create_task(transport.send(line(vendor.port), MAIL))
    await greeted.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    await vendor.settled()
