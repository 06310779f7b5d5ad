"""A company in front of the API: one person for each role."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from litestar.testing import AsyncTestClient

from hub.domain.permissions import Role
from tests.app.conftest import HIGH_SCORE, REFERRALS
from tests.support.hubs import TENANT, Bench, bench, report
from tests.support.one_app import app_over
from tests.support.visitors import Visitor, seated

PEOPLE_ROLES = [role for role in Role if role is not Role.CLIENT_SYSTEM]


@dataclass
class Company:
    """A hub with one person per role, each assigned to the requisition of cand_1 and not to that of cand_2."""

    client: Any
    bench: Bench
    staff: dict[Role, Visitor] = field(default_factory=dict)


@pytest.fixture
async def company() -> AsyncIterator[Company]:
    b = bench()
    await b.hub.vault.prepare(TENANT)
    await b.configure({"connections": {"referrals": REFERRALS}, "rules": {"high score": HIGH_SCORE}})
    await b.accept(report())
    other = report(key="two", candidate="cand_2")
    other.data["job"]["id"] = "job_2"  # type: ignore[index, call-overload]
    await b.accept(other)
    async with AsyncTestClient(app_over(b.hub)) as client:
        found = Company(client, b)
        for role in PEOPLE_ROLES:
            found.staff[role] = await seated(client, b, str(role), role)
        members = [one.person for one in found.staff.values()]
        await b.hub.people.organisation.assign(TENANT, "job_1", "test", members=members)
        await b.hub.people.organisation.assign(TENANT, "job_2", "test")
        yield found


def expected(letters: str, action: str, *, assigned: bool, purpose: bool, fresh: bool) -> str:
    """What a cell means, said once more and apart from the product."""
    if letters == "-" or letters == "4":
        return "no_role"
    if "a" in letters and not assigned:
        return "not_assigned"
    if "p" in letters and not purpose:
        return "purpose_needed"
    if "s" in letters and not fresh:
        return "step_up_needed"
    if "v" in letters:
        return "approves_only"
    if set(letters) & {"2", "q"} and action != "rule.publish":
        return "second_person_needed"
    return "granted"
