"""One running twin: its parts put together, and what a caller in the same process may ask of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hub.adapters.clock import SystemClock
from hub.adapters.twins.acts import Acts
from hub.adapters.twins.faults import Faults
from hub.adapters.twins.gate import Gate
from hub.adapters.twins.ledger import Journal
from hub.adapters.twins.outbound import Outbound
from hub.adapters.twins.server import Server
from hub.adapters.twins.spec import TwinSpec
from hub.adapters.twins.state import State
from hub.adapters.twins.vendor import Vendor
from hub.domain.errors import Unavailable
from hub.ports.clock import Clock
from mappings.documents import Document, Json


@dataclass(frozen=True, slots=True)
class Twin:
    """A vendor that listens. `url` is its HTTP root; for mail it has the control endpoints only, `smtp_port` the mail."""

    name: str
    url: str
    smtp_port: int | None
    config: Document
    vendor: Vendor
    outbound: Outbound
    faults: Faults
    seen: Journal

    def set_hook_url(self, url: str | None) -> None:
        """Where the vendor sends its webhooks from now on."""
        self.outbound.hook_url = url

    def set_partner_url(self, url: str | None) -> None:
        """Where the vendor finds our partner endpoints (the manifest's paths are appended)."""
        self.outbound.partner_url = url

    def effects(self, kind: str | None = None) -> list[Document]:
        """Effects in order, repeats (`replayed`) included."""
        return self.vendor.state.effects.matching({} if kind is None else {"kind": kind})

    def requests(self) -> list[Document]:
        """Requests in order, each with the fault that was applied to it."""
        return list(self.seen.lines)

    def sent(self) -> list[Document]:
        """Tries to send webhooks and partner calls."""
        return list(self.outbound.sent.lines)

    async def wait_effect(self, kind: str, count: int = 1, timeout: float = 10.0) -> list[Document]:
        """Until `kind` happened `count` times (repeats do not count). Raises TimeoutError."""
        return await self.vendor.state.effects.wait({"kind": kind, "replayed": False}, count, timeout)

    async def wait_sent(self, kind: str, count: int = 1, timeout: float = 10.0) -> list[Document]:
        """Until `kind` (`hook.<name>` or `partner.<serve>`) was accepted `count` times. Raises TimeoutError."""
        return await self.outbound.sent.wait({"kind": kind, "ok": True}, count, timeout)


class _Listener(Protocol):
    async def start(self, host: str, port: int) -> int: ...


async def _listening(listener: _Listener, host: str, port: int) -> int:
    try:
        return await listener.start(host, port)
    except OSError as error:
        raise Unavailable(f"cannot listen on port {port}", code="port_taken") from error


@asynccontextmanager
async def run_twin(
    spec: TwinSpec,
    *,
    state_dir: Path,
    port: int = 0,
    host: str = "127.0.0.1",
    speed: float = 1.0,
    secrets: Mapping[str, Json] | None = None,
    hook_url: str | None = None,
    partner_url: str | None = None,
    smtp_port: int = 0,
    clock: Clock | None = None,
) -> AsyncIterator[Twin]:
    """Run a twin in this event loop; it keeps its files in `state_dir`/<name> and takes up what it finds there.

    `secrets` are the settings of the connection that will call it (keys, tokens, webhook secrets); `speed` divides
    every delay of the vendor. Port 0 takes a free one. Raises Conflict (`state_in_use`), Unavailable (`port_taken`).
    """
    clock = clock or SystemClock()
    config = dict(secrets or {})
    folder = state_dir / spec.name
    async with AsyncExitStack() as stack:
        state = State(folder, spec.file.collections)
        seen, sent = Journal(folder / "requests.jsonl"), Journal(folder / "sent.jsonl")
        for file in (state, seen, sent):
            stack.callback(file.close)
        faults, acts = Faults(), Acts(spec, config, state, clock)
        outbound = Outbound(acts, sent, clock, speed)
        outbound.hook_url, outbound.partner_url = hook_url, partner_url
        vendor = Vendor(spec, config, state, acts, clock, Gate(spec.manifest, config, clock, spec.file.token_ttl_s))
        server = Server(vendor, outbound, faults, seen, clock)
        stack.push_async_callback(server.close)
        acts.address = {"url": f"http://{host}:{await _listening(server, host, port)}", "host": host}
        mail_port: int | None = None
        if spec.file.kind == "smtp":
            # aiosmtpd belongs to the extra `demo`; other twins run without it
            from hub.adapters.twins.mail import MailSink

            sink = MailSink(folder, config, state, faults, seen, clock)
            stack.push_async_callback(sink.close)
            mail_port = await _listening(sink, host, smtp_port)
            acts.address["smtp_port"] = mail_port
        outbound.start()
        stack.push_async_callback(outbound.close)
        url = str(acts.address["url"])
        yield Twin(spec.name, url, mail_port, acts.connection(), vendor, outbound, faults, seen)
