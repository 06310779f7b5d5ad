"""The list of revoked client certificates that is in force: the newest good one, kept beside us for when the file goes bad."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from hub.adapters.vault.rfc5280 import RevokedList, read_list
from hub.domain.errors import Invalid


@dataclass(slots=True)
class Revocations:
    """`source` is where the authority's list is put, `kept` the copy that the listener reads.

    A list that cannot be believed, or is older than the one in force, is not taken: the last good one stays in force.
    """

    source: Path
    authorities: Path
    kept: Path
    grace: timedelta
    in_force: RevokedList
    _refused: str = ""

    @classmethod
    def open(cls, source: Path, authorities: Path, home: Path, grace: timedelta) -> Revocations:
        """Raises Invalid (`bad_certificate`) where neither the file nor the copy holds a good list."""
        name = hashlib.sha256(str(source.absolute()).encode()).hexdigest()[:12]
        kept = home / f"revoked-clients-{name}.pem"
        try:
            known = read_list(kept, authorities)
        except Invalid:
            known = None
        try:
            fresh = read_list(source, authorities)
        except Invalid:
            if known is None:
                raise
            return cls(source, authorities, kept, grace, known)
        if known is None or not _older(fresh, known):
            _keep(fresh, kept)
            known = fresh
        return cls(source, authorities, kept, grace, known)

    def look(self) -> RevokedList | None:
        """The list that is to come into force, kept already; None where all is as it was.

        Raises Invalid, once for each fault: what is there now cannot be taken.
        """
        try:
            fresh = read_list(self.source, self.authorities)
            if _older(fresh, self.in_force):
                raise Invalid(
                    "this list is older than the one in force", code="older_list", at="HIREWIRE_TLS_CLIENT_CRL"
                )
        except Invalid as error:
            told, self._refused = self._refused, str(error)
            if told != self._refused:
                raise
            return None
        self._refused = ""
        if fresh.digest == self.in_force.digest:
            return None
        _keep(fresh, self.kept)
        self.in_force = fresh
        return fresh

    @property
    def refused(self) -> bool:
        """Whether what lies at `source` could not be taken."""
        return bool(self._refused)

    def left(self, now: datetime) -> timedelta:
        """Until the list is over; below zero it is."""
        return self.in_force.over_at - now

    def shut(self, now: datetime) -> bool:
        """Whether nobody is let in any more: the list is over for longer than the grace."""
        return self.left(now) + self.grace < timedelta()


def _older(fresh: RevokedList, known: RevokedList) -> bool:
    return fresh.issuer == known.issuer and fresh.issued_at < known.issued_at


def _keep(fresh: RevokedList, kept: Path) -> None:
    draft = kept.with_suffix(f".{os.getpid()}")
    draft.write_bytes(fresh.pem)
    draft.replace(kept)
