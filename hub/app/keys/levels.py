"""Which keys can be exchanged, and in which steps."""

from __future__ import annotations

from dataclasses import dataclass

from hub.domain.errors import Invalid
from hub.domain.ids import TenantId
from hub.ports.vault import DataClass

MAKE, REWRAP, RESEAL, VERIFY, DONE = "make", "rewrap", "reseal", "verify", "done"
FILL, REINDEX, INDEX = "fill", "reindex", "index"
OFFER, LOAD = "offer", "load"
STEPS = {
    "root": (OFFER, LOAD, MAKE, REWRAP, VERIFY, DONE),
    "class": (MAKE, REWRAP, RESEAL, VERIFY, DONE),
    "owners": (MAKE, RESEAL, VERIFY, DONE),
    "apart": (RESEAL, VERIFY, DONE),
    "index": (MAKE, REINDEX, VERIFY, DONE),
    "lookups": (FILL, DONE),
}
SIGNING = "audit"
NOBODY = TenantId(0)


@dataclass(frozen=True, slots=True)
class Level:
    """Which keys are to be exchanged, as it is told: `root`, `class:1:pii`, `owners:1:pii`, `apart:1`."""

    kind: str
    tenant: TenantId = NOBODY
    data_class: str = ""

    @classmethod
    def read(cls, text: str) -> Level:
        """Raises Invalid (`bad_key_level`)."""
        kind, *rest = text.split(":")
        wanted = {"root": 0, "class": 2, "owners": 2, "apart": 1, "index": 1, "lookups": 1}.get(kind)
        if wanted != len(rest) or (rest and not rest[0].isdigit()):
            told = "a level is root, class:TENANT:CLASS, owners:TENANT:CLASS, index:TENANT"
            raise Invalid(told, code="bad_key_level", at="level")
        data_class = rest[1] if len(rest) > 1 else ""
        if data_class and data_class not in {str(one) for one in DataClass}:
            raise Invalid(f"no key of class {data_class!r} can be exchanged", code="bad_key_level", at="level")
        if kind == "owners" and data_class == SIGNING:
            raise Invalid("the audit class has no owners", code="bad_key_level", at="level")
        return cls(kind, TenantId(int(rest[0])) if rest else NOBODY, INDEX if kind == INDEX else data_class)

    def __str__(self) -> str:
        match self.kind:
            case "root":
                return "root"
            case "apart" | "index" | "lookups":
                return f"{self.kind}:{self.tenant}"
            case _:
                return f"{self.kind}:{self.tenant}:{self.data_class}"


@dataclass(frozen=True, slots=True)
class KeyCount:
    """How many keys there are of one kind. `tenant` 0: a root key."""

    tenant: int
    level: str
    data_class: str
    parent: str
    state: str
    count: int
