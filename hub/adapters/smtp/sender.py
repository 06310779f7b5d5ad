"""Sends one mail in one SMTP conversation, and says for certain whether the server can have taken it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass, field
from ipaddress import ip_address

import aiosmtplib

from hub.adapters.http.guard import Guard
from hub.adapters.http.resolver import GuardedResolver
from hub.adapters.http.wire import allowed_hosts, bad_manifest, needed, optional, part, total_timeout
from hub.adapters.smtp.message import BadMail, Mailbox, mailbox, message
from hub.ports.clock import Clock
from hub.ports.transport import Blocked, Channel, MailReply, MailRequest, NeedsReauth, NotSent, Unknown

_BAD_ADDRESS = 553  # RFC 5321, 4.2.3: mailbox name not allowed
_REPLY_CAP = 500


@dataclass(frozen=True, slots=True)
class _Server:
    """The mail server of a connection."""

    host: str
    port: int
    security: str
    username: str | None
    password: str | None = field(repr=False)
    sender: Mailbox = field(repr=False)


class SmtpSender:
    """Speaks SMTP to the server that the manifest's `auth` of mode `smtp` describes, at a checked address."""

    def __init__(self, guard: Guard, clock: Clock, resolver: GuardedResolver, tls: ssl.SSLContext) -> None:
        self._guard, self._clock, self._resolver, self._tls = guard, clock, resolver, tls

    async def send(self, channel: Channel, request: MailRequest) -> MailReply:
        """The reply that ended the conversation. One refused recipient ends it: a mail goes to all or to nobody.

        Raises NotSent (before the message was handed over), Unknown (the server may have it), Blocked, NeedsReauth.
        """
        server = self._server(channel)
        try:
            to = tuple(mailbox(one) for one in request.to)
            content = message(request, server.sender, to, self._clock.now())
        except (BadMail, ValueError) as error:
            return MailReply(_BAD_ADDRESS, f"not sent: {error}" if isinstance(error, BadMail) else "not sent: bad mail")
        if not to:
            return MailReply(_BAD_ADDRESS, "not sent: there is no recipient")
        talk = _Talk(server.sender, to, content)
        try:
            async with asyncio.timeout(total_timeout(channel)):
                return await self._converse(server, talk)
        except (TimeoutError, aiosmtplib.SMTPTimeoutError) as error:
            if talk.handed_over:
                raise Unknown("no reply to the message in time", code="timeout") from error
            raise NotSent("the mail server did not answer in time", code="connect_timeout") from error
        except ssl.SSLError as error:
            raise NotSent("the mail server's TLS certificate or handshake was refused", code="tls_failed") from error
        except aiosmtplib.SMTPAuthenticationError as error:
            if error.code < 500:
                return MailReply(error.code, _plain(error.message))
            raise NeedsReauth("the mail server refused the connection's user name and password") from error
        except aiosmtplib.SMTPResponseException as error:
            return MailReply(error.code, _plain(error.message))
        except (aiosmtplib.SMTPException, OSError) as error:
            if talk.handed_over:
                raise Unknown("the mail server hung up before its reply", code="cut") from error
            raise _unsent(error) from error

    def _server(self, channel: Channel) -> _Server:
        spec = part(channel.wire, "auth")
        if spec.get("mode") != "smtp":
            raise bad_manifest("its auth mode is not smtp")
        host, port = needed(spec, "host", channel), needed(spec, "port", channel)
        if not (port.isascii() and port.isdigit() and len(port) <= 5):
            raise Blocked("the mail server's port is not a number", code="port_refused")
        self._guard.mail_host(host, int(port))
        if host.lower() not in (entry.lower() for entry in allowed_hosts(channel, self._guard)):
            raise Blocked("the mail server is not one of the connector's allowed hosts", code="host_refused")
        try:
            sender = mailbox(needed(spec, "sender", channel), optional(spec, "sender_name", channel))
        except BadMail as error:
            raise Blocked("the connection's sender is not an address", code="bad_sender") from error
        security = optional(spec, "security", channel) or "starttls"
        if security not in ("starttls", "tls", "none"):
            raise Blocked("the connection's mail security is not one of starttls, tls, none", code="bad_security")
        username, password = optional(spec, "username", channel), optional(spec, "password", channel)
        return _Server(host, int(port), security, username, password, sender)

    async def _converse(self, server: _Server, talk: _Talk) -> MailReply:
        sock = await self._resolver.connect(server.host, server.port)
        try:
            peer, own = ip_address(sock.getpeername()[0]), ip_address(sock.getsockname()[0])
            if server.security == "none" and not self._guard.opens(peer):
                raise Blocked("unencrypted mail may only go to an opened network", code="http_refused")
            client = aiosmtplib.SMTP(
                hostname=server.host,
                sock=sock,
                use_tls=server.security == "tls",
                start_tls=False,
                tls_context=self._tls,
                local_hostname=f"[IPv6:{own}]" if own.version == 6 else f"[{own}]",  # RFC 5321, 4.1.3
                timeout=None,
            )
        except BaseException:
            sock.close()
            raise
        try:
            await client.connect()
            await _enter(client, server)
            reply = await talk.through(client)
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await client.quit()
            return reply
        finally:
            transport = client.transport
            client.close()
            if isinstance(transport, asyncio.WriteTransport):
                transport.abort()  # nothing is left to flush; a polite TLS goodbye could wait for the peer
            await asyncio.sleep(0)  # the loop closes the socket in its next turn


async def _enter(client: aiosmtplib.SMTP, server: _Server) -> None:
    """Greet, encrypt and sign in, as far as the settings say; never less than they say."""
    await client.ehlo()
    if server.security == "starttls":
        if not client.supports_extension("starttls"):
            raise NotSent("the mail server does not offer STARTTLS", code="tls_failed")
        await client.starttls()
        await client.ehlo()
    if server.username is not None:
        if not client.supports_extension("auth"):
            raise NotSent("the mail server offers no way to sign in", code="connect_failed")
        await client.login(server.username, server.password or "")


class _Talk:
    """One mail on its way. `handed_over` from the moment the first byte of the content may have left."""

    def __init__(self, sender: Mailbox, to: tuple[Mailbox, ...], content: bytes) -> None:
        self._sender, self._to, self._content = sender, to, content
        self.handed_over = False

    async def through(self, client: aiosmtplib.SMTP) -> MailReply:
        wide = self._sender.wide or any(one.wide for one in self._to)
        if wide and not client.supports_extension("smtputf8"):
            return MailReply(_BAD_ADDRESS, "not sent: the mail server takes no addresses beyond ASCII")
        options, encoding = (["SMTPUTF8", "BODY=8BITMIME"], "utf-8") if wide else ([], "ascii")
        await client.mail(self._sender.address, options=options, encoding=encoding)
        for one in self._to:
            await client.rcpt(one.address, encoding=encoding)
        self.handed_over = True
        done = await client.data(self._content)
        return MailReply(done.code, _plain(done.message))


def _unsent(error: Exception) -> NotSent:
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLError):
            return NotSent("the mail server's TLS certificate or handshake was refused", code="tls_failed")
        seen = seen.__cause__
    return NotSent("the mail server ended the conversation before the message", code="connect_failed")


def _plain(text: str) -> str:
    """A server's words on one line, cut; they may repeat an address and are never logged."""
    return " ".join(text.split())[:_REPLY_CAP]
