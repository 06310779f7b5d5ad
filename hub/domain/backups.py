"""Backups as they are written down beside themselves: what a manifest says, and how a restore is held against it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from hub.domain.errors import Conflict, Invalid
from mappings.documents import Document, Json

FORMAT = "hirewire-backup-1"
_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{4}")


@dataclass(frozen=True, slots=True)
class Part:
    """One sealed file."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds: tables with their rows and sums, and where each tenant's audit chain ended."""

    id: str
    store: str
    schema: str
    made_at: datetime
    seconds: float
    tables: Mapping[str, tuple[int, str]]
    chains: Mapping[int, tuple[int, str]]  # tenant -> (number, hash) of its last act
    database: Part
    keys: Part

    def document(self) -> Document:
        """As it is signed and stored."""
        return {
            "format": FORMAT,
            "id": self.id,
            "store": self.store,
            "schema": self.schema,
            "made_at": self.made_at.isoformat(),
            "seconds": self.seconds,
            "tables": {name: [rows, sum_] for name, (rows, sum_) in sorted(self.tables.items())},
            "chains": {str(tenant): [seq, hash_] for tenant, (seq, hash_) in sorted(self.chains.items())},
            "database": {"size": self.database.size, "sha256": self.database.sha256},
            "keys": {"size": self.keys.size, "sha256": self.keys.sha256},
        }


def backup_id(now: datetime, chance: str) -> str:
    """Sorts by time."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{chance[:4]}"


def read_id(text: str) -> str:
    """Raises Invalid (`bad_id`)."""
    if not _ID.fullmatch(text):
        raise Invalid("not the id of a backup", code="bad_id")
    return text


def time_of(id: str) -> datetime:
    """When the backup of this id was made."""
    return datetime.strptime(id[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def signed_bytes(document: Document) -> bytes:
    """What is signed of a manifest: JSON without spaces, keys sorted."""
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def read_manifest(document: Document) -> Manifest:
    """Raises Conflict (`not_a_backup`)."""
    try:
        if document["format"] != FORMAT:
            raise ValueError
        return Manifest(
            id=read_id(str(document["id"])),
            store=str(document["store"]),
            schema=str(document["schema"]),
            made_at=datetime.fromisoformat(str(document["made_at"])),
            seconds=float(str(document["seconds"])),
            tables={name: (int(str(one[0])), str(one[1])) for name, one in _pairs(document["tables"]).items()},
            chains={int(name): (int(str(one[0])), str(one[1])) for name, one in _pairs(document["chains"]).items()},
            database=_part(document["database"]),
            keys=_part(document["keys"]),
        )
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise Conflict("not the manifest of a backup that this program knows", code="not_a_backup") from error


def differences(manifest: Manifest, tables: Mapping[str, tuple[int, str]]) -> list[str]:
    """What a restored database has otherwise than the backup says, a line per table."""
    lines = []
    for name in sorted({*manifest.tables, *tables}):
        wanted, found = manifest.tables.get(name), tables.get(name)
        if wanted is None or found is None:
            lines.append(f"{name}: {'not in the backup' if wanted is None else 'missing'}")
        elif wanted[0] != found[0]:
            lines.append(f"{name}: {found[0]} rows, {wanted[0]} wanted")
        elif wanted[1] != found[1]:
            lines.append(f"{name}: other content")
    return lines


def _pairs(value: Json) -> Mapping[str, list[Json]]:
    if not isinstance(value, dict):
        raise TypeError
    return {name: one for name, one in value.items() if isinstance(one, list)}


def _part(value: Json) -> Part:
    if not isinstance(value, dict):
        raise TypeError
    return Part(int(str(value["size"])), str(value["sha256"]))
