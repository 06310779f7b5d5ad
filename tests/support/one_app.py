"""One application for the many hubs of a test process: to make one takes longer than most tests."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from litestar import Litestar
from litestar.datastructures import State

from hub.app.hub import Hub
from hub.web.app import create_app
from hub.web.inflow import Inflow


async def no_metrics() -> tuple[bytes, str]:
    return b"hirewire_store_up 1.0\n", "text/plain; version=1.0.0; charset=utf-8"


class Present:
    """The hub that is served just now, for what an application keeps of its hub."""

    def __init__(self) -> None:
        self.hub: Any = None

    @property
    def meter(self) -> Any:
        return Now(self, "meter")

    @property
    def clock(self) -> Any:
        return Now(self, "clock")


class Now:
    """A part of the present hub."""

    def __init__(self, present: Present, part: str) -> None:
        self._present, self._part = present, part

    def __getattr__(self, name: str) -> Any:
        return getattr(getattr(self._present.hub, self._part), name)


@cache
def _present() -> Present:
    return Present()


@cache
def _app() -> Litestar:
    return create_app(_present(), no_metrics, "0.0.0")  # type: ignore[arg-type]


def app_over(hub: Hub) -> Litestar:
    """The application over this hub, until the next call. Whoever registers routes makes one of their own."""
    _present().hub = hub
    app = _app()
    app.state = State({"hub": hub, "metrics": no_metrics, "inflow": Inflow(partial(hub.meter.refused, "memory"))})
    return app
