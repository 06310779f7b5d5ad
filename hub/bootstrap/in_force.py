"""The settings as the evidence for auditors reads them."""

from __future__ import annotations

from hub.domain.in_force import InForce
from hub.domain.limits import Limit
from hub.domain.links import database_link, plain_link
from hub.settings import Settings

GUARDED = (Limit.TOKEN, Limit.HOOK, Limit.STRANGER)  # a tenant's own limit is a matter of taste


def in_force(s: Settings) -> InForce:
    """What this process was started with; addresses lose what may be a password."""
    return InForce(
        tls=s.tls is not None,
        tls_minimum="" if s.tls is None else s.tls.minimum,
        https=s.https,
        mutual_tls=s.tls is not None and s.tls.client_ca is not None,
        idle_s=s.session_idle_s,
        life_s=s.session_life_s,
        separation=s.separation,
        password_days=s.password_days,
        audit_days=s.audit_days,
        audit_heads=s.audit_heads,
        heads_apart=s.audit_heads.startswith("s3://") or not s.audit_heads.startswith(str(s.home)),
        backup_to=s.backup_to,
        backup_keys_apart=s.backup_keys_to != s.backup_to,
        backup_ship_s=s.backup_ship_s,
        media_copy=s.media_copy,
        key_provider=s.key_provider,
        egress_loopback=s.egress_loopback,
        limits_off=tuple(str(one) for one in GUARDED if one not in s.rates),
        header_s=s.header_s,
        body_s=s.body_s,
        bounded=s.backlog > 0 and s.free_disk > 0,
        database=s.database.partition(":")[0].partition("+")[0],
        database_link=database_link(s.database),
        scanner_link=plain_link(s.scanner) if s.scanner else None,
        production=s.production,
        review=s.rule_review,
        log_level=s.log_level,
        kept_for_good=tuple(str(kind) for kind, days in s.keep.days.items() if not days),
    )
