"""Samples: one recorded conversation each, replayed against the connector without a socket.

A sample is the test, the documentation and the preview of one case. It says what is asked (`operation`, `hook` or
`endpoint`), what is known (`payload` to be mapped or `doc` already mapped, `config`, `refs`, `order`, `event`, `now`,
`attempt`), the `exchange` word for word, and the `outcome`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import assert_never, cast

from hub.domain.deliveries import Delivered, Gone, NeedsHuman, Outcome, Refused, TryLater
from hub.domain.errors import Invalid
from hub.ports.connector import Connector, Endpoint, Exchange, Hook, Job
from hub.ports.transport import HttpRequest, HttpResponse, MailReply, MailRequest, Request, Response
from mappings.documents import Document, Json
from mappings.engine import MappingFailed, compile_mapping

KEY = "0123456789abcdef0123456789abcdef"
NOW = "2026-03-02T09:00:00+00:00"


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the connector and the sample part."""

    at: str
    wanted: Json
    got: Json

    def __str__(self) -> str:
        return f"{self.at}: wanted {json.dumps(self.wanted, ensure_ascii=False)}, got {json.dumps(self.got, ensure_ascii=False)}"


def replay(connector: Connector, sample: Document) -> list[Difference]:
    """Every difference; empty means that the connector does what the sample says. Raises Invalid for a bad sample."""
    match sample:
        case {"endpoint": dict(call)}:
            return _partner(connector, call, sample)
        case {"hook": dict(told)}:
            hook = _hook(told)
            identity = connector.identify(hook)
            said: Document = {"key": identity.key, "ping": identity.ping, "reply": identity.reply}
            different = (
                _compared("identity", cast("Document", sample["identity"]), said) if "identity" in sample else []
            )
            if identity.ping:
                return different
            return different + _conversation(connector.read(hook, _job(sample, "@hook", {})), sample)
        case {"operation": str(name)}:
            if name not in connector.operations:
                raise Invalid(f"the sample names no operation of {connector.name}: {name}", code="unknown_operation")
            try:
                doc = _document(connector, name, sample)
            except MappingFailed as error:
                got: Document = {"mapping_failed": {"field": error.field, "code": error.code}}
                return _compared("outcome", _object(sample.get("outcome")), got)
            return _conversation(connector.run(_job(sample, name, doc)), sample)
        case _:
            raise Invalid("a sample has an operation, a hook or an endpoint", code="bad_sample")


def replies(sample: Document) -> list[Document]:
    """The vendor's answers in a sample."""
    return [_object(_object(turn).get("response")) for turn in _list(sample.get("exchange"))]


def _document(connector: Connector, name: str, sample: Document) -> Document:
    if "doc" in sample:
        return _object(sample["doc"])
    payload, mapping = _object(sample.get("payload")), connector.operations[name].mapping
    mapped = payload if mapping is None else compile_mapping(connector.mappings[mapping]).apply(payload)
    return {**mapped, **_object(sample.get("extra"))}


def _job(sample: Document, operation: str, doc: Document) -> Job:
    return Job(
        operation=operation,
        doc=doc,
        config=_object(sample.get("config")),
        key=str(sample.get("key", KEY)),
        refs={k: str(v) for k, v in _object(sample.get("refs")).items()},
        order=_object(sample.get("order")),
        event=_object(sample.get("event")),
        attempt=cast("int", sample.get("attempt", 1)),
        now=datetime.fromisoformat(str(sample.get("now", NOW))),
    )


def _hook(told: Document) -> Hook:
    body = told.get("body")
    raw = (
        body.encode() if isinstance(body, str) else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    )
    headers = {name.lower(): str(value) for name, value in _object(told.get("headers")).items()}
    return Hook(headers, raw, datetime.fromisoformat(NOW).astimezone(UTC))


def _partner(connector: Connector, call: Document, sample: Document) -> list[Difference]:
    endpoint = next(
        (e for e in connector.endpoints if (e.method, e.path) == (call.get("method"), call.get("path"))), None
    )
    if endpoint is None:
        raise Invalid("the sample names no endpoint", code="unknown_endpoint")
    different: list[Difference] = []
    if "order" in sample:
        different += _compared("order", sample["order"], _ordered(connector, endpoint, call))
    if "answer" in sample:
        got = connector.answer(endpoint, _object(sample.get("context")))
        different += _compared("answer", sample["answer"], got)
    return different


def _ordered(connector: Connector, endpoint: Endpoint, call: Document) -> Document:
    query = {name: str(value) for name, value in _object(call.get("query")).items()}
    try:
        return connector.order(endpoint, query, call.get("body"))
    except Invalid as error:
        return {"invalid": {"code": error.code, "at": error.at}}


def _conversation(exchange: Exchange, sample: Document) -> list[Difference]:
    turns = [_object(turn) for turn in _list(sample.get("exchange"))]
    made = 0
    try:
        request = next(exchange)
        for made, turn in enumerate(turns):
            different = _compared(f"exchange.{made}.request", _object(turn["request"]), shown(request, turn))
            if different:
                exchange.close()
                return different
            request = exchange.send(_answer(_object(turn["response"])))
    except StopIteration as done:
        outcome = _compared("outcome", _object(sample.get("outcome")), told(done.value))
        unused = len(turns) - made - 1
        return outcome + ([Difference("exchange", len(turns), made + 1)] if turns and unused > 0 else [])
    exchange.close()
    return [Difference(f"exchange.{len(turns)}", None, shown(request, {}))]


def shown(request: Request, turn: Mapping[str, Json]) -> Document:
    """The request as a sample writes it: what is empty is left out. The key is shown where the sample asks for it."""
    match request:
        case HttpRequest():
            out: Document = {"method": request.method, "url": request.url}
            parts: Document = {"query": dict(request.query), "headers": dict(request.headers)}
            out |= {name: value for name, value in parts.items() if value}
            if request.json is not None:
                out["json"] = request.json
            if request.form is not None:
                out["form"] = dict(request.form)
            if request.auth != "default":
                out["auth"] = request.auth
            if "key" in _object(turn.get("request")):
                out["key"] = request.key
            return out
        case MailRequest():
            mail: Document = {
                "to": list(request.to),
                "subject": request.subject,
                "message_id": request.message_id,
                "text": request.text,
            }
            if request.attachments:
                mail["attachments"] = [
                    {
                        "filename": one.filename,
                        "content_type": one.content_type,
                        "method": one.method,
                        "content": one.content.decode().replace("\r\n ", "").replace("\r\n", "\n"),
                    }
                    for one in request.attachments
                ]
            return {"mail": mail}
        case _:
            assert_never(request)


def told(outcome: Outcome) -> Document:
    """The outcome as a sample writes it: what is empty is left out."""
    match outcome:
        case Delivered():
            said: Document = {"reference": outcome.reference, "refs": dict(outcome.refs)}
            said["reported"] = [
                _filled(
                    {
                        "type": fact.type,
                        "key": fact.key,
                        "data": fact.data,
                        "occurred_at": fact.occurred_at.isoformat() if fact.occurred_at else None,
                        "subject": fact.subject,
                        "cause_refs": dict(fact.cause_refs),
                    }
                )
                for fact in outcome.reported
            ]
            return {"delivered": _filled(said)}
        case TryLater():
            return {"try_later": _filled({"why": outcome.why, "after_s": outcome.after_s, "refs": dict(outcome.refs)})}
        case Refused():
            return {"refused": _filled({"why": outcome.why, "retry": outcome.retry})}
        case NeedsHuman(why=why):
            return {"needs_human": {"why": why}}
        case Gone(why=why):
            return {"gone": {"why": why}}
        case _:
            assert_never(outcome)


def _filled(document: Document) -> Document:
    return {name: value for name, value in document.items() if value is not None and value not in ({}, [], False)}


def _answer(response: Document) -> Response:
    if "code" in response:
        return MailReply(cast("int", response["code"]), str(response.get("text", "")))
    headers = {name.lower(): str(value) for name, value in _object(response.get("headers")).items()}
    body = b""
    if "json" in response:
        body = json.dumps(response["json"], ensure_ascii=False).encode()
    elif "text" in response:
        body = str(response["text"]).encode()
    return HttpResponse(cast("int", response["status"]), headers, body)


def _compared(at: str, wanted: Json, got: Json) -> list[Difference]:
    """Differences by place, so that a long body shows only what is wrong in it."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        names = sorted({*wanted, *got})
        return [
            one
            for name in names
            for one in (
                _compared(f"{at}.{name}", wanted[name], got[name])
                if name in wanted and name in got
                else [Difference(f"{at}.{name}", wanted.get(name), got.get(name))]
            )
        ]
    if isinstance(wanted, list) and isinstance(got, list) and len(wanted) == len(got):
        return [one for n, pair in enumerate(zip(wanted, got, strict=True)) for one in _compared(f"{at}.{n}", *pair)]
    return [] if type(wanted) is type(got) and wanted == got else [Difference(at, wanted, got)]


def _object(value: Json) -> Document:
    return value if isinstance(value, dict) else {}


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
