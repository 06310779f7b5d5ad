"""What an installation's settings are worth to an auditor: each as a fact with its value and how far it goes. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from hub.domain.audit import SHORTEST
from hub.domain.links import Link

IDLE_S, LIFE_S = 900, 28_800  # what sessions may last at most to count as short
LOOSE_IDLE_S, LOOSE_LIFE_S = 1_800, 43_200  # beyond these they are long
PASSWORD_DAYS = 90
HEADER_S, BODY_S = 10, 60
SHIP_S = 5


class Standing(StrEnum):
    """How far a control is met; the worst first."""

    UNMET = "unmet"
    PARTLY = "partly"
    MET = "met"
    NOT_APPLICABLE = "not_applicable"


def worst(*standings: Standing) -> Standing:
    """The first of them in the order above."""
    return min(standings, key=list(Standing).index)


@dataclass(frozen=True, slots=True)
class Fact:
    """Something in force: what it is called, the value that was read, and how far it goes."""

    name: str
    setting: str
    value: str
    standing: Standing


@dataclass(frozen=True, slots=True)
class InForce:
    """The settings of this process that weigh on a control, as they were read."""

    tls: bool
    tls_minimum: str
    https: bool
    mutual_tls: bool
    idle_s: float
    life_s: float
    separation: bool
    password_days: int
    audit_days: int
    audit_heads: str
    heads_apart: bool
    backup_to: str | None
    backup_keys_apart: bool
    backup_ship_s: float
    media_copy: str | None
    key_provider: str
    egress_loopback: bool
    limits_off: tuple[str, ...]
    header_s: float
    body_s: float
    bounded: bool
    database: str
    database_link: Link
    scanner_link: Link | None
    production: bool
    review: bool
    log_level: str
    kept_for_good: tuple[str, ...]


def facts(f: InForce) -> Iterator[Fact]:
    """Every setting as a fact, in the order of the settings' page."""
    met, partly, unmet = Standing.MET, Standing.PARTLY, Standing.UNMET
    if f.tls:
        listeners = f"TLS {f.tls_minimum}+" + (", client certificates" if f.mutual_tls else "")
        yield Fact("transport", "HIREWIRE_TLS_CERT", listeners, met)
    elif f.https:
        yield Fact("transport", "HIREWIRE_PUBLIC_URL", "TLS ends at a proxy; its versions are not seen here", partly)
    else:
        yield Fact("transport", "HIREWIRE_TLS_CERT", "off", unmet)
    short = f.idle_s <= IDLE_S and f.life_s <= LIFE_S
    loose = f.idle_s <= LOOSE_IDLE_S and f.life_s <= LOOSE_LIFE_S
    yield Fact(
        "session", "HIREWIRE_SESSION_IDLE, HIREWIRE_SESSION_LIFE", f"idle {f.idle_s:g} s, at most {f.life_s:g} s",
        met if short else partly if loose else unmet,
    )  # fmt: skip
    yield Fact("separation", "HIREWIRE_SEPARATION", _on(f.separation), met if f.separation else unmet)
    days, name = f.password_days, "HIREWIRE_PASSWORD_DAYS"
    yield Fact("password_changed", name, f"{days}", met if 0 < days <= PASSWORD_DAYS else partly)
    yield Fact("password_free", name, f"{days}", unmet if days else met)
    kept = met if f.audit_days >= SHORTEST.days else unmet
    yield Fact("audit_days", "HIREWIRE_AUDIT_DAYS", f"{f.audit_days}", kept)
    yield Fact("audit_heads", "HIREWIRE_AUDIT_HEADS", f.audit_heads, met if f.heads_apart else partly)
    yield from _copies(f)
    kept_in = {"vault": met, "aws-kms": met, "file": partly}.get(f.key_provider, unmet)
    yield Fact("key_provider", "HIREWIRE_KEY_PROVIDER", f.key_provider, kept_in)
    yield Fact("egress", "HIREWIRE_EGRESS", *(("loopback", unmet) if f.egress_loopback else ("public", met)))
    off = ", ".join(f.limits_off)
    yield Fact("limits", "HIREWIRE_LIMIT_*", f"off: {off}" if off else "on", partly if off else met)
    quick = f.header_s <= HEADER_S and f.body_s <= BODY_S
    yield Fact(
        "timeouts", "HIREWIRE_HEADER_TIMEOUT, HIREWIRE_BODY_TIMEOUT", f"{f.header_s:g} s, {f.body_s:g} s",
        met if quick else partly,
    )  # fmt: skip
    yield Fact("bounds", "HIREWIRE_BACKLOG, HIREWIRE_FREE_DISK", _on(f.bounded), met if f.bounded else partly)
    yield Fact("redundant", "HIREWIRE_DATABASE", f.database, partly if f.database == "postgresql" else unmet)
    links = {Link.HERE: met, Link.VERIFIED: met, Link.ENCRYPTED: partly, Link.OPEN: unmet}
    yield Fact("database_link", "HIREWIRE_DATABASE", f"{f.database}, {f.database_link}", links[f.database_link])
    scanner = f.scanner_link
    yield Fact("scanner_link", "HIREWIRE_SCANNER", scanner or "none", partly if scanner is Link.OPEN else met)
    yield Fact("production", "HIREWIRE_PRODUCTION", _on(f.production), met if f.production else partly)
    yield Fact("review", "HIREWIRE_RULE_REVIEW", _on(f.review), met if f.review else partly)
    yield Fact("log_level", "HIREWIRE_LOG_LEVEL", f.log_level, partly if f.log_level == "debug" else met)
    good = ", ".join(f.kept_for_good)
    ends = f"for good: {good}" if good else "every kind ends"
    yield Fact("retention", "HIREWIRE_RETENTION_DAYS", ends, partly if good else met)


def _copies(f: InForce) -> Iterator[Fact]:
    met, partly, unmet = Standing.MET, Standing.PARTLY, Standing.UNMET
    name, to = "HIREWIRE_BACKUP_TO", f.backup_to
    if to is None:
        yield Fact("backups", name, "none", unmet)
        yield Fact("offsite", name, "none", unmet)
    else:
        yield Fact("backups", name, to, met if f.backup_keys_apart else partly)
        shipped = f"{to}, every {f.backup_ship_s:g} s" if f.backup_ship_s else to
        live = to.startswith("s3://") and 0 < f.backup_ship_s <= SHIP_S and f.database == "sqlite"
        yield Fact("offsite", f"{name}, HIREWIRE_BACKUP_SHIP", shipped, met if live else partly)
    copy = f.media_copy
    yield Fact("media_copy", "HIREWIRE_MEDIA_COPY", copy or "none", met if copy else unmet)


def _on(value: bool) -> str:
    return "on" if value else "off"
