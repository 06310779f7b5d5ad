"""What each operation must leave at its vendor, and what the vendors' own records say that they received."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from hub.cli.demo.ledger import Mark, Owed, Promise
from hub.domain.deliveries import HOOK_STEP
from hub.domain.errors import Invalid
from hub.sdk.conversation import derived_key
from mappings.documents import Document, Json, lookup

_KEY = re.compile(r"Hirewire ([0-9a-f]{32})")


def promise(debt: Owed) -> Promise:
    """The effects of one delivery. Raises Invalid (`unknown_effect`) for an operation that nobody described here."""
    if debt.operation == HOOK_STEP:
        return Promise(())  # reading back changes nothing at a vendor
    vendor, data = debt.party.vendor, debt.event.data
    match vendor:
        case "greenhouse":
            return _ehr(debt, _text(data, "candidate.email").lower())
        case "checkr" if debt.operation == "order_check":
            before = Mark(vendor, "candidate", _text(data, "candidate.id"))
            return Promise((Mark(vendor, "check", debt.key),), (before,))
        case "referral" if debt.operation == "referral.create":
            return Promise((Mark(vendor, "referral", _text(data, "candidate.id")),))
        case "email":
            return Promise((Mark(vendor, "mail", debt.key),))
    raise Invalid(f"nobody said what {vendor} {debt.operation} leaves behind", code="unknown_effect")


def _ehr(debt: Owed, email: str) -> Promise:
    def mark(kind: str, what: str) -> Mark:
        return Mark("greenhouse", kind, what)

    on_file = (mark("candidate", email), mark("application", email))
    match debt.operation:
        case "application.open":
            return Promise(on_file[1:], on_file)
        case "report.attach":
            return Promise((mark("file", f"interview-report-{_text(debt.event.data, 'report.id')}.txt"),), on_file)
        case "note.add":
            return Promise((mark("note", debt.key),), on_file)
        case "application.advance":
            stage = debt.extra.get("stage_id", debt.party.config.get("next_stage_id"))
            return Promise((mark("stage", f"{email} {stage}"),), on_file)
        case "offer.create":
            stage = debt.party.config.get("offer_stage_id")
            terms = mark("note", derived_key(debt.key, "note.add"))
            return Promise((terms, mark("stage", f"{email} {stage}")), on_file)
        case "result.notify":
            return Promise((mark("result", email),))
    raise Invalid(f"nobody said what greenhouse {debt.operation} leaves behind", code="unknown_effect")


def received(vendor: str, lines: Sequence[Document], state: Document) -> Counter[Mark]:
    """The vendor's log as marks. A repeat that it recognised is no effect; a mail that came twice is in the mailbox twice."""
    seen: Counter[Mark] = Counter()
    for line in lines:
        if line["replayed"] is not True or vendor == "email":
            seen.update(Mark(vendor, kind, what) for kind, what in _marks(vendor, line, state))
    return seen


def _marks(vendor: str, line: Document, state: Document) -> list[tuple[str, str]]:
    email = str(line.get("email")).lower()
    match vendor, str(line["kind"]):
        case "greenhouse", "candidates.create":
            return [("candidate", email), ("application", email)]
        case "greenhouse", "applications.create":
            return [("application", email)]
        case "greenhouse", "attachments.create":
            return [("file", str(line["filename"]))]
        case "greenhouse", "notes.create":
            found = _KEY.search(_text(item(state, "notes", line["id"]), "body"))
            return [("note", found[1] if found else f"of a stranger: {line['id']}")]
        case "greenhouse", "applications.move":
            return [("stage", f"{email} {line['to_stage_id']}")]
        case "greenhouse", "assessments.complete":
            application = item(state, "applications", line["application_id"])
            candidate = item(state, "candidates", application.get("candidate_id"))
            return [("result", _text(candidate, "email_addresses.0.value").lower())]
        case "checkr", "candidates.create":
            return [("candidate", str(line["custom_id"]))]
        case "checkr", "invitations.create":
            return [("check", str(line["idempotency_key"]))]
        case "referral", "referrals.create":
            return [("referral", str(line["candidate_id"]))]
        case "email", "mail":
            return [("mail", str(line["key"]).strip("<>").partition("@")[0])]
        case _, kind:
            return [(kind, str(line["key"]))]  # owed by nobody, so it will be named


def item(state: Mapping[str, Json], collection: str, id: Json) -> Document:
    """The vendor's record with this id; empty where there is none."""
    records = state.get(collection)
    for record in records if isinstance(records, list) else []:
        if isinstance(record, dict) and record.get("id") == id:
            return record
    return {}


def _text(data: Document, path: str) -> str:
    return str(lookup(data, path))
