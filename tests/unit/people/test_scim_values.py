"""Filters and patches of RFC 7644: what they find, what they change, what they refuse."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.errors import Invalid
from hub.domain.scim import parse_filter, patched

USER: dict[str, Any] = {
    "userName": "Lin@hr.example",
    "externalId": "00u1",
    "active": True,
    "name": {"givenName": "悦", "familyName": "林"},
    "emails": [
        {"value": "lin@hr.example", "type": "work", "primary": True},
        {"value": "l@home.example", "type": "home"},
    ],
    "title": "",
    "level": 3,
}


@pytest.mark.parametrize(
    "text",
    [
        'userName eq "lin@HR.example"', 'USERNAME Eq "lin@hr.example"', 'externalId eq "00u1"', "active eq true",
        'name.familyName eq "林"', 'name.givenName sw "悦"', 'emails eq "lin@hr.example"', 'emails.type eq "home"',
        'emails[type eq "work" and value co "@hr"]', 'userName co "hr" and active eq true', "externalId pr",
        'not (userName eq "x")', '(userName eq "x" or level ge 3) and level lt 4', 'userName ne "x"', 'userName ew "example"',
        'urn:ietf:params:scim:schemas:core:2.0:User:userName eq "lin@hr.example"', 'nickName ne "x"', "active eq True",
        'userName eq "x" or userName eq "y" or level gt 2',
    ],
)  # fmt: skip
def test_filters_that_find(text: str) -> None:
    assert parse_filter(text)(USER)


@pytest.mark.parametrize(
    "text",
    [
        'userName eq "x"', "active eq false", "title pr", "nickName pr", 'emails[type eq "other"]', "level gt 3",
        'level eq "3"', "not (active eq true)", 'userName eq "lin@hr.example" and level eq 4', "externalId eq null",
        'emails[type eq "home" and value co "@hr"]',
    ],
)  # fmt: skip
def test_filters_that_do_not_find(text: str) -> None:
    assert not parse_filter(text)(USER)


@pytest.mark.parametrize(
    "text",
    [
        "", "userName", "userName eq", 'userName is "x"', 'eq "x"', '(userName eq "x"', 'userName eq "x" and', "a eq [1]",
        'userName eq "x" userName eq "y"', 'a.b.c eq "x"', 'userName eq x"', "(" * 50 + 'a eq "x"' + ")" * 50, "a eq {}",
        'emails[type eq "x"', 'userName eq "' + "x" * 1000 + '"', "__class__ pr", "a eq 1e999999x",
    ],
)  # fmt: skip
def test_filters_that_cannot_be_read(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_filter(text)
    assert caught.value.code == "invalidFilter"


@given(st.text(max_size=80))
def test_any_text_is_a_filter_or_is_refused(text: str) -> None:
    with suppress(Invalid):
        assert parse_filter(text)(USER) in (True, False)


def ops(*operations: dict[str, Any]) -> dict[str, Any]:
    return {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [*operations]}


@pytest.mark.parametrize(
    ("operation", "field", "value"),
    [
        ({"op": "replace", "path": "active", "value": False}, "active", False),
        ({"op": "Replace", "value": {"active": False}}, "active", False),
        ({"op": "replace", "value": {"name.givenName": "月"}}, "name", {"givenName": "月", "familyName": "林"}),
        ({"op": "add", "path": "name.formatted", "value": "林悦"}, "name", {**USER["name"], "formatted": "林悦"}),
        ({"op": "remove", "path": "title"}, "title", None),
        ({"op": "replace", "path": 'emails[type eq "work"].value', "value": "n@hr.example"}, "emails",
         [{"value": "n@hr.example", "type": "work", "primary": True}, USER["emails"][1]]),
        ({"op": "remove", "path": 'emails[type eq "home"]'}, "emails", USER["emails"][:1]),
        ({"op": "add", "path": "emails", "value": [{"value": "x@hr.example", "type": "other"}]}, "emails",
         [*USER["emails"], {"value": "x@hr.example", "type": "other"}]),
        ({"op": "add", "path": 'phoneNumbers[type eq "mobile"].value', "value": "1"}, "phoneNumbers",
         [{"type": "mobile", "value": "1"}]),
        ({"op": "replace", "path": "USERNAME", "value": "n"}, "userName", "n"),
        ({"op": "add", "path": "urn:ietf:params:scim:schemas:core:2.0:User:title", "value": "HR"}, "title", "HR"),
    ],
)  # fmt: skip
def test_patches(operation: dict[str, Any], field: str, value: Any) -> None:
    assert patched(USER, ops(operation)).get(field) == value
    assert USER["active"] is True


def test_members_go_by_filter_and_by_value() -> None:
    group: dict[str, Any] = {"members": [{"value": "a"}, {"value": "b"}, {"value": "c"}]}
    one = patched(group, ops({"op": "remove", "path": 'members[value eq "b"]'}))
    assert [m["value"] for m in one["members"]] == ["a", "c"]
    other = patched(group, ops({"op": "remove", "path": "members", "value": [{"value": "a"}, {"value": "c"}]}))
    assert [m["value"] for m in other["members"]] == ["b"]
    assert patched(group, ops({"op": "remove", "path": "members"})).get("members") is None


@pytest.mark.parametrize(
    "body",
    [
        {}, {"Operations": []}, {"Operations": {}}, ops({"op": "move"}), ops({"op": "add"}), ops({"op": "remove"}),
        ops({"op": "replace", "path": "a[", "value": 1}), ops({"op": "replace", "path": 7}),
        ops({"op": "replace", "path": 'emails[type eq "x"]', "value": {}}), {"Operations": ["x"]},
        ops(*[{"op": "remove", "path": "title"}] * 201), ops({"op": "add", "path": "a.b.c.d", "value": 1}),
    ],
)  # fmt: skip
def test_patches_that_cannot_be_done(body: Any) -> None:
    with pytest.raises(Invalid):
        patched(USER, body)
