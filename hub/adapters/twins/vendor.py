"""The vendor behind the counter: one call in, one answer out, with every effect recorded; no sockets here."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from hub.adapters.twins.acts import Acts
from hub.adapters.twins.bodies import Refusal, judge, read_body
from hub.adapters.twins.gate import Gate
from hub.adapters.twins.paging import page
from hub.adapters.twins.spec import DEFAULT_STATUS, EndpointSpec, Rate, TwinSpec
from hub.adapters.twins.state import State
from hub.adapters.twins.templates import render, text, values_at
from hub.ports.clock import Clock
from mappings.documents import Document, Json


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it came; `url` is the address without its query, header names are lower-case."""

    method: str
    path: str
    url: str
    query: Sequence[tuple[str, str]]
    params: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What the vendor answers; no body where it is None."""

    status: int
    body: Json = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Vendor:
    """Answers calls from the spec and the state."""

    def __init__(
        self, spec: TwinSpec, config: Mapping[str, Json], state: State, acts: Acts, clock: Clock, gate: Gate
    ) -> None:
        self.spec, self.file, self.config = spec, spec.file, config
        self.state, self.acts, self.clock, self.gate = state, acts, clock, gate
        self.limit = _Window(spec.file.rate, clock) if spec.file.rate else None
        self.last_effect: Document | None = None
        self._seen = {(e["kind"], e["key"]) for e in state.effects.lines if not e.get("replayed")}

    def answer(self, endpoint: EndpointSpec, call: Call) -> Answer:
        """Carry out one call; never raises for anything a caller can send."""
        extra: dict[str, str] = {}
        try:
            if self.limit is not None:
                extra = self.limit.count()
            self.gate.check(endpoint.auth, call.headers, call.body)
            done = self._once(endpoint, call)
        except Refusal as refusal:
            done = self.refuse(refusal.kind, refusal.message, refusal.field, refusal.id)
        return Answer(done.status, done.body, {**extra, **done.headers})

    def refuse(self, kind: str, message: str, where: str = "", id: Json = None, status: int | None = None) -> Answer:
        """An error in the vendor's words."""
        shape = self.file.errors
        headers: dict[str, str] = {}
        if kind == "rate_limited" and self.limit is not None:
            headers["retry-after"] = str(self.limit.wait_s())
        said: dict[str, Json] = {"message": message, "field": where or None, "kind": kind, "id": id}
        usual = shape.status.get(kind, DEFAULT_STATUS.get(kind, 400))
        return Answer(status or usual, render(shape.body, said), headers)

    def _once(self, endpoint: EndpointSpec, call: Call) -> Answer:
        """Honour the idempotency header: the same key gives the same answer and no second effect."""
        terms = self.file.idempotency
        key = call.headers.get(terms.header) if terms is not None and call.method == "POST" else None
        if terms is None or not key:
            return self._do(endpoint, call, None)
        now = self.clock.now().timestamp()
        mark = hashlib.sha256(f"{call.method} {call.path}\n".encode() + call.body).hexdigest()
        kept = self.state.answers.get(key)
        if kept is None or float(str(kept["until"])) <= now:
            self.last_effect = None
            answer = self._do(endpoint, call, key)
            if answer.status < 300:
                self.state.keep_answer(
                    key,
                    {
                        "until": now + terms.ttl_s,
                        "mark": mark,
                        "status": answer.status,
                        "body": answer.body,
                        "effect": self.last_effect,
                    },
                )
            self.state.commit()
            return answer
        if kept["mark"] != mark and terms.other_body == "refuse":
            raise Refusal("key_reused", "this idempotency key was used for another request", terms.header)
        effect = kept["effect"]
        if isinstance(effect, dict):
            again = {k: v for k, v in effect.items() if k != "n"}
            self.state.effect({**again, "at": self._now(), "replayed": True})
            self.state.commit()
        status = kept["status"]
        return Answer(status if isinstance(status, int) else 200, kept["body"])

    def _do(self, endpoint: EndpointSpec, call: Call, key: str | None) -> Answer:
        scope = self._scope(call)
        if endpoint.do == "answer":
            return Answer(endpoint.status or 200, render(endpoint.respond, scope))
        if endpoint.do == "list":
            return self._list(endpoint, call)
        if endpoint.do == "show":
            return self._shown(endpoint, 200, scope | {"item": dict(self._found(endpoint, call))})
        kind = call.headers.get("content-type", "")
        body = read_body(endpoint, kind, call.body)
        judge(endpoint, body, self._known, as_text=kind.startswith("application/x-www-form"))
        self._first_of_its_kind(endpoint, body)
        scope["body"] = body
        self._follow(endpoint, scope)
        match endpoint.do:
            case "create":
                item, fresh = self._created(endpoint, body, scope), True
            case "change":
                item, fresh = self._changed(endpoint, call, body, scope)
            case _:
                item, fresh = {"id": self.state.next_id("received")}, True
        scope["item"] = item
        self._record(endpoint, scope, key, fresh)
        answer = self._shown(endpoint, 201 if endpoint.do == "create" else 200, scope)
        self.state.commit()
        return answer

    def _list(self, endpoint: EndpointSpec, call: Call) -> Answer:
        paging = self.file.paging
        if paging is None:
            raise Refusal("not_found", "there is no such list")
        items = [self._visible(endpoint, i) for i in self.state.items[endpoint.collection or ""].values()]
        body, headers = page(endpoint, paging, items, call.url, call.query)
        return Answer(200, body, headers)

    def _found(self, endpoint: EndpointSpec, call: Call) -> Document:
        item = self.state.get(endpoint.collection or "", call.params["id"])
        if item is None:
            raise Refusal("not_found", "Resource not found")
        return item

    def _known(self, collection: str, name: str, value: Json) -> bool:
        if name == "id":
            return self.state.get(collection, value) is not None
        return any(value in values_at(item, name) for item in self.state.items[collection].values())

    def _follow(self, endpoint: EndpointSpec, scope: dict[str, Json]) -> None:
        """Read the items that the endpoint's links name, one after the other."""
        for name, link in endpoint.links.items():
            scope[name] = self.acts.linked(link, scope)

    def _visible(self, endpoint: EndpointSpec, item: Document) -> Document:
        hidden = self.file.collections[endpoint.collection].hidden if endpoint.collection else ()
        return {k: v for k, v in item.items() if k not in hidden} if hidden else item

    def _first_of_its_kind(self, endpoint: EndpointSpec, body: Document) -> None:
        if endpoint.unique is None:
            return
        wanted = values_at(body, endpoint.unique)
        for item in self.state.items[endpoint.collection or ""].values():
            if wanted and values_at(item, endpoint.unique) == wanted:
                raise Refusal("duplicate", "exists already", endpoint.unique, item["id"])

    def _created(self, endpoint: EndpointSpec, body: Document, scope: dict[str, Json]) -> Document:
        return self.acts.create(endpoint.collection or "", body if endpoint.merge else {}, endpoint.set, scope)

    def _changed(
        self, endpoint: EndpointSpec, call: Call, body: Document, scope: dict[str, Json]
    ) -> tuple[Document, bool]:
        before = self._found(endpoint, call)
        scope["item"] = before
        for path, wanted in endpoint.require.items():
            value = render(wanted, scope)
            if value is not None and value not in values_at(before, path):
                raise Refusal("conflict", "the item is not in the state that this call asks for", path)
        return self.acts.change(endpoint.collection or "", before, body if endpoint.merge else {}, endpoint.set, scope)

    def _record(self, endpoint: EndpointSpec, scope: dict[str, Json], key: str | None, fresh: bool) -> None:
        """Write the effect; where a natural key was seen before, or nothing changed, it is a repeat without an effect."""
        item = scope["item"]
        id = item.get("id") if isinstance(item, dict) else None
        self._follow(endpoint, scope)
        natural = text(endpoint.key, scope) if endpoint.key is not None else None
        if endpoint.do == "receive" and (endpoint.name, natural) in self._seen:
            fresh = False
        self.last_effect = {
            **{name: render(template, scope) for name, template in endpoint.correlate.items()},
            "at": self._now(),
            "kind": endpoint.name,
            "id": id,
            "key": natural or key,
            "idempotency_key": key,
            "replayed": not fresh,
        }
        self.state.effect(self.last_effect)
        if fresh:
            self._seen.add((endpoint.name, natural))
            for step in endpoint.also:
                self.acts.perform(step, scope)
            self.acts.happened(endpoint.name, endpoint.collection, id)

    def _shown(self, endpoint: EndpointSpec, status: int, scope: dict[str, Json]) -> Answer:
        status = endpoint.status or status
        if status == 204:
            return Answer(204)
        item = scope["item"]
        if endpoint.respond is None and isinstance(item, dict):
            return Answer(status, self._visible(endpoint, item))
        return Answer(status, render(endpoint.respond, scope))

    def _scope(self, call: Call) -> dict[str, Json]:
        return {
            **self.acts.scope(),
            "path": dict(call.params),
            "query": dict(call.query),
            "headers": {k: v for k, v in call.headers.items() if k != "authorization"},
        }

    def _now(self) -> str:
        return self.clock.now().isoformat(timespec="milliseconds")


class _Window:
    """Counts calls in a fixed window and tells of it in the vendor's headers."""

    def __init__(self, rate: Rate, clock: Clock) -> None:
        self.rate, self.enforce, self._clock = rate, rate.enforce, clock
        self._start, self._used = clock.monotonic(), 0

    def count(self) -> dict[str, str]:
        """Count a call; the headers to send. Raises Refusal (`rate_limited`)."""
        if self._clock.monotonic() - self._start >= self.rate.per_s:
            self._start, self._used = self._clock.monotonic(), 0
        self._used += 1
        if self.enforce and self._used > self.rate.limit:
            raise Refusal("rate_limited", "Rate limit exceeded")
        reset = self._clock.now().timestamp() + self.wait_s()
        told = {
            "limit": str(self.rate.limit),
            "remaining": str(max(self.rate.limit - self._used, 0)),
            "reset_epoch": str(math.ceil(reset)),
            "reset_rfc3339": datetime.fromtimestamp(math.ceil(reset), self._clock.now().tzinfo).isoformat(),
        }
        return {header: told[what] for header, what in self.rate.headers.items()}

    def wait_s(self) -> int:
        """Whole seconds until the window ends."""
        return max(math.ceil(self._start + self.rate.per_s - self._clock.monotonic()), 0)

    def set(self, limit: int, per_s: float) -> None:
        """Another limit, enforced from now on."""
        self.rate = Rate(limit, per_s, self.rate.headers, enforce=True)
        self._start, self._used, self.enforce = self._clock.monotonic(), 0, True
