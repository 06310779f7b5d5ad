"""Webhooks that were verified: name them, then read them into facts."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Generator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from hub.domain.deliveries import Delivered, Outcome, Refused, Reported
from hub.domain.errors import Invalid
from hub.domain.events import HOOK_RECEIVED
from hub.ports.connector import Hook, HookIdentity, Job
from hub.ports.transport import Request, Response
from hub.sdk.conversation import Conversation, Run
from hub.sdk.manifest import HookRule, Hooks, Manifest, Path
from hub.sdk.placeholders import Omit
from mappings.documents import Document, Json, Missing, walk
from mappings.engine import MappingFailed

Mapped = Callable[[str, Json], Document]

_EVENT_TYPE: Final = re.compile(r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$")
_KEY_LIMIT: Final = 200


def identify(manifest: Manifest, hook: Hook) -> HookIdentity:
    """The webhook's key: the vendor's own id of it, else SHA-256 of the bytes. Raises Invalid (`not_json`, `no_hooks`)."""
    hooks = _hooks(manifest)
    body = _body(hook)
    key = _vendor_key(hooks, hook, body) or f"sha256:{hashlib.sha256(hook.body).hexdigest()}"
    scope = {"hook": body}
    ping = hooks.ping is not None and hooks.ping.holds(body, scope)
    reply = hooks.reply.fill(scope) if ping and hooks.reply is not None else None
    return HookIdentity(key=key, reply=None if isinstance(reply, Omit) else reply, ping=ping)


def read(conversation: Conversation, mapped: Mapped, hook: Hook, job: Job) -> Generator[Request, Response, Outcome]:
    """Delivered with the facts; where the manifest says `refetch`, the vendor is asked for the thing as it is now.

    A webhook that no rule matches is read and tells nothing. Raises Invalid for what cannot be filled.
    """
    body = _body(hook)
    scope = {"hook": body, "config": job.config}
    key = identify(conversation.manifest, hook).key
    reported: list[Reported] = []
    for rule in _hooks(conversation.manifest).rules:
        if not all(one.holds(body, scope) for one in rule.match):
            continue
        kind = rule.emit.fill(scope)
        if not isinstance(kind, str) or not _EVENT_TYPE.match(kind) or kind == HOOK_RECEIVED:
            return Refused("bad_event_type")
        refs = _refs(rule, body)
        record: Json = _at(body, rule.data)
        if rule.refetch is not None:
            found = yield from _refetch(conversation, rule.refetch, refs, body, job)
            if not isinstance(found, dict):
                return found if isinstance(found, Outcome) else Refused(f"nothing_found:{rule.refetch}", retry=True)
            record = found
        try:
            data = mapped(rule.mapping, record) if rule.mapping is not None else record
        except MappingFailed as error:
            return Refused(f"mapping {rule.mapping}: {error.code} at {error.field}", retry=True)
        if not isinstance(data, dict):
            return Refused("no_data")
        reported.append(
            Reported(
                type=kind,
                key=key if not reported else f"{key}:{kind}",
                data=data,
                occurred_at=_time(_at(body, rule.at)) if rule.at is not None else None,
                subject=_word(_at(body, rule.subject)) if rule.subject is not None else None,
                cause_refs=refs,
            )
        )
    return Delivered(key, reported=tuple(reported))


def _refetch(
    conversation: Conversation, name: str, refs: dict[str, str], body: Json, job: Job
) -> Generator[Request, Response, Json | Outcome]:
    run = Run(replace(job, operation=name), {entity: {"id": external} for entity, external in refs.items()})
    read = yield from conversation.read_records(conversation.manifest.calls[name], run)
    if read.outcome is not None:
        return read.outcome
    return read.records[0] if read.records else None


def _refs(rule: HookRule, body: Json) -> dict[str, str]:
    paths = dict(rule.refs)
    if rule.entity is not None and rule.id is not None:
        paths[rule.entity] = rule.id
    found = {entity: _word(_at(body, path)) for entity, path in paths.items()}
    return {entity: external for entity, external in found.items() if external is not None}


def _vendor_key(hooks: Hooks, hook: Hook, body: Json) -> str | None:
    if hooks.dedupe_header is not None:
        key = hook.headers.get(hooks.dedupe_header)
    else:
        key = _word(_at(body, hooks.dedupe_path)) if hooks.dedupe_path is not None else None
    if not key:
        return None
    return key if len(key) <= _KEY_LIMIT else f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"


def _hooks(manifest: Manifest) -> Hooks:
    if manifest.hooks is None:
        raise Invalid("this vendor sends no webhooks", code="no_hooks")
    return manifest.hooks


def _body(hook: Hook) -> Document:
    try:
        body = json.loads(hook.body)
    except (ValueError, RecursionError) as error:
        raise Invalid("the webhook is not JSON", code="not_json") from error
    if not isinstance(body, dict):
        raise Invalid("the webhook is not a JSON object", code="not_json")
    return body


def _at(body: Json, path: Path) -> Json:
    value = walk(body, path)
    return None if isinstance(value, Missing) or value == "" else value


def _word(value: Json) -> str | None:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None


def _time(value: Json) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
