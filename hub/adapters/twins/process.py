"""Several twins in one process of their own: one ready line each on standard output, gone on SIGTERM."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import msgspec

from hub.adapters.twins.spec import load
from hub.adapters.twins.twin import Twin, run_twin
from hub.domain.errors import Invalid


class TwinPlan(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One twin to run. `folder` is the connector's; the rest as in `run_twin`."""

    folder: str
    port: int = 0
    smtp_port: int = 0
    secrets: dict[str, Any] = {}
    hook_url: str | None = None
    partner_url: str | None = None


class ServeConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What `serve_many` runs."""

    state_dir: str
    twins: list[TwinPlan]
    host: str = "127.0.0.1"
    speed: float = 1.0


@dataclass(frozen=True, slots=True)
class _Stop:
    event: asyncio.Event = field(default_factory=asyncio.Event)

    def listen(self) -> None:
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self.event.set)


def read_config(text: str | bytes) -> ServeConfig:
    """The configuration from its JSON form. Raises Invalid (`bad_config`)."""
    try:
        return msgspec.json.decode(text, type=ServeConfig)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise Invalid(f"not a configuration of twins: {error}", code="bad_config") from error


def ready_line(twin: Twin) -> str:
    """What a caller needs to know of a twin that listens now, as one line of JSON; no secrets."""
    told = {"twin": twin.name, "url": twin.url, "smtp_port": twin.smtp_port, "config": twin.config}
    return json.dumps(told, ensure_ascii=False)


async def serve_many(config: ServeConfig, out: TextIO | None = None) -> None:
    """Run all twins until SIGTERM or SIGINT; a ready line per twin goes to `out` (standard output) as it starts."""
    stop = _Stop()
    stop.listen()
    out = out or sys.stdout
    async with AsyncExitStack() as stack:
        for plan in config.twins:
            twin = await stack.enter_async_context(
                run_twin(
                    load(Path(plan.folder)),
                    state_dir=Path(config.state_dir),
                    port=plan.port,
                    host=config.host,
                    speed=config.speed,
                    secrets=plan.secrets,
                    hook_url=plan.hook_url,
                    partner_url=plan.partner_url,
                    smtp_port=plan.smtp_port,
                )
            )
            out.write(ready_line(twin) + "\n")
            out.flush()
        await stop.event.wait()
