"""The rights of the person the data are about: which steps an erasure takes, what a hold stops, what a certificate says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta

from mappings.documents import Document

ERASED = "candidate.erased"  # the event that tells of it
ERASE_STEP = "@erase"  # the step of a delivery that asks a vendor to erase: `@erase ntc_...`
ERASED_MARK = "erased"  # the object of a look-up that knows an erased person's external id by its blind index
BEGINS = frozenset({"application.received", "interview.ordered"})  # what makes an erased person one that applies anew
CLOSED_CODE = "candidate_erased"  # why nothing is accepted about an erased person
HELD_CODE = "legal_hold"
APPROVERS = 2  # persons that approve an erasure, besides the one who asks
KEYS_IN_BACKUPS = timedelta(days=35)  # so long may a backup of the keys still open what was erased
SETTLED = timedelta(seconds=5)  # by then no process uses a destroyed key any more: each asks every two seconds

ASKED, STOPPING, DESTROYING, CLEARING, TELLING, DONE, REFUSED = (
    "asked", "stopping", "destroying", "clearing", "telling", "done", "refused",
)  # fmt: skip
UNDER_WAY = (STOPPING, DESTROYING, CLEARING, TELLING)  # in this order
HOLDS = ("asked", "in_force", "lift_asked")  # a hold in one of these stops erasure and retention

FORMAT = "hirewire-erasure-1"
SIGNATURE = frozenset({"key", "public", "signature"})

MANUAL: Mapping[str, str] = {
    "en": "This system offers no call that erases. Ask whoever runs it to erase the candidate, and record the answer here.",
    "zh-CN": "该系统没有可用的删除接口。请联系其负责人删除该候选人，并在此登记答复。",
}


def digest(*parts: str) -> str:
    """What an approval is bound to: another value anywhere is another request."""
    return hashlib.sha256(json.dumps(parts).encode("utf-8", "surrogatepass")).hexdigest()


def signed_part(certificate: Document) -> bytes:
    """The bytes that a certificate's signature is over: JSON without spaces, keys sorted, ASCII."""
    told = {name: value for name, value in certificate.items() if name not in SIGNATURE}
    return json.dumps(told, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode("ascii")
