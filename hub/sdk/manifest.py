"""A manifest as frozen values: what the schema has already accepted, compiled once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import cast

from hub.domain.errors import Invalid
from hub.ports.connector import Endpoint, Erases, Operation
from hub.sdk.conditions import Condition, condition, conditions
from hub.sdk.placeholders import Scope, Template, template
from mappings.documents import Document, Json, parse_path

Path = tuple[str | int, ...]


@cache
def manifest_schema() -> Document:
    """The JSON Schema of a manifest (2020-12)."""
    text = files("hub.sdk").joinpath("manifest.schema.json").read_text("utf-8")
    return cast("Document", json.loads(text))


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """What an answer means: the first rule whose status and body fit decides."""

    status: frozenset[int]
    body: Condition | None
    do: str
    kind: str | None
    wait: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HttpCall:
    """A request to be filled. `path` is joined to the base address, `url` stands alone."""

    method: str
    path: Template | None
    url: Template | None
    query: Template
    headers: Template
    body: Template | None
    form: bool
    auth: str


@dataclass(frozen=True, slots=True)
class MailCall:
    """A mail to be filled: addresses, a text template by name and language, perhaps an invitation."""

    to: Template
    template: Template
    language: Template
    message_id: Template
    calendar: Template | None


@dataclass(frozen=True, slots=True)
class Paging:
    """How a read goes on: `kind` is link_header, page or cursor; unused fields are empty."""

    kind: str
    rel: str = "next"
    drop_query: bool = False
    param: str = ""
    size_param: str = ""
    size: int = 0
    start: int = 1
    next: Path = ()


@dataclass(frozen=True, slots=True)
class Lookup:
    """Read before write: the read operation, and what all holds in the record that is the thing itself.

    Beside an idempotency header it is for later tries only: vendors forget keys after a while.
    """

    operation: str
    match: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """One operation as it is carried out."""

    promise: Operation
    request: HttpCall | MailCall
    requires: tuple[str, ...]
    before: tuple[str, ...]
    key_header: str | None
    key: Template | None
    lookup: Lookup | None
    records: Path
    paging: Paging | None
    external_id: Path | None
    refs: Mapping[str, Path]
    errors: tuple[ErrorRule, ...]
    ok: Condition | None


@dataclass(frozen=True, slots=True)
class HookRule:
    """Which webhook becomes which event. `id` is the path of the external id of `entity`."""

    match: tuple[Condition, ...]
    emit: Template
    entity: str | None
    id: Path | None
    refs: Mapping[str, Path]
    data: Path
    subject: Path | None
    at: Path | None
    refetch: str | None
    mapping: str | None


@dataclass(frozen=True, slots=True)
class Hooks:
    """How webhooks are named and read; verification is the transport's."""

    dedupe_header: str | None
    dedupe_path: Path | None
    ping: Condition | None
    reply: Template | None
    rules: tuple[HookRule, ...]


@dataclass(frozen=True, slots=True)
class Served:
    """One endpoint we serve: how the vendor's words become ours and back."""

    endpoint: Endpoint
    asks: Mapping[str, Json]
    statuses: Mapping[str, str]
    respond: Json


@dataclass(frozen=True, slots=True)
class Manifest:
    """One vendor's protocol. `document` is the whole manifest as it was written."""

    document: Document
    id: str
    version: str
    name: Mapping[str, str]
    categories: tuple[str, ...]
    config: Document
    wire: Document
    calls: Mapping[str, Call]
    hooks: Hooks | None
    served: tuple[Served, ...]
    adds: Mapping[str, Document]
    erases: Erases | None = None
    _address: Template | None = None
    _switch: Template | None = None
    _override: Template | None = None
    _addresses: Mapping[str, str] = field(default_factory=dict)

    def base_url(self, scope: Scope) -> str:
        """The address that paths are joined to, without a slash at the end. Raises Invalid."""
        if self._override is not None:
            chosen = self._override.fill(scope)
            if isinstance(chosen, str):
                return chosen.rstrip("/")
        if self._switch is not None:
            case = self._switch.fill(scope)
            if not isinstance(case, str) or case not in self._addresses:
                raise Invalid("base_url has no address for this setting", code="bad_value", at="base_url")
            return self._addresses[case].rstrip("/")
        address = self._address.fill(scope) if self._address is not None else None
        if not isinstance(address, str):
            raise Invalid("base_url is needed and not there", code="missing", at="base_url")
        return address.rstrip("/")


def read_manifest(document: Document) -> Manifest:
    """Compile a manifest that fits the schema. Raises PathError for a placeholder or path that cannot be read."""
    defaults = _object(document["defaults"])
    shared = tuple(_rule(rule) for rule in _objects(defaults.get("errors")))
    ok = condition(_object(defaults["ok"])) if "ok" in defaults else None
    operations = _object(document["operations"])
    base = document.get("base_url")
    switch = base if isinstance(base, dict) else {}
    return Manifest(
        document=document,
        id=str(document["id"]),
        version=str(document["version"]),
        name=_texts(document["name"]),
        categories=tuple(str(c) for c in cast("list[Json]", document["categories"])),
        config=_object(document["config"]),
        wire=_wire(document),
        calls={name: _call(name, _object(body), shared, ok) for name, body in operations.items()},
        hooks=_hooks(_object(document["webhooks"])) if "webhooks" in document else None,
        served=tuple(_served(e) for e in _objects(_object(document.get("provides")).get("endpoints"))),
        adds={event: _object(fields) for event, fields in _adds(document).items()},
        erases=_erases(_object(document["erasure"])) if "erasure" in document else None,
        _address=template(base) if isinstance(base, str) else None,
        _switch=template(switch["switch"]) if switch else None,
        _override=template(switch["override"]) if "override" in switch else None,
        _addresses={k: str(v) for k, v in switch.items() if k not in ("switch", "override")},
    )


def _call(name: str, body: Document, shared: tuple[ErrorRule, ...], ok: Condition | None) -> Call:
    how = _object(body.get("idempotency"))
    response = _object(body.get("response"))
    return Call(
        promise=Operation(
            name=name,
            safety=str(body["safety"]),
            entity=_maybe(body, "entity"),
            idempotency=_maybe(how, "mode"),
            consent=_maybe(body, "consent"),
            mapping=_maybe(body, "map"),
            replaces=body.get("replaces") is True,
            label=_texts(body["label"]) if "label" in body else {"en": name, "zh-CN": name},
        ),
        request=_mail(_object(body["mail"])) if "mail" in body else _http(_object(body["request"])),
        requires=_names(body.get("requires")),
        before=_names(body.get("before")),
        key_header=_maybe(how, "name"),
        key=template(how["key"]) if "key" in how else None,
        lookup=Lookup(str(how["lookup"]), conditions(how["match"])) if "lookup" in how else None,
        records=_path(body, "records") or (),
        paging=_paging(_object(body["paginate"])) if "paginate" in body else None,
        external_id=_path(response, "external_id"),
        refs=_paths(response.get("refs")),
        errors=(*(_rule(rule) for rule in _objects(body.get("errors"))), *shared),
        ok=condition(_object(body["ok"])) if "ok" in body else ok,
    )


def _http(body: Document) -> HttpCall:
    return HttpCall(
        method=str(body["method"]),
        path=template(body["path"], in_path=True) if "path" in body else None,
        url=template(body["url"]) if "url" in body else None,
        query=template(body.get("query", {})),
        headers=template(body.get("headers", {})),
        body=template(body["body"]) if "body" in body else None,
        form=body.get("encode") == "form",
        auth=str(body.get("auth", "default")),
    )


def _mail(body: Document) -> MailCall:
    return MailCall(
        to=template(body["to"]),
        template=template(body["template"]),
        language=template(body["language"]),
        message_id=template(body["message_id"]),
        calendar=template(body["calendar"]) if "calendar" in body else None,
    )


def _rule(body: Document) -> ErrorRule:
    when = _object(body["when"])
    return ErrorRule(
        status=frozenset(cast("list[int]", when["status"])),
        body=condition(_object(when["body"])) if "body" in when else None,
        do=str(body["do"]),
        kind=_maybe(body, "class"),
        wait=_names(body.get("wait")),
    )


def _paging(body: Document) -> Paging:
    return Paging(
        kind=str(body["kind"]),
        rel=str(body.get("rel", "next")),
        drop_query=body.get("drop_query") is True,
        param=str(body.get("param", "")),
        size_param=str(body.get("size_param", "")),
        size=cast("int", body.get("size", 0)),
        start=cast("int", body.get("start", 1)),
        next=_path(body, "next") or (),
    )


def _hooks(body: Document) -> Hooks:
    dedupe, handshake = _object(body.get("dedupe")), _object(body.get("handshake"))
    reply = _object(handshake.get("reply"))
    return Hooks(
        dedupe_header=_maybe(dedupe, "header"),
        dedupe_path=_path(dedupe, "body"),
        ping=condition(_object(handshake["when"])) if handshake else None,
        reply=template(reply["body"]) if "body" in reply else None,
        rules=tuple(_hook_rule(rule) for rule in _objects(body["events"])),
    )


def _hook_rule(body: Document) -> HookRule:
    return HookRule(
        match=conditions(body["match"]),
        emit=template(body["emit"]),
        entity=_maybe(body, "entity"),
        id=_path(body, "id"),
        refs=_paths(body.get("refs")),
        data=_path(body, "data") or (),
        subject=_path(body, "subject"),
        at=_path(body, "at"),
        refetch=_maybe(_object(body.get("then")), "refetch"),
        mapping=_maybe(body, "map"),
    )


def _served(body: Document) -> Served:
    return Served(
        endpoint=Endpoint(str(body["method"]), str(body["path"]), str(body["serve"])),
        asks=_object(body.get("request_map")),
        statuses=_texts(body.get("statuses", {})),
        respond=body["respond"],
    )


def _wire(document: Document) -> Document:
    """The part that the transport reads. `webhooks.headers`: all that verification and reading look at, lower-case."""
    wire: Document = {name: document[name] for name in ("id", "auth", "allowed_hosts", "defaults")}
    if "base_url" in document:
        wire["base_url"] = document["base_url"]
    if "webhooks" in document:
        hooks = _object(document["webhooks"])
        verify = _object(hooks["verify"])
        names = {verify.get("header"), verify.get("timestamp_header"), _object(hooks.get("dedupe")).get("header")}
        if verify["scheme"] == "standard_webhooks":
            names |= {"webhook-id", "webhook-timestamp", "webhook-signature"}
        wire["webhooks"] = {"verify": verify, "headers": cast("list[Json]", sorted(str(n) for n in names if n))}
    if "provides" in document:
        wire["provides"] = {"auth": _object(document["provides"])["auth"]}
    return wire


def _erases(body: Document) -> Erases:
    return Erases(_maybe(body, "operation"), _maybe(body, "needs"), _texts(body.get("manual", {})))


def _adds(document: Document) -> Document:
    return _object(_object(document.get("custom_fields")).get("adds"))


def _object(value: Json) -> Document:
    return value if isinstance(value, dict) else {}


def _objects(value: Json) -> list[Document]:
    return [_object(one) for one in value] if isinstance(value, list) else []


def _names(value: Json) -> tuple[str, ...]:
    return tuple(str(one) for one in value) if isinstance(value, list) else ()


def _texts(value: Json) -> dict[str, str]:
    return {name: str(text) for name, text in _object(value).items()}


def _maybe(body: Document, name: str) -> str | None:
    value = body.get(name)
    return None if value is None else str(value)


def _path(body: Document, name: str) -> Path | None:
    value = body.get(name)
    return None if value is None else parse_path(str(value))


def _paths(value: Json) -> dict[str, Path]:
    return {name: parse_path(str(path)) for name, path in _object(value).items()}
