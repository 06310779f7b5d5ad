"""One path, one demand: what a manifest may ask of a vendor's document."""

import pytest

from hub.domain.errors import Invalid
from hub.sdk.conditions import condition, conditions

DOCUMENT = {
    "status": "Pending",
    "count": 0,
    "flag": True,
    "none": None,
    "at": "2026-03-02T09:00:00Z",
    "emails": [{"value": "a@example.com"}, {"value": "B@example.com"}, {}],
    "deep": [{"list": [{"n": 1}]}, {"list": [{"n": 2}]}],
    "plain": ["x", "y"],
}


@pytest.mark.parametrize(
    ("body", "holds"),
    [
        ({"path": "status", "equals": "Pending"}, True),
        ({"path": "status", "equals": "pending"}, False),
        ({"path": "status", "equals": "pending", "ignore_case": True}, True),
        ({"path": "count", "equals": 0}, True),
        ({"path": "count", "equals": False}, False),
        ({"path": "flag", "equals": True}, True),
        ({"path": "flag", "equals": 1}, False),
        ({"path": "missing", "equals": "x"}, False),
        ({"path": "status", "contains": "end"}, True),
        ({"path": "count", "contains": "0"}, False),
        ({"path": "count", "exists": True}, True),
        ({"path": "none", "exists": True}, False),
        ({"path": "missing", "exists": True}, False),
        ({"path": "status", "in": ["Pending", "Done"]}, True),
        ({"path": "status", "in": ["Done"]}, False),
        ({"path": "missing", "in": ["Done"]}, False),
        ({"path": "count", "type": "integer"}, True),
        ({"path": "flag", "type": "integer"}, False),
        ({"path": "emails", "type": "array"}, True),
        ({"path": "emails.*.value", "equals": "b@example.com", "ignore_case": True}, True),
        ({"path": "emails.*.value", "equals": "c@example.com"}, False),
        ({"path": "deep.*.list.*.n", "equals": 2}, True),
        ({"path": "plain.*", "equals": "y"}, True),
        ({"path": "status.*", "equals": "P"}, False),
        ({"path": "at", "not_before": "2026-03-02T09:00:00+00:00"}, True),
        ({"path": "at", "not_before": "2026-03-02T17:00:01+08:00"}, False),
        ({"path": "status", "not_before": "2026-03-02T09:00:00Z"}, False),
        ({"path": "at", "not_before": "{doc.bound?}"}, True),
        ({"path": "status", "equals": "{doc.bound?}"}, False),
    ],
)
def test_holds(body, holds):
    assert condition(body).holds(DOCUMENT, {"doc": {}}) is holds


def test_a_bound_that_is_needed_and_not_there_is_named():
    with pytest.raises(Invalid):
        condition({"path": "status", "equals": "{doc.bound}"}).holds(DOCUMENT, {"doc": {}})


def test_one_or_several():
    one, two = {"path": "status", "exists": True}, {"path": "count", "equals": 0}
    assert len(conditions(one)) == 1
    assert len(conditions([one, two])) == 2


def test_a_document_that_is_none_or_odd_never_raises():
    for document in (None, [], "text", 5, [None]):
        assert condition({"path": "a.b", "equals": 1}).holds(document, {}) is False
