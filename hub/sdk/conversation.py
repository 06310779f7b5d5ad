"""One operation as a conversation: what comes first, what is looked up, what is written, what is learnt."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from hub.domain.deliveries import Delivered, Gone, NeedsHuman, Outcome, Refused, TryLater
from hub.domain.errors import Invalid
from hub.ports.connector import Job
from hub.ports.transport import HttpRequest, HttpResponse, Request, Response
from hub.sdk.answers import outcome_of
from hub.sdk.mail import Templates, mail
from hub.sdk.manifest import Call, HttpCall, Lookup, MailCall, Manifest
from hub.sdk.pages import first_page, next_page
from hub.sdk.placeholders import Omit, Scope
from mappings.documents import MISSING, Document, Json, Missing, walk

PAGES_LIMIT = 40  # pages one look-up may read; more means the vendor does not filter as the manifest thinks
Talk = Generator[Request, Response, Outcome]


@dataclass(slots=True)
class Run:
    """One job under way: what is known of the subject at this vendor, and what this job has learnt."""

    job: Job
    ext: dict[str, Document]
    learnt: dict[str, str] = field(default_factory=dict)

    def learn(self, entity: str | None, external: str | None) -> None:
        """Remember an external id for placeholders and for the record."""
        if entity is not None and external is not None:
            self.ext[entity] = {"id": external}
            self.learnt[entity] = external

    def scope(self, **more: Json) -> dict[str, object]:
        """What placeholders may read."""
        job = self.job
        return {
            "doc": job.doc,
            "config": job.config,
            "ext": self.ext,
            "order": job.order,
            "key": job.key,
            "event": job.event,
            "now": job.now.isoformat() if job.now is not None else None,
            **more,
        }


@dataclass(frozen=True, slots=True)
class Read:
    """What a read brought: records, or why there are none."""

    records: list[Json] = field(default_factory=list)
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """Carries out the operations of one manifest."""

    manifest: Manifest
    templates: Templates

    def carry_out(self, call: Call, run: Run) -> Talk:
        """The operation with everything that must come before it. Raises Invalid for what cannot be filled."""
        for name in call.requires:
            need = self.manifest.calls[name]
            entity = need.promise.entity
            if entity is None or entity in run.ext:
                continue
            outcome = yield from self.carry_out(need, self._part(run, name))
            if not isinstance(outcome, Delivered):
                return _with_refs(outcome, run)
            if entity not in run.ext:
                return _with_refs(Refused(f"nothing_found:{name}", retry=True), run)
        for name in call.before:
            outcome = yield from self.carry_out(self.manifest.calls[name], self._part(run, name))
            if not isinstance(outcome, Delivered):
                return _with_refs(outcome, run)
        return _with_refs((yield from self._act(call, run)), run, self._used(call, run))

    def read_records(self, call: Call, run: Run, stop: Lookup | None = None) -> Generator[Request, Response, Read]:
        """The records of a read operation over its pages; ends early at the page where `stop` matches."""
        scope = run.scope()
        first = self._http(call, call.request, scope, run) if isinstance(call.request, HttpCall) else None
        if first is None:
            return Read(outcome=Refused("not_a_read", retry=False))
        request, records = first_page(call.paging, first), list[Json]()
        seen = {_token(request)}
        for _ in range(PAGES_LIMIT):
            response = yield request
            outcome = outcome_of(response, call, scope, run.job.now)
            if outcome is not None or not isinstance(response, HttpResponse):
                return Read(outcome=outcome or Refused("not_http"))
            body = response.json()
            page = _records(walk(body, call.records))
            records += page
            if stop is not None and _found(page, stop, scope) is not None:
                return Read(records)
            following = next_page(call.paging, request, response, page)
            if following is None:
                return Read(records)
            token = _token(following)
            echo = hashlib.sha256(response.body).hexdigest() if page else ""
            if token in seen or (echo and echo in seen):
                return Read(outcome=Refused("pagination_repeats", retry=True))
            seen |= {token, echo}
            request = following
        return Read(outcome=Refused("too_many_pages", retry=True))

    def _act(self, call: Call, run: Run) -> Talk:
        record: Json = None
        if call.lookup is not None and (call.key is None or run.job.attempt > 1):
            read = yield from self.read_records(self.manifest.calls[call.lookup.operation], run, call.lookup)
            if read.outcome is not None:
                return read.outcome
            found = _found(read.records, call.lookup, run.scope())
            if found is not None:
                return self._done(call, run, found)
            record = read.records[0] if read.records else None
        if call.promise.safety == "read":
            read = yield from self.read_records(call, run)
            if read.outcome is not None:
                return read.outcome
            return self._done(call, run, read.records[0] if read.records else None)
        scope = run.scope(found=record)
        response = yield self._request(call, scope, run)
        outcome = outcome_of(response, call, scope, run.job.now)
        if outcome is not None:
            return outcome
        told = call.external_id is not None or call.refs  # else nobody reads the body
        return self._done(call, run, response.json() if told and isinstance(response, HttpResponse) else None, response)

    def _done(self, call: Call, run: Run, record: Json, response: Response | None = None) -> Delivered:
        external = _text(walk(record, call.external_id)) if call.external_id is not None else None
        run.learn(call.promise.entity, external)
        for entity, path in call.refs.items():
            run.learn(entity, _text(walk(record, path)))
        if external is None and isinstance(call.request, MailCall) and response is not None:
            external = str(call.request.message_id.fill(run.scope()))
        known = run.ext.get(call.promise.entity or "", {}).get("id")
        return Delivered(external or (str(known) if known is not None else None))

    def _request(self, call: Call, scope: Scope, run: Run) -> Request:
        if isinstance(call.request, HttpCall):
            return self._http(call, call.request, scope, run)
        return mail(call.request, self.templates, scope, run.job.now)

    def _http(self, call: Call, request: HttpCall, scope: Scope, run: Run) -> HttpRequest:
        if request.url is not None:
            url = str(request.url.fill(scope))
        else:
            assert request.path is not None
            url = f"{self.manifest.base_url(scope)}{request.path.fill(scope)}"
        headers = _texts(request.headers.fill(scope))
        if call.key_header is not None and call.key is not None:
            headers[call.key_header] = str(call.key.fill(scope))
        body = None if request.body is None else request.body.fill(scope)
        body = {} if isinstance(body, Omit) else body
        return HttpRequest(
            method=request.method,
            url=url,
            query=_texts(request.query.fill(scope)),
            headers=headers,
            json=None if request.form else body,
            form=_texts(body) if request.form else None,
            auth=request.auth,
            key=run.job.key if call.promise.safety == "write" else None,
        )

    def _part(self, run: Run, name: str) -> Run:
        """A step before the wanted one: same knowledge, its own idempotency key, equal over all tries."""
        return Run(replace(run.job, operation=name, key=derived_key(run.job.key, name)), run.ext, run.learnt)

    def _used(self, call: Call, run: Run) -> dict[str, str]:
        """The external ids this operation rests on: a webhook about one of them answers this delivery."""
        names = [*(self.manifest.calls[name].promise.entity for name in call.requires), call.promise.entity]
        return {n: str(run.ext[n]["id"]) for n in names if n is not None and n in run.ext}


def _token(request: HttpRequest) -> str:
    return f"{request.url}?{sorted(request.query.items())}"


def _found(records: Sequence[Json], lookup: Lookup, scope: Scope) -> Json:
    return next((r for r in records if all(one.holds(r, scope) for one in lookup.match)), None)


def _records(value: Json | Missing) -> list[Json]:
    if isinstance(value, list):
        return value
    return [] if isinstance(value, Missing) or value is None else [value]


def _text(value: Json | Missing) -> str | None:
    return None if value is MISSING or value is None or isinstance(value, dict | list | Missing) else str(value)


def _texts(value: Json | Omit) -> dict[str, str]:
    """Query, header and form values as text; a line break in one would be another header."""
    out = {}
    for name, one in value.items() if isinstance(value, dict) else ():
        text = ("true" if one else "false") if isinstance(one, bool) else _text(one)
        if text is None or (not text.isprintable() and any(ord(c) < 32 and c != "\t" for c in text)):
            raise Invalid(f"{name} is not one line of text", code="bad_value", at=name)
        out[name] = text
    return out


def unfilled(error: Invalid) -> Refused:
    """`missing:doc.candidate.email`: the placeholder, never a value. A new setting may mend it, so a try or two remain."""
    return Refused(f"{error.code}:{error.at}" if error.at else error.code, retry=True)


def _with_refs(outcome: Outcome, run: Run, used: Mapping[str, str] | None = None) -> Outcome:
    match outcome:
        case Delivered():
            refs = {**(used or {}), **run.learnt, **outcome.refs}
            return replace(outcome, refs=refs) if refs else outcome
        case TryLater():
            return replace(outcome, refs={**run.learnt, **outcome.refs}) if run.learnt else outcome
        case Refused() | NeedsHuman() | Gone():
            return outcome


def derived_key(key: str, operation: str) -> str:
    """The idempotency key of an operation that runs before the wanted one: 32 hex digits of SHA-256 over both names."""
    return hashlib.sha256(f"{key}\n{operation}".encode()).hexdigest()[:32]
