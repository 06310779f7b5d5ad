"""What is thrown: Schemathesis makes the calls, a seed decides, and each goes to the application itself."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import hypothesis
import requests
import schemathesis
from hypothesis.errors import Unsatisfiable
from schemathesis.core.parameters import ParameterLocation
from schemathesis.core.transport import Response
from schemathesis.generation.drivers import CoverageGenerator
from schemathesis.generation.feedback import NO_FEEDBACK
from schemathesis.generation.meta import CoverageScenario
from schemathesis.generation.modes import GenerationMode
from schemathesis.generation.overrides import Override

from tests.roles.world import FOREIGN, OUTSIDE, OWN, Place

BASE = "http://hub.example"
MADE = "made"  # the path as it was generated: nothing of ours is named
_HOLE = re.compile(r"\{(\w+)\}")
_OURS = frozenset({"authorization", "cookie", "host", "content-length", "accept-encoding", "connection"})


@dataclass(frozen=True)
class Call:
    """A request before anybody makes it."""

    case: Any
    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    names: Mapping[str, str]
    place: str | None  # where what it names belongs

    def __str__(self) -> str:
        return f"{self.method} {self.path}{'?' if self.query else ''}{self.query} {self.body[:200]!r}"


def operations(document: Any) -> list[Any]:
    """All operations; what reads the whole trail first while it is short, what removes last."""

    def order(operation: Any) -> tuple[bool, bool, str]:
        return (not operation.path.startswith("/v1/audit"), operation.method.upper() == "DELETE", operation.label)

    schema = schemathesis.openapi.from_dict(document)
    return sorted((one.ok() for one in schema.get_all_operations()), key=order)


def cases(operation: Any, examples: int, seed: int) -> Iterator[Any]:
    """Each keyword of the schema at its borders, then `examples` that fit and as many that do not."""
    generation = operation.schema.config.generation_for(operation=operation, phase="coverage")
    yield from CoverageGenerator(
        operation=operation,
        generation_modes=list(generation.modes),
        generation_config=generation,
        auth_storage=None,
        override=Override(),
        feedback=NO_FEEDBACK,
    )
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        yield from _drawn(operation, mode, examples, seed)


def _drawn(operation: Any, mode: GenerationMode, examples: int, seed: int) -> list[Any]:
    found: list[Any] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def draw(case: Any) -> None:
        found.append(case)

    try:
        draw()
    except Unsatisfiable:  # nothing can be wrong with it
        return []
    return found


def calls(case: Any, opt: Mapping[str, Any], places: Mapping[str, Place], chance: random.Random) -> list[Call]:
    """The case as it is, and about something of ours, of what is not assigned, of another tenant."""
    prepared = _prepared(case)
    if prepared is None:
        return []
    holes = _HOLE.findall(case.operation.path)
    filters = [name for name in opt.get("by", ()) if name not in holes]
    made = _call(case, prepared, holes, filters, None, chance)
    if not (holes or filters) or _wrong_there(case):
        return [made]
    named = [
        call
        for place in (OWN, OUTSIDE, FOREIGN)
        if (call := _call(case, prepared, holes, filters, places[place], chance)) is not None
    ]
    wanted = 3 if _scenario(case) is CoverageScenario.DEFAULT_POSITIVE_TEST else 1
    return [made, *named] if wanted == 3 else [chance.choice([made, *named, *named])]


def probes_the_shape(case: Any) -> bool:
    """A method that is not there, a content type that is none: the same for whoever sends it."""
    return _scenario(case) in (
        CoverageScenario.UNSPECIFIED_HTTP_METHOD,
        CoverageScenario.MALFORMED_CONTENT_TYPE,
        CoverageScenario.UNSUPPORTED_CONTENT_TYPE,
    )


def _scenario(case: Any) -> Any:
    return getattr(case.meta.phase.data, "scenario", None)


def _wrong_there(case: Any) -> bool:
    """Whether what is wrong with the case is its path or its query."""
    return bool(wrong_in(case) & {ParameterLocation.PATH, ParameterLocation.QUERY})


def wrong_in(case: Any) -> set[ParameterLocation]:
    """Where a case does not fit its schema."""
    found = {where for where, one in case.meta.components.items() if one.mode is GenerationMode.NEGATIVE}
    if case.meta.generation.mode is GenerationMode.NEGATIVE:
        found.add(case.meta.phase.data.parameter_location)
    return found


def _prepared(case: Any) -> requests.PreparedRequest | None:
    kwargs = case.as_transport_kwargs(base_url=BASE)
    known = {
        name: kwargs[name] for name in ("method", "url", "headers", "params", "data", "json", "files") if name in kwargs
    }
    try:
        return requests.Request(**known).prepare()
    except (requests.RequestException, UnicodeError, ValueError):
        return None  # no client could send it


def _call(
    case: Any,
    prepared: requests.PreparedRequest,
    holes: list[str],
    filters: list[str],
    place: Place | None,
    chance: random.Random,
) -> Any:
    url = urlsplit(str(prepared.url))
    path, query = url.path or "/", url.query
    names = {name: str(value) for name, value in (case.path_parameters or {}).items()}
    if place is not None:
        known = {name: chance.choice(place.ids[name]) for name in holes if name in place.ids}
        if not known and holes:
            return None
        names |= known
        path = _HOLE.sub(lambda hole: quote(names.get(hole[1], "x"), safe=""), case.operation.path)
        for name in filters:
            kind = {"subject": "candidate_id", "candidate": "candidate_id", "event": "event_id"}[name]
            value = chance.choice(place.ids[kind])
            rest = [part for part in query.split("&") if part and not part.startswith(f"{name}=")]
            query, names[name] = "&".join((*rest, f"{name}={quote(value, safe='')}")), value
    headers = tuple(
        (name.lower(), _text(value)) for name, value in prepared.headers.items() if name.lower() not in _OURS
    )
    body = prepared.body or b""
    raw = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else bytes(body)
    return Call(case, str(prepared.method), path, query, headers, raw, names, None if place is None else place.name)


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


async def sent(app: Any, call: Call, headers: Mapping[str, str]) -> Response:
    """The answer of the application, without a network between."""
    given = {**dict(call.headers), **headers}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": call.method,
        "scheme": "http",
        "path": unquote(call.path),
        "raw_path": call.path.encode("ascii", "replace"),
        "query_string": call.query.encode("ascii", "replace"),
        "root_path": "",
        "headers": [
            (b"host", b"hub.example"),
            *((k.encode("latin-1"), v.encode("latin-1", "replace")) for k, v in given.items()),
            *([(b"content-length", b"%d" % len(call.body))] if call.body else []),
        ],
        "client": ("127.0.0.1", 40000),
        "server": ("hub.example", 80),
        "state": {},
    }
    came, told = [{"type": "http.request", "body": call.body, "more_body": False}], []
    over = asyncio.Event()

    async def receive() -> Any:
        if came:
            return came.pop()
        await over.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        told.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            over.set()

    async with asyncio.timeout(20):
        await app(scope, receive, send)
    [start] = [one for one in told if one["type"] == "http.response.start"]
    answered: dict[str, list[str]] = {}
    for name, value in start["headers"]:
        answered.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    content = b"".join(one.get("body", b"") for one in told if one["type"] == "http.response.body")
    request = requests.Request(call.method, f"{BASE}{call.path}").prepare()
    return Response(start["status"], answered, content, request, 0.0, False, encoding="utf-8")
