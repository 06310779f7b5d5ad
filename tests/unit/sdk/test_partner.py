"""The partner role: a vendor's words become ours, ours become the vendor's."""

import pytest

from hub.domain.errors import Invalid
from hub.sdk import Declarative, Endpoint
from hub.sdk.manifest import read_manifest

PROVIDES = {
    "auth": {"scheme": "bearer", "token": "{config.token}"},
    "endpoints": [
        {
            "method": "GET",
            "path": "/tests",
            "serve": "packages",
            "respond": {"each": "packages", "item": {"id": "{pkg.id}", "zh": "{pkg.names.zh-CN?}"}},
        },
        {
            "method": "POST",
            "path": "/orders",
            "serve": "order_create",
            "request_map": {
                "package_id": "test.id",
                "candidate.email": "person.mail",
                "candidate.name.full": "{hook.person.first} {hook.person.last}",
                "candidate.phone": "person.phone?",
            },
            "respond": {"id": "{order.id}"},
        },
        {
            "method": "GET",
            "path": "/orders",
            "serve": "order_status",
            "request_map": {"order_id": "id"},
            "statuses": {"completed": "done"},
            "respond": {
                "state": "{order.vendor_status}",
                "score": "{order.score?}",
                "link": "{order.result_url?}",
                "more": "{order.flat_attributes?}",
            },
        },
    ],
}
LIST, CREATE, STATUS = (
    Endpoint("GET", "/tests", "packages"),
    Endpoint("POST", "/orders", "order_create"),
    Endpoint("GET", "/orders", "order_status"),
)


@pytest.fixture
def partner(manifest):
    return Declarative(read_manifest({**manifest, "roles": ["client", "provider"], "provides": PROVIDES}))


def test_the_endpoints_are_listed(partner):
    assert list(partner.endpoints) == [LIST, CREATE, STATUS]


def test_packages_are_told_one_by_one(partner):
    packages = [{"id": "a", "names": {"zh-CN": "甲"}}, {"id": "b"}]
    assert partner.answer(LIST, {"packages": packages}) == [{"id": "a", "zh": "甲"}, {"id": "b"}]
    assert partner.answer(LIST, {"packages": []}) == []


def test_an_order_in_our_words(partner):
    body = {"test": {"id": "ai"}, "person": {"mail": "ada.lin@example.com", "first": "Ada", "last": "Lin"}, "noise": 1}
    assert partner.order(CREATE, {}, body) == {
        "package_id": "ai",
        "candidate": {"email": "ada.lin@example.com", "name": {"full": "Ada Lin"}},
    }


@pytest.mark.parametrize(
    ("body", "at"),
    [
        (None, "test.id"),
        ([], "test.id"),
        ({"test": {"id": "ai"}, "person": {"mail": None}}, "person.mail"),
        ({"test": {"id": "ai"}, "person": {"mail": "a@example.com", "first": "Ada"}}, "hook.person.last"),
    ],
)
def test_an_order_that_lacks_something_names_it(partner, body, at):
    with pytest.raises(Invalid) as caught:
        partner.order(CREATE, {}, body)
    assert (caught.value.code, caught.value.at) == ("missing", at)


def test_a_status_call_asks_by_its_query(partner):
    assert partner.order(STATUS, {"id": "ord_1"}, None) == {"order_id": "ord_1"}


def test_a_status_before_and_after_there_is_a_result(partner):
    assert partner.answer(STATUS, {"order": {"id": "ord_1", "status": "open"}}) == {"state": "open"}
    done = {
        "id": "ord_1",
        "status": "completed",
        "score": 0,
        "scores": {"logic": 70, "deep": {"x": 1}},
        "recommendation": "hold",
        "result_url": "https://hub.example/r",
    }
    assert partner.answer(STATUS, {"order": done}) == {
        "state": "done",
        "score": 0,
        "link": "https://hub.example/r",
        "more": {"logic": 70, "recommendation": "hold"},
    }


def test_an_endpoint_of_another_connector_is_refused(partner):
    with pytest.raises(Invalid):
        partner.answer(Endpoint("GET", "/other", "packages"), {})
