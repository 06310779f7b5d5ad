"""Adding statements to the ledger of consents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite

from hub.adapters.db.link import Link
from hub.adapters.db.tables import metadata
from hub.domain.consents import Consent

_CONSENT = metadata.tables["consent"]
_AT_ONCE = 500  # a statement of PostgreSQL has no more than 32,767 parameters


async def add_consents(link: Link, said: Sequence[Consent]) -> int:
    """See `hub.ports.consents.Consents`. In one order, so that two who tell the same never wait for each other in a ring."""
    rows = {one.id: _values(one) for one in said}
    ids, count = sorted(rows), 0
    for start in range(0, len(ids), _AT_ONCE):
        insert = sqlite.insert(_CONSENT) if link.sqlite else postgresql.insert(_CONSENT)
        some = insert.values([rows[id_] for id_ in ids[start : start + _AT_ONCE]])
        count += len(await link.rows(some.on_conflict_do_nothing().returning(_CONSENT.c.id)))
    return count


def _values(one: Consent) -> dict[str, Any]:
    return {
        "id": one.id,
        "tenant_id": one.tenant,
        "subject": one.subject,
        "purpose": one.purpose,
        "given": one.given,
        "at": one.at,
        "recorded_at": one.recorded_at,
        "source": one.source,
        "text_version": one.text_version,
        "locale": one.locale,
        "expires_at": one.expires_at,
        "evidence": one.evidence,
    }
