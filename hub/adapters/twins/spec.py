"""What a twin is made of: a connector's manifest and the `twin.yaml` beside it, read and checked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from hub.domain.errors import Invalid
from mappings.documents import Document

SCHEMES = ("hmac", "standard_webhooks")
Text = Any  # a template: see `templates`; any YAML value
DEFAULT_STATUS: Mapping[str, int] = {
    "bad_body": 400,
    "unauthorized": 401,
    "not_found": 404,
    "method": 405,
    "conflict": 409,
    "duplicate": 409,
    "key_reused": 409,
    "media_type": 415,
    "invalid": 422,
    "unknown": 422,
    "no_ref": 404,
    "bad_query": 422,
    "bad_cursor": 422,
    "rate_limited": 429,
    "unavailable": 503,
}


class Shape(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """How the vendor words its errors: a template over message, field, kind and id; statuses that differ from the usual."""

    body: Text = msgspec.field(default_factory=lambda: {"error": "{message}"})
    status: dict[str, int] = {}


class Field(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What the vendor wants of one field. `ref` names the collection in which the value must be an id."""

    type: Literal["string", "integer", "number", "boolean", "array", "object", "any"] = "string"
    required: bool = False
    nullable: bool = False
    pattern: str | None = None
    one_of: list[str] | None = None
    ref: str | None = None
    ref_field: str = "id"
    max_length: int | None = None
    fields: dict[str, Field] | None = None
    items: Field | None = None


class Step(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One act of the vendor: exactly one of `create`, `change`, `hook`, `partner`.

    `bind` names the result for later steps; `links` reads other items first (name -> collection and id);
    `only_if` is a choice whose result must be true.
    """

    create: str | None = None
    change: str | None = None
    hook: str | None = None
    partner: str | None = None
    id: Text = None
    set: dict[str, Text] = {}
    body: Text = None
    query: dict[str, Text] = {}
    expect: list[str] = []
    bind: str | None = None
    links: dict[str, tuple[str, Text]] = {}
    only_if: Text = True


class Filter(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A query parameter of a list. `field` may hold `*` for any item; `many` means a comma-separated list."""

    field: str
    many: bool = False
    most: int = 50


class EndpointSpec(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One endpoint. `name` is the kind of its effect; `key` the natural key that an effect may happen once for."""

    name: str
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    do: Literal["list", "show", "create", "change", "receive", "answer"]
    collection: str | None = None
    root: bool = False  # the path stands at the root of the host, not below `base_path`
    auth: str = "default"  # a way named in the manifest's auth, or `none`
    accepts: tuple[Literal["json", "form", "none"], ...] = ("json",)
    fields: dict[str, Field] = {}
    unknown: Literal["refuse", "ignore"] = "refuse"
    exactly_one: list[str] = []
    require: dict[str, Text] = {}
    merge: bool = True
    set: dict[str, Text] = {}
    unique: str | None = None  # a path in the body that no two items may share: the second is refused as `duplicate`
    links: dict[str, tuple[str, Text]] = {}
    also: list[Step] = []
    filters: dict[str, Filter] = {}
    key: Text = None
    correlate: dict[str, Text] = {}
    status: int | None = None
    respond: Text = None
    bare: bool = False  # a list without paging and without envelope

    @property
    def writes(self) -> bool:
        """Whether a success is an effect."""
        return self.do in ("create", "change", "receive")


class Collection(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Items of one kind. Ids: numbers from `first`, or `hex` digits, or `prefix` and hex digits.

    `hidden` fields are kept and never shown to callers.
    """

    first: int | None = None
    hex: int = 24
    prefix: str = ""
    seed: list[dict[str, Any]] = []
    hidden: tuple[str, ...] = ()


class Paging(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """How lists are cut.

    `link_header`: a cursor that must be the only query parameter; `cursor`: one in an envelope; `page`: page numbers.
    `envelope` is a template over items, total, next_url, previous_url and next_cursor.
    """

    kind: Literal["link_header", "page", "cursor"]
    size: int = 25
    most: int = 100
    size_param: str = "per_page"
    envelope: Text = None
    unknown_query: Literal["refuse", "ignore"] = "ignore"


class Idempotency(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The vendor's idempotency header, read on every POST; a success is kept for `ttl_s` seconds."""

    header: str
    ttl_s: float = 86400.0
    other_body: Literal["refuse", "replay"] = "refuse"


class Rate(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The vendor's limit and the headers that tell of it; enforced where `enforce` says so or a control call does."""

    limit: int
    per_s: float
    headers: dict[str, Literal["limit", "remaining", "reset_epoch", "reset_rfc3339"]] = {}
    enforce: bool = False


class HookSpec(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A webhook the vendor sends, as templates."""

    body: Text
    headers: dict[str, str] = {}


class Scenario(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What the vendor does by itself after an effect. `after_s` None: only when told to (`/_twin/play`)."""

    name: str
    upon: str
    steps: list[Step]
    after_s: float | None = 0.0
    only_if: Text = True
    links: dict[str, tuple[str, Text]] = {}


class TwinFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`twin.yaml`."""

    twin: Literal[1]
    kind: Literal["http", "smtp"] = "http"
    base_path: str = ""
    token_path: str = "/token"  # noqa: S105 - an address, not a secret
    token_ttl_s: float = 3600.0
    json_ascii: bool = False
    errors: Shape = Shape()
    paging: Paging | None = None
    idempotency: Idempotency | None = None
    rate: Rate | None = None
    collections: dict[str, Collection] = {}
    endpoints: list[EndpointSpec] = []
    scenarios: list[Scenario] = []
    hooks: dict[str, HookSpec] = {}
    hook_delays_s: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
    config: dict[str, Text] = {}


@dataclass(frozen=True, slots=True)
class TwinSpec:
    """A connector's twin, ready to run."""

    name: str
    manifest: Document
    file: TwinFile

    @property
    def verify(self) -> Document:
        """How the manifest says that the vendor signs its webhooks."""
        webhooks = self.manifest.get("webhooks")
        verify = webhooks.get("verify") if isinstance(webhooks, dict) else None
        return verify if isinstance(verify, dict) else {}


def load(folder: Path) -> TwinSpec:
    """Read `manifest.yaml` and `twin.yaml` in the connector's folder. Raises Invalid (`no_twin`, `bad_twin`)."""
    manifest = _yaml(folder / "manifest.yaml")
    raw = _yaml(folder / "twin.yaml")
    try:
        file = msgspec.convert(raw, TwinFile)
    except msgspec.ValidationError as error:
        raise Invalid(f"{folder.name}/twin.yaml: {error}", code="bad_twin", at="twin.yaml") from error
    spec = TwinSpec(folder.name, manifest, file)
    wrong = next(_faults_of(spec), None)
    if wrong is not None:
        raise Invalid(f"{folder.name}/twin.yaml: {wrong}", code="bad_twin", at="twin.yaml")
    return spec


def _yaml(path: Path) -> Document:
    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise Invalid(f"{path.parent.name} has no {path.name}", code="no_twin", at=path.name) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Invalid(f"{path.parent.name}/{path.name} is not YAML", code="bad_twin", at=path.name) from error
    if not isinstance(value, dict):
        raise Invalid(f"{path.parent.name}/{path.name} is not a mapping", code="bad_twin", at=path.name)
    return value


def _faults_of(spec: TwinSpec) -> Iterator[str]:
    file = spec.file
    names = [e.name for e in file.endpoints]
    known = set(names) | {f"{c}.create" for c in file.collections} | {f"{c}.change" for c in file.collections}
    if len(set(names)) != len(names):
        yield "two endpoints have one name"
    for endpoint in file.endpoints:
        if endpoint.collection not in file.collections and endpoint.do not in ("receive", "answer"):
            yield f"endpoint {endpoint.name} has no collection"
        if endpoint.do in ("show", "change") and "{id}" not in endpoint.path:
            yield f"the path of endpoint {endpoint.name} has no {{id}}"
        yield from _wrong_steps(file, endpoint.name, endpoint.also)
    for scenario in file.scenarios:
        if scenario.upon not in known:
            yield f"scenario {scenario.name} waits for {scenario.upon}, which never happens"
        yield from _wrong_steps(file, scenario.name, scenario.steps)
    if file.hooks and spec.verify.get("scheme") not in SCHEMES:
        yield f"webhooks are verified by {spec.verify.get('scheme')}, which a twin cannot sign"
    yield from _unserved(spec)


def _wrong_steps(file: TwinFile, where: str, steps: list[Step]) -> Iterator[str]:
    for step in steps:
        acts = [a for a in (step.create, step.change, step.hook, step.partner) if a is not None]
        if len(acts) != 1:
            yield f"a step of {where} must do exactly one thing"
        for collection in (step.create, step.change, *(c for c, _ in step.links.values())):
            if collection is not None and collection not in file.collections:
                yield f"a step of {where} names the collection {collection}, which is not there"
        if step.hook is not None and step.hook not in file.hooks:
            yield f"a step of {where} sends {step.hook}, which is not among the hooks"


def _unserved(spec: TwinSpec) -> Iterator[str]:
    """Operations of the manifest that no endpoint answers, and lists that page in another way than declared."""
    operations = spec.manifest.get("operations")
    for name, operation in operations.items() if isinstance(operations, dict) else ():
        request = operation.get("request") if isinstance(operation, dict) else None
        path = request.get("path") if isinstance(request, dict) else None
        if not isinstance(request, dict) or not isinstance(path, str):
            continue
        wanted = re.sub(r"\{[^}]*\}", "{}", path)
        if not any(
            e.method == request.get("method") and re.sub(r"\{[^}]*\}", "{}", e.path) == wanted
            for e in spec.file.endpoints
        ):
            yield f"operation {name} calls {request.get('method')} {path}, which no endpoint answers"
        paginate = operation.get("paginate") if isinstance(operation, dict) else None
        kind = paginate.get("kind") if isinstance(paginate, dict) else None
        if kind is not None and (spec.file.paging is None or spec.file.paging.kind != kind):
            yield f"operation {name} pages by {kind}, the twin does not"
