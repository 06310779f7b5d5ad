"""The border: which targets lie abroad, how many persons' data went there this year, and how many more may go.

The figures of the law are those of articles 7 and 8 of the Provisions on Promoting and Regulating Cross-border Data Flows
(促进和规范数据跨境流动规定), in force since 2024-03-22: counted from 1 January of a year, each person once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from hub.domain.ids import TenantId

UNLABELLED = "unlabelled"  # where nobody says where a target is, it counts as abroad
ANYWHERE = "*"  # the sum over all regions, each person once
BORDER_LIMIT = "border_limit"
CLASS_NOT_APPROVED = "class_4_not_approved"
CROSS_BORDER = "cross_border"  # the purpose of a consent to be sent abroad
PERSONAL, SENSITIVE = 3, 4  # as `x-sensitivity` counts
ASSESSED_PERSONS, ASSESSED_SENSITIVE = 1_000_000, 10_000  # from here on: a security assessment
_REGION = re.compile(r"[a-z][a-z0-9-]{1,19}")
CONTRACT_PERSONS = 100_000  # from here on, or with one sensitive record: a standard contract or certification


class Counted(StrEnum):
    """What is limited."""

    PERSONS = "persons"
    SENSITIVE = "sensitive"


class Duty(StrEnum):
    """What the law asks for at so many persons."""

    NONE = "none"
    CONTRACT = "standard_contract_or_certification"
    ASSESSMENT = "security_assessment"


@dataclass(frozen=True, slots=True)
class Crossing:
    """A person's data of this class went to a region in a year."""

    tenant: TenantId
    year: int
    region: str
    person: str
    data_class: int


@dataclass(frozen=True, slots=True)
class Tally:
    """Distinct persons of one year and region: any, with personal data, with sensitive personal data."""

    persons: int = 0
    personal: int = 0
    sensitive: int = 0

    def of(self, counted: Counted, sensitive_from: int) -> int:
        """The count that a limit is held against."""
        if counted is Counted.PERSONS:
            return self.persons
        return self.personal if sensitive_from <= PERSONAL else self.sensitive


@dataclass(frozen=True, slots=True)
class Standing:
    """A place as one person meets it. `tally`: who is counted there or under way; `known`: this person's highest class
    among them, None: it is not among them.
    """

    tally: Tally
    known: int | None


@dataclass(frozen=True, slots=True)
class Limits:
    """How many persons may go to one region, or anywhere, in a year. None: the law's figure, and nothing is held."""

    persons: int | None = None
    sensitive: int | None = None

    def of(self, counted: Counted) -> int | None:
        """The limit that was set."""
        return self.persons if counted is Counted.PERSONS else self.sensitive


@dataclass(frozen=True, slots=True)
class BorderPolicy:
    """What a tenant says of its border. `home` None: nothing is abroad.

    `regions`: limits by region, `*` those of all together. `consent`: regions (`*`: all) that need the candidate's
    consent to be sent there. `sensitive_from`: the class from which data counts as sensitive.
    """

    home: str | None = None
    regions: Mapping[str, Limits] = field(default_factory=dict)
    consent: frozenset[str] = frozenset()
    sensitive_from: int = SENSITIVE

    def abroad(self, region: str | None) -> str | None:
        """The label of a target that is abroad, None: it is at home."""
        label = UNLABELLED if region is None else region
        return None if self.home is None or label == self.home else label

    def purpose(self, region: str | None) -> str | None:
        """The consent that must be there before anything is sent to a target with this label."""
        label = self.abroad(region)
        return CROSS_BORDER if label is not None and self.consent & {label, ANYWHERE} else None

    def full(self, region: str, tally: Tally) -> frozenset[Counted]:
        """What nobody new may be counted under."""
        return frozenset(one for one in Counted if self.room(region, one, tally) == 0)

    def room(self, region: str, counted: Counted, tally: Tally) -> int | None:
        """How many more persons may go before the rest is held; None: no limit was set."""
        limit = self.regions.get(region, Limits()).of(counted)
        return None if limit is None else max(0, held_from(limit) - tally.of(counted, self.sensitive_from))

    def stops(self, region: str, tally: Tally, known: int | None, data_class: int) -> Counted | None:
        """Why a person must wait: it would be counted anew where nobody new may be.

        `known`: the highest class that went before, None: nothing did.
        """
        full = self.full(region, tally)
        if known is None and Counted.PERSONS in full:
            return Counted.PERSONS
        fresh = data_class >= self.sensitive_from and (known or 0) < self.sensitive_from
        return Counted.SENSITIVE if fresh and Counted.SENSITIVE in full else None


@dataclass(frozen=True, slots=True, order=True)
class Kept:
    """Why deliveries are held at the border: a limit of `region` on what is `counted`, or a class that is not approved."""

    reason: str  # border_limit | class_4_not_approved
    region: str
    counted: str = ""

    @property
    def key(self) -> str:
        """As a delivery's row names it."""
        return f"{self.reason} {self.region} {self.counted}"

    @classmethod
    def read(cls, key: str) -> Kept:
        """From a delivery's row."""
        reason, region, counted = key.split(" ")
        return cls(reason, region, counted)


def is_region(text: str) -> bool:
    """Whether this may be a region's label: a jurisdiction such as cn, us, eu, hk."""
    return _REGION.fullmatch(text) is not None and text != UNLABELLED


def held_from(limit: int) -> int:
    """The count at which nobody new is sent: 80 % of the limit, rounded down."""
    return limit * 8 // 10


def duty(tally: Tally) -> Duty:
    """What the law asks for: of a company that runs no critical infrastructure, for candidates (employees may be exempt)."""
    if tally.persons >= ASSESSED_PERSONS or tally.sensitive >= ASSESSED_SENSITIVE:
        return Duty.ASSESSMENT
    return Duty.CONTRACT if tally.persons >= CONTRACT_PERSONS or tally.sensitive else Duty.NONE
