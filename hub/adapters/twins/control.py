"""The strings behind a twin: `/_twin/` endpoints, for callers on the same machine only."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from hub.adapters.twins.faults import Faults
from hub.adapters.twins.ledger import Journal
from hub.adapters.twins.outbound import Outbound
from hub.adapters.twins.vendor import Vendor
from hub.domain.errors import Invalid, Rejected
from mappings.documents import Document, Json


class Control:
    """Reads the ledger, orders faults, makes the vendor act."""

    def __init__(self, vendor: Vendor, outbound: Outbound, faults: Faults, requests: Journal) -> None:
        self.vendor, self.outbound, self.faults = vendor, outbound, faults
        self.journals = {"effect": vendor.state.effects, "request": requests, "sent": outbound.sent}

    def mount(self, app: web.Application) -> None:
        """Add the routes."""
        for method, path, act in (
            ("GET", "requests", self.requests),
            ("GET", "effects", self.effects),
            ("GET", "sent", self.sent),
            ("GET", "waiting", self.waiting),
            ("GET", "state", self.state),
            ("GET", "config", self.config),
            ("GET", "wait", self.wait),
            ("POST", "faults", self.add_faults),
            ("POST", "release", self.release),
            ("POST", "reset", self.reset),
            ("POST", "hook", self.hook),
            ("POST", "play", self.play),
            ("POST", "settings", self.settings),
        ):
            app.router.add_route(method, f"/_twin/{path}", _guarded(act))

    async def requests(self, _: Document) -> Json:
        """Every request that came."""
        return list(self.journals["request"].lines)

    async def effects(self, _: Document) -> Json:
        """Every effect that was applied, and repeats that were not applied again."""
        return list(self.journals["effect"].lines)

    async def sent(self, _: Document) -> Json:
        """Every try to send a webhook or a partner call."""
        return list(self.journals["sent"].lines)

    async def waiting(self, _: Document) -> Json:
        """What the vendor still means to do by itself."""
        return self.outbound.waiting()

    async def state(self, _: Document) -> Json:
        """The vendor's records."""
        return {name: list(items.values()) for name, items in self.vendor.state.items.items()}

    async def config(self, _: Document) -> Json:
        """What a connection to this twin has to be told."""
        return self.vendor.acts.connection()

    async def wait(self, asked: Document) -> Json:
        """Long poll: the lines of a journal that match, once there are `count`; `ok` false after `timeout` seconds.

        `of` is effect, request or sent; every other parameter is a field that must be equal. `effect=<kind>` is short
        for an effect of that kind that was applied, repeats left out.
        """
        match = dict(asked)
        if "effect" in match:
            match |= {"of": "effect", "kind": match.pop("effect"), "replayed": "false"}
        journal = self.journals.get(str(match.pop("of", "effect")))
        if journal is None:
            raise Invalid("`of` must be effect, request or sent", code="bad_wait", at="of")
        try:
            count, timeout = int(str(match.pop("count", 1))), float(str(match.pop("timeout", 10)))
        except ValueError as error:
            raise Invalid("count and timeout are numbers", code="bad_wait") from error
        wanted = {k: _literal(v) for k, v in match.items()}
        try:
            return {"ok": True, "lines": list(await journal.wait(wanted, count, timeout))}
        except TimeoutError:
            return {"ok": False, "lines": list(journal.matching(wanted))}

    async def add_faults(self, asked: Json) -> Json:
        """Append to the fault script."""
        return {"waiting": self.faults.add(asked)}

    async def release(self, _: Document) -> Json:
        """Answer the calls that are held."""
        self.faults.release()
        return {}

    async def reset(self, _: Document) -> Json:
        """Records back to the seed, no faults, no plans; what was received stays on record."""
        self.faults.release()
        self.faults.clear()
        self.outbound.forget()
        self.vendor.state.reset()
        return {}

    async def hook(self, asked: Document) -> Json:
        """Send a webhook now: `name`, and `with` (name -> [collection, id] or a value) for its template; `times` copies."""
        name = str(asked.get("name", ""))
        if name not in self.vendor.file.hooks:
            raise Invalid("this vendor has no such hook", code="no_hook", at="name")
        scope = self.vendor.acts.scope()
        given = asked.get("with")
        for key, value in given.items() if isinstance(given, dict) else ():
            scope[key] = self._item(value)
        id = self.vendor.acts.post(name, scope)
        times = asked.get("times", 1)
        for _ in range(1, times if isinstance(times, int) else 1):
            self.vendor.acts.on_hook(id)
        self.vendor.state.commit()
        return {"id": id}

    async def play(self, asked: Document) -> Json:
        """Run waiting plans at once: all, those of a `scenario`, those about an `id`."""
        scenario, id = asked.get("scenario"), asked.get("id")
        return {
            "played": self.outbound.play(None if scenario is None else str(scenario), None if id is None else str(id))
        }

    async def settings(self, asked: Document) -> Json:
        """Change `hook_url`, `partner_url`, `speed`, `limit` ({limit, per_s}), `token_ttl_s`, or `revoke` all tokens."""
        for name, value in asked.items():
            match name, value:
                case "hook_url", str() | None:
                    self.outbound.hook_url = value
                case "partner_url", str() | None:
                    self.outbound.partner_url = value
                case "speed", int() | float() if value > 0:
                    self.outbound.speed = float(value)
                case "token_ttl_s", int() | float():
                    self.vendor.gate.token_ttl_s = float(value)
                case "revoke", True:
                    self.vendor.gate.revoke()
                case "limit", {"limit": int(limit), "per_s": int() | float() as per_s} if self.vendor.limit:
                    self.vendor.limit.set(limit, float(per_s))
                case _:
                    raise Invalid("this setting is not there or cannot have this value", code="bad_setting", at=name)
        return {}

    def _item(self, value: Json) -> Json:
        if isinstance(value, list) and len(value) == 2 and value[0] in self.vendor.state.items:
            return self.vendor.state.get(str(value[0]), value[1])
        return value


def _literal(text: Json) -> Json:
    """A query value as the ledger holds it: true, false, null and numbers stand for themselves."""
    try:
        value: Json = json.loads(str(text))
    except ValueError:
        return text
    return value if value is None or isinstance(value, bool | int) else text


def _guarded(act: Any) -> Any:
    async def guarded(request: web.Request) -> web.Response:
        if not _local(request.remote) or "origin" in request.headers:
            return web.json_response({"code": "forbidden"}, status=403)
        try:
            asked: Json = await _asked(request)
            return web.json_response(await act(asked))
        except Rejected as error:
            return web.json_response({"code": error.code, "detail": str(error), "at": error.at}, status=400)

    return guarded


async def _asked(request: web.Request) -> Json:
    if request.method == "GET":
        return dict(request.query)
    if request.content_type != "application/json":
        raise Invalid("send application/json", code="bad_body")
    try:
        value: Json = await request.json()
    except ValueError as error:
        raise Invalid("the body is not JSON", code="bad_body") from error
    if not isinstance(value, Mapping) and not (isinstance(value, list) and request.path.endswith("/faults")):
        raise Invalid("the body is not an object", code="bad_body")
    return value


def _local(remote: str | None) -> bool:
    """A web page cannot get here either: it would send an Origin, and cannot send JSON to a stranger unasked."""
    try:
        return remote is not None and ipaddress.ip_address(remote).is_loopback
    except ValueError:
        return False
