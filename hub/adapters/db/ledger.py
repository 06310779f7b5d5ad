"""Adding statements to the ledger of consents, many at once."""

from __future__ import annotations

from collections.abc import Sequence

from hub.adapters.db.link import Link
from hub.adapters.db.statements import Statements, columns
from hub.domain.consents import Consent

_NAMES = "id, tenant_id, subject, purpose, given, at, recorded_at, source, text_version, locale, expires_at, evidence"
_SQLITE = f"INSERT INTO consent ({_NAMES}) VALUES ({', '.join('?' * 12)}) ON CONFLICT DO NOTHING"  # noqa: S608 - our own names
_POSTGRES = (
    f"INSERT INTO consent ({_NAMES}) SELECT * FROM unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::boolean[], "  # noqa: S608
    "$6::timestamptz[], $7::timestamptz[], $8::text[], $9::text[], $10::text[], $11::timestamptz[], $12::bytea[]) "
    "ON CONFLICT DO NOTHING"
)


async def add_consents(hot: Statements, link: Link, said: Sequence[Consent]) -> None:
    """See `hub.ports.consents.Consents`. In one order, so that two who tell the same never wait for each other in a ring."""
    if not said:
        return
    rows = [
        (
            id_,
            one.tenant,
            one.subject,
            one.purpose,
            one.given,
            hot.moment(one.at),
            hot.moment(one.recorded_at),
            one.source,
            one.text_version,
            one.locale,
            hot.moment(one.expires_at),
            one.evidence,
        )
        for id_, one in sorted({one.id: one for one in reversed(said)}.items())
    ]
    if link.sqlite:
        await link.many(_SQLITE, rows)
    else:
        await link.driver(_POSTGRES, *columns(rows))
