"""A role that somebody names: one that people may have, or refused by what is wrong with it."""

from __future__ import annotations

import pytest

from hub.domain.errors import Invalid
from hub.domain.permissions import GRANTABLE, Role, role_of


def test_people_may_have_every_role_but_that_of_programs() -> None:
    assert {role_of(str(role)) for role in GRANTABLE} == {*Role} - {Role.CLIENT_SYSTEM}


@pytest.mark.parametrize("named", ["", "root", "Auditor", None, 1, True, ["auditor"], {"role": "auditor"}])
def test_what_is_no_role_is_refused_at_its_place(named: object) -> None:
    with pytest.raises(Invalid) as caught:
        role_of(named, "people.roles")
    assert (caught.value.code, caught.value.at) == ("enum", "people.roles")


def test_the_role_of_programs_is_for_programs() -> None:
    with pytest.raises(Invalid) as caught:
        role_of("client_system")
    assert caught.value.code == "role_for_programs"
