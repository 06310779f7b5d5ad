"""The vendors of a simulated world, behind the transport port: they keep what took effect, by idempotency key."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from hub.ports.transport import Channel, HttpRequest, HttpResponse, NotSent, Request, Response, Unknown
from tests.simulator.faults import Weather
from tests.simulator.ledger import Ledger
from tests.simulator.loop import Process, VirtualLoop

POISON = "poison"  # in an event's key: a vendor will never take it
KILLER = "killer"  # in an event's key: the worker that begins with it dies
LINGERS_S = (7.0, 15.0)  # longer than a lease, shorter than the time-out
KEY_HEADERS = ("idempotency-key", "webhook-id")


@dataclass
class Vendors:
    """All of them; each is known by the name of its connection."""

    loop: VirtualLoop
    weather: Weather
    ledger: Ledger
    random: random.Random
    kills: Callable[[Process], None] = field(default=lambda process: None)

    def wire(self, process: Process) -> Wire:
        """A process's way out."""
        return Wire(self, process)

    def fate(self) -> str:
        """What becomes of the next request."""
        if self.weather.vendor_down:
            return self.random.choice(["refuses", "busy", "swallows"])
        draw = self.random.random()
        for kind, chance in self.weather.fates.items():
            draw -= chance
            if draw < 0:
                return kind
        return "ok"

    async def serve(self, vendor: str, event: str, key: str, fate: str, answer: asyncio.Future[Response]) -> None:
        """The vendor's side: it goes on whatever becomes of the caller."""
        await asyncio.sleep(self.random.random() * self.weather.vendor_s)
        self.ledger.tell(vendor, f"{fate} {key}")
        if fate == "lingers":
            await asyncio.sleep(self.random.uniform(*LINGERS_S))
        if POISON in event:
            self._answer(answer, HttpResponse(422, {}, b'{"error": "no such job"}'))
            return
        if fate in ("ok", "lingers", "fails after", "answers late"):
            self.ledger.effect(vendor, event, key)
        await asyncio.sleep(self.random.random() * self.weather.vendor_s)
        wait = {"retry-after": str(self.random.randint(1, 3))}
        match fate:
            case "ok" | "lingers":
                self._answer(
                    answer, HttpResponse(201, {}, json.dumps({"id": f"r-{key}", "status": "received"}).encode())
                )
            case "busy":
                self._answer(answer, HttpResponse(503, self.random.choice([wait, {}]), b"{}"))
            case "limited":
                self._answer(answer, HttpResponse(429, wait, b"{}"))
            case "fails" | "fails after":
                self._answer(answer, HttpResponse(self.random.choice([500, 502, 504]), {}, b"{}"))
            case "refuses":
                if not answer.done():
                    answer.set_exception(NotSent("connection refused"))
            case _:
                return  # swallowed, or the answer never arrives

    def _answer(self, answer: asyncio.Future[Response], response: Response) -> None:
        if not answer.done():
            answer.set_result(response)


class Wire:
    """`hub.ports.transport.Transport` of one process."""

    def __init__(self, vendors: Vendors, owner: Process) -> None:
        self._vendors, self._owner = vendors, owner

    async def send(self, channel: Channel, request: Request) -> Response:
        assert isinstance(request, HttpRequest)
        key = next(request.headers[name] for name in KEY_HEADERS if name in request.headers)
        vendor, event = channel.connection.name, event_in(request)
        ledger, loop = self._vendors.ledger, self._vendors.loop
        if KILLER in event:
            self._vendors.kills(self._owner)
            await loop.create_future()
        flight = ledger.sends(self._owner, vendor, key, channel.connection.lane.concurrency)
        answer: asyncio.Future[Response] = loop.create_future()
        loop.outside(self._vendors.serve(vendor, event, key, self._vendors.fate(), answer))
        try:
            async with asyncio.timeout(channel.connection.lane.timeout_s):
                response = await answer
        except TimeoutError:
            raise Unknown("no answer in time") from None
        finally:
            ledger.flights.remove(flight)
        if isinstance(response, HttpResponse):
            ledger.hears(flight, response.status)
        return response

    async def close(self) -> None:
        return None


def event_in(request: HttpRequest) -> str:
    """The key of the event that a request speaks of: our events carry it as the job's title."""
    body = request.json
    assert isinstance(body, dict)
    data = body.get("data", body)
    assert isinstance(data, dict)
    job = data["job"]
    assert isinstance(job, dict)
    return str(job["title"])
