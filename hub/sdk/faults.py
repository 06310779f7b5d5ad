"""What a schema cannot see in a manifest: references, placeholders, hosts, secrets in the wrong place, texts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, cast
from urllib.parse import urlsplit

from hub.domain.errors import Invalid
from hub.domain.rules import Catalogue
from hub.sdk.folder import Finding, Folder
from hub.sdk.manifest import manifest_schema, read_manifest
from hub.sdk.placeholders import ROOTS, Placeholder, placeholders
from mappings.canonical.check import problems
from mappings.canonical.files import event_schema
from mappings.documents import Document, Json, Missing, PathError, lookup, parse_path
from mappings.engine import MappingFault, compile_mapping

LANGUAGES: Final = ("en", "zh-CN")
_CALL_ROOTS: Final = frozenset({"config", "doc", "ext", "order", "key", "event", "now", "found", "cursor"})
# These texts have their own small language: the token, the signature and what was signed.
_NOT_TEMPLATES: Final = frozenset({"auth.apply.format", "webhooks.verify.format", "webhooks.verify.signed"})
_REFERENCES: Final = ("requires", "before")


def faults(folder: Folder) -> list[Finding]:
    """Everything wrong with the manifest, the mappings and the texts of a folder; empty means it can be loaded."""
    found = [
        Finding(f"{folder.name}/manifest.yaml:{at}", code, message)
        for at, code, message in problems(manifest_schema(), folder.manifest)
    ]
    if found:
        return found  # what follows may trust the shape
    try:
        read_manifest(folder.manifest)
    except PathError as error:
        return [Finding(f"{folder.name}/manifest.yaml", "bad_template", str(error))]
    manifest = folder.manifest
    found += [
        Finding(f"{folder.name}/manifest.yaml:{at}", code, message)
        for at, code, message in (
            *_identity(folder),
            *_references(manifest, folder.mappings),
            *_cycles(manifest),
            *_roots(manifest),
            *_idempotency(manifest),
            *_hosts(manifest),
            *_texts(folder),
            *_added(manifest),
        )
    ]
    return found + [
        finding for name, document in folder.mappings.items() for finding in _mapping(folder.name, name, document)
    ]


Fault = tuple[str, str, str]


def _identity(folder: Folder) -> Iterator[Fault]:
    if folder.manifest["id"] != folder.name:
        yield "id", "wrong_name", f"the folder is {folder.name}"
    config = _object(folder.manifest["config"])
    for name in cast("list[str]", config.get("required", [])):
        if name not in _object(config["properties"]):
            yield "config.required", "unknown_setting", f"there is no setting {name}"


def _added(manifest: Document) -> Iterator[Fault]:
    """Fields may be added where the event has free keys; one with a protected name says that rules may not use it."""
    adds = _object(_object(manifest.get("custom_fields")).get("adds"))
    for event, fields in adds.items():
        at = f"custom_fields.adds.{event}"
        try:
            catalogue = Catalogue.newest(event).adding(_object(fields), cast("dict[str, str]", manifest["name"]))
        except Invalid as error:
            yield at, error.code, str(error)
            continue
        for path in _object(fields):
            found = catalogue.find(path)
            if found is not None and not found.usable and _object(_object(fields)[path]).get("x-usable-in-rules", True):
                yield f"{at}.{path}", "protected_field", "rules may not look at this: say x-usable-in-rules: false"


def _operations(manifest: Document) -> dict[str, Document]:
    return {name: _object(body) for name, body in _object(manifest["operations"]).items()}


def _references(manifest: Document, mappings: Mapping[str, Document]) -> Iterator[Fault]:
    operations = _operations(manifest)
    ways = {"default", "none", *_object(_object(manifest["auth"]).get("named"))}
    for at, name, wants_read in _named_operations(manifest):
        if name not in operations:
            yield at, "unknown_operation", f"there is no operation {name}"
        elif wants_read and operations[name]["safety"] != "read":
            yield at, "not_a_read", f"{name} must be a read"
    erasing = _object(manifest.get("erasure")).get("operation")
    if isinstance(erasing, str) and operations.get(erasing, {}).get("safety") != "write":
        yield "erasure.operation", "unknown_operation", f"there is no operation {erasing} that writes"
    for name, body in operations.items():
        for other in cast("list[str]", body.get("requires", [])):
            if other in operations and "entity" not in operations[other]:
                yield f"operations.{name}.requires", "no_entity", f"{other} teaches no external id"
        way = _object(body.get("request")).get("auth", "default")
        if way not in ways:
            yield f"operations.{name}.request.auth", "unknown_auth", f"auth names no way {way}"
        if "path" in _object(body.get("request")) and "base_url" not in manifest:
            yield f"operations.{name}.request.path", "no_base_url", "a path needs base_url"
    for at, name in _named_mappings(manifest):
        if name not in mappings:
            yield at, "unknown_mapping", f"there is no mapping {name} in mapping/"


def _named_operations(manifest: Document) -> Iterator[tuple[str, str, bool]]:
    """(place, operation, whether it must be a read)."""
    for name, body in _operations(manifest).items():
        for field in _REFERENCES:
            for other in cast("list[str]", body.get(field, [])):
                yield f"operations.{name}.{field}", other, False
        how = _object(body.get("idempotency"))
        if "lookup" in how:
            yield f"operations.{name}.idempotency.lookup", str(how["lookup"]), True
    for number, event in enumerate(_list(_object(manifest.get("webhooks")).get("events"))):
        then = _object(_object(event).get("then"))
        if "refetch" in then:
            yield f"webhooks.events.{number}.then.refetch", str(then["refetch"]), True
    if "test" in manifest:
        yield "test.op", str(_object(manifest["test"])["op"]), True
    for number, poll in enumerate(_list(manifest.get("poll"))):
        yield f"poll.{number}.op", str(_object(poll)["op"]), True
    discover = _object(_object(manifest.get("custom_fields")).get("discover"))
    if discover:
        yield "custom_fields.discover.op", str(discover["op"]), True
    for name, setting in _object(_object(manifest["config"])["properties"]).items():
        options = _object(_object(setting).get("x-options"))
        if options:
            yield f"config.properties.{name}.x-options.op", str(options["op"]), True


def _named_mappings(manifest: Document) -> Iterator[tuple[str, str]]:
    for name, body in _operations(manifest).items():
        if "map" in body:
            yield f"operations.{name}.map", str(body["map"])
    for number, event in enumerate(_list(_object(manifest.get("webhooks")).get("events"))):
        if "map" in _object(event):
            yield f"webhooks.events.{number}.map", str(_object(event)["map"])
    for number, poll in enumerate(_list(manifest.get("poll"))):
        if "map" in _object(poll):
            yield f"poll.{number}.map", str(_object(poll)["map"])


def _cycles(manifest: Document) -> Iterator[Fault]:
    operations = _operations(manifest)

    def reaches(name: str, goal: str, seen: frozenset[str]) -> bool:
        nexts = [n for f in _REFERENCES for n in cast("list[str]", operations.get(name, {}).get(f, []))]
        return goal in nexts or any(n not in seen and reaches(n, goal, seen | {n}) for n in nexts)

    for name in operations:
        if reaches(name, name, frozenset({name})):
            yield f"operations.{name}", "cycle", "the operation requires itself"


def _roots(manifest: Document) -> Iterator[Fault]:
    """Placeholders whose root may not stand where it does, whose setting is unknown, or that would let a secret out."""
    settings = _object(_object(manifest["config"])["properties"])
    secret = {name for name, setting in settings.items() if _object(setting).get("x-secret") is True}
    entities = {str(body["entity"]) for body in _operations(manifest).values() if "entity" in body}
    for event in _list(_object(manifest.get("webhooks")).get("events")):
        entities |= {*_object(_object(event).get("refs")), str(_object(event).get("entity"))}
    for at, text in _templates(manifest):
        allowed = _roots_at(at, manifest)
        for placeholder, path in _read_paths(text):
            root = str(path[0])
            if root not in allowed:
                yield at, "undeclared_root", f"{{{placeholder.text}}} may not stand here"
            elif root == "config" and (len(path) < 2 or path[1] not in settings):
                yield at, "unknown_setting", f"there is no setting {placeholder.text}"
            elif root == "config" and path[1] in secret and not _secret_place(at):
                yield at, "secret_outside", f"{placeholder.text} is a secret and may stand only in auth and verify"
            elif root == "ext" and (len(path) != 3 or path[1] not in entities or path[2] != "id"):
                yield at, "unknown_entity", f"no operation teaches {placeholder.text}"


def _read_paths(text: str) -> Iterator[tuple[Placeholder, tuple[str | int, ...]]]:
    for placeholder in placeholders(text):
        yield placeholder, placeholder.path
        for step in placeholder.steps:
            if step.path is not None:
                yield placeholder, step.path


def _roots_at(at: str, manifest: Document) -> frozenset[str]:
    head = at.partition(".")[0]
    if head in ("auth", "allowed_hosts", "base_url") or at.startswith(("webhooks.verify", "provides.auth")):
        return frozenset({"config"})
    if head == "operations":
        name = next(n for n in _operations(manifest) if at.startswith(f"operations.{n}."))
        lookup_first = "lookup" in _object(_operations(manifest)[name].get("idempotency"))
        return _CALL_ROOTS if lookup_first else _CALL_ROOTS - {"found"}
    if head == "webhooks":
        return frozenset({"hook", "config"})
    if head == "provides":
        return frozenset({"hook", "query"}) if ".request_map." in at else frozenset({"pkg", "order"})
    return frozenset()


def _secret_place(at: str) -> bool:
    return at.startswith(("auth.", "webhooks.verify.", "provides.auth."))


def _templates(value: Json, at: str = "") -> Iterator[tuple[str, str]]:
    """Every text with a brace, with its place."""
    match value:
        case str() if "{" in value and at not in _NOT_TEMPLATES and not at.startswith(("config.", "quality.", "name.")):
            yield at, value
        case dict():
            for name, below in value.items():
                yield from _templates(below, f"{at}.{name}" if at else name)
        case list():
            for number, below in enumerate(value):
                yield from _templates(below, f"{at}.{number}")


def _idempotency(manifest: Document) -> Iterator[Fault]:
    for name, body in _operations(manifest).items():
        natural = _object(body.get("idempotency")).get("mode") == "natural"
        method = _object(body.get("request")).get("method")
        if natural and method not in (None, "PUT", "PATCH", "DELETE"):
            yield f"operations.{name}.idempotency", "not_natural", f"{method} is not repeatable by nature"


def _hosts(manifest: Document) -> Iterator[Fault]:
    allowed = [str(host) for host in _list(manifest["allowed_hosts"])]
    fixed = {host for host in allowed if "{" not in host}
    moved = {p.path for host in allowed for p in placeholders(host)}
    for at, text in _addresses(manifest):
        for literal in re.findall(r"https?://[^\s'\"{}|]+", text):
            host = urlsplit(literal).hostname
            if host not in fixed:
                yield at, "host_not_allowed", f"{host} is not in allowed_hosts"
        for placeholder in placeholders(text):
            if placeholder.root == "config" and text.startswith("{") and placeholder.path not in moved:
                yield at, "host_not_allowed", f"allowed_hosts says nothing of {placeholder.text}"


def _addresses(manifest: Document) -> Iterator[tuple[str, str]]:
    base = manifest.get("base_url")
    if isinstance(base, str):
        yield "base_url", base
    for name, text in _object(base).items():
        if name != "switch":
            yield f"base_url.{name}", str(text)
    token = _object(_object(manifest["auth"]).get("token"))
    if token:
        yield "auth.token.url", str(token["url"])
    for name, body in _operations(manifest).items():
        url = _object(body.get("request")).get("url")
        if url is not None:
            yield f"operations.{name}.request.url", str(url)


def _texts(folder: Folder) -> Iterator[Fault]:
    for name, body in _operations(folder.manifest).items():
        wanted = _object(body.get("mail")).get("template")
        if isinstance(wanted, str) and "{" not in wanted and wanted not in folder.templates:
            yield f"operations.{name}.mail.template", "no_template", f"there is no templates/{wanted}.yaml"
    for name, languages in folder.templates.items():
        for language in LANGUAGES:
            texts = languages.get(language, {})
            if not isinstance(texts.get("subject"), str) or not isinstance(texts.get("text"), str):
                yield f"templates.{name}.{language}", "no_text", "subject and text are wanted in English and Chinese"
        try:
            wrong = [p.text for texts in languages.values() for p in placeholders(texts) if p.root not in _CALL_ROOTS]
        except PathError as error:
            yield f"templates.{name}", "bad_template", str(error)
        else:
            yield from ((f"templates.{name}", "undeclared_root", f"{{{text}}} may not stand here") for text in wrong)


def _mapping(folder: str, name: str, document: Document) -> Iterator[Finding]:
    where = f"{folder}/mapping/{name}"
    try:
        compile_mapping(document)
    except MappingFault as error:
        yield Finding(f"{where}:{error.at}", error.code, str(error))
        return
    for number, row in enumerate(_list(document["fields"])):
        field = _object(row)
        if field.get("fn") == "enum" and "unknown" not in field and not _total(document, field):
            yield Finding(
                f"{where}:fields.{number}.table", "not_total", "the table misses values: complete it or say `unknown`"
            )


def _total(document: Document, field: Document) -> bool:
    """Whether the table has a word for every value that the source event may hold at this path."""
    kind, _, version = str(document.get("source", "")).partition("@")
    try:
        schema = event_schema(kind, int(version))
        path = ".".join(f"properties.{step}" for step in parse_path(str(field["from"])))
    except (LookupError, ValueError):
        return False
    options = lookup(schema, f"{path}.enum")
    return not isinstance(options, Missing) and {str(o) for o in _list(options)} <= set(_object(field["table"]))


def _object(value: Json) -> Document:
    return value if isinstance(value, dict) else {}


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


assert _CALL_ROOTS <= ROOTS
