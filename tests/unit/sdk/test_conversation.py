"""Idempotency, what must come first, what is learnt, and pages that end."""

import pytest

from hub.domain.deliveries import Delivered, Refused, TryLater
from hub.sdk import Declarative, Job
from hub.sdk.manifest import read_manifest

FOUND = {"items": [{"id": 1, "email": "someone@example.com"}, {"id": 2, "email": "lin.yue@example.com"}]}
NOBODY = {"items": []}


def test_what_is_there_is_not_written_again(run):
    vendor = run().answers(200, FOUND)
    assert vendor.outcome == Delivered("2", refs={"person": "2"})
    assert [r.method for r in vendor.requests] == ["GET"]


def test_what_is_not_there_is_written_with_the_delivery_key(run):
    vendor = run().answers(200, NOBODY)
    assert (vendor.asked.method, vendor.asked.url) == ("POST", "https://api.acme.example/v1/people")
    assert vendor.asked.json == {"email": "lin.yue@example.com"}
    assert vendor.asked.key == "k" * 32
    assert vendor.answers(201, {"id": 3}).outcome == Delivered("3", refs={"person": "3"})


def test_a_failed_look_up_writes_nothing(run):
    assert run().answers(503).outcome == TryLater("http_503")
    assert run().answers(403).outcome == Refused("auth:http_403", retry=True)


def test_a_look_up_without_json_counts_as_nobody(run):
    vendor = run().answers(200)
    assert vendor.asked.method == "POST"


def test_a_known_person_is_not_looked_for(run):
    vendor = run("note.add", refs={"person": "7"})
    assert vendor.asked.url == "https://api.acme.example/v1/people/7/notes"
    assert dict(vendor.asked.headers) == {"idempotency-key": "k" * 32}


def test_what_must_exist_first_is_made_first_under_its_own_key(run):
    vendor = run("note.add").answers(200, NOBODY)
    first_key = vendor.asked.key
    vendor.answers(201, {"id": 5})
    assert vendor.asked.url.endswith("/people/5/notes")
    assert vendor.asked.key == "k" * 32 != first_key
    assert vendor.answers(200, {"id": "n1"}).outcome == Delivered("n1", refs={"person": "5", "note": "n1"})
    assert run("note.add").answers(200, NOBODY).asked.key == first_key


def test_what_was_learnt_before_a_failure_is_kept(run):
    vendor = run("note.add").answers(200, FOUND).answers(503, retry_after="4")
    assert vendor.outcome == TryLater("http_503", 4.0, refs={"person": "2"})


def test_a_step_before_that_teaches_nothing_stops_the_operation(run):
    vendor = run("note.add").answers(200, NOBODY).answers(201, {})
    assert vendor.outcome == Refused("nothing_found:person.create", retry=True)


def test_a_missing_value_is_named_before_anything_is_sent(run):
    vendor = run("note.add", doc={}, refs={"person": "7"})
    assert vendor.requests == []
    assert vendor.outcome == Refused("missing:doc.text", retry=True)


def test_an_unknown_operation(run):
    assert run("person.delete").outcome == Refused("unknown_operation", retry=True)


def test_steps_before_always_run(run, manifest):
    manifest["operations"]["note.add"]["before"] = ["person.create"]
    vendor = run("note.add", refs={"person": "7"}).answers(200, FOUND)
    assert vendor.asked.url.endswith("/people/2/notes")


def test_a_header_key_with_a_look_up_looks_from_the_second_try_on(run, manifest):
    manifest["operations"]["note.add"]["idempotency"] |= {
        "expires": "PT24H",
        "lookup": "find_person",
        "match": {"path": "id", "equals": 2},
    }
    assert run("note.add", refs={"person": "7"}, attempt=1).asked.method == "POST"
    vendor = run("note.add", refs={"person": "7"}, attempt=2)
    assert vendor.asked.method == "GET"
    assert vendor.answers(200, FOUND).outcome == Delivered("2", refs={"person": "7", "note": "2"})


def test_the_record_that_was_looked_up_may_be_used(run, manifest):
    manifest["operations"]["person.create"]["request"]["body"] = {"version": "{found.version}"}
    vendor = run().answers(200, {"items": [{"version": 4, "email": "other@example.com"}]})
    assert vendor.asked.json == {"version": 4}


@pytest.mark.parametrize("value", ["a\r\nx-evil: 1", "a\nb", "a\x00b"])
def test_a_line_break_never_becomes_a_header(run, manifest, value):
    manifest["operations"]["note.add"]["request"]["headers"] = {"x-name": "{doc.text}"}
    assert run("note.add", {"text": value}, refs={"person": "7"}).outcome == Refused("bad_value:x-name", retry=True)


def test_form_and_named_auth(run, manifest):
    manifest["auth"]["named"] = {"other": {"mode": "none"}}
    manifest["operations"]["note.add"]["request"] |= {"encode": "form", "auth": "other"}
    asked = run("note.add", {"text": True}, refs={"person": "7"}).asked
    assert (asked.form, asked.json, asked.auth) == ({"text": "true"}, None, "other")


def test_base_url_by_setting_and_override(run, manifest):
    manifest["base_url"] = {
        "override": "{config.base_url?}",
        "switch": "{config.team | default:'live'}",
        "live": "https://api.acme.example/v1/",
        "test": "https://test.acme.example",
    }
    refs = {"person": "7"}
    assert run("note.add", refs=refs).asked.url == "https://api.acme.example/v1/people/7/notes"
    assert run("note.add", refs=refs, config={"team": "test"}).asked.url == "https://test.acme.example/people/7/notes"
    assert (
        run("note.add", refs=refs, config={"base_url": "http://127.0.0.1:9/v1"}).asked.url
        == "http://127.0.0.1:9/v1/people/7/notes"
    )
    assert run("note.add", refs=refs, config={"team": "nowhere"}).outcome == Refused("bad_value:base_url", retry=True)


def test_a_path_and_an_id_are_one_address(run):
    assert run("note.add", refs={"person": "a/b?c"}).asked.url == "https://api.acme.example/v1/people/a%2Fb%3Fc/notes"
    assert run("note.add", refs={"person": ".."}).outcome == Refused("bad_value:ext.person.id", retry=True)


# pages


def paged(manifest, **how):
    manifest["operations"]["find_person"]["paginate"] = {"stop_on_repeat": True, **how}


NEXT = '<https://api.acme.example/v1/people?cursor=c2>; rel="next", <https://api.acme.example/v1/people>; rel="first"'


def test_link_headers_are_followed_and_the_query_is_dropped(run, manifest):
    paged(manifest, kind="link_header", rel="next", drop_query=True)
    vendor = run().answers(200, {"items": [{"id": 1}]}, link=NEXT)
    assert (vendor.asked.url, vendor.asked.query) == ("https://api.acme.example/v1/people?cursor=c2", {})
    assert vendor.answers(200, FOUND).outcome == Delivered("2", refs={"person": "2"})


def test_a_link_may_be_relative_and_keep_the_query(run, manifest):
    paged(manifest, kind="link_header", rel="next")
    vendor = run().answers(200, NOBODY, link="</v1/people?page=2>; title=x; rel=next")
    assert (vendor.asked.url, vendor.asked.query["email"]) == (
        "https://api.acme.example/v1/people?page=2",
        "lin.yue@example.com",
    )


@pytest.mark.parametrize(
    "other", ["https://evil.example/people", "http://api.acme.example/v1/people", "//evil.example/x"]
)
def test_a_link_to_another_host_is_not_followed(run, manifest, other):
    paged(manifest, kind="link_header", rel="next")
    assert run().answers(200, NOBODY, link=f'<{other}>; rel="next"').outcome == Refused(
        "pagination_elsewhere:link", retry=True
    )


def test_reading_ends_at_the_page_where_the_thing_is(run, manifest):
    paged(manifest, kind="link_header", rel="next", drop_query=True)
    assert run().answers(200, FOUND, link=NEXT).outcome == Delivered("2", refs={"person": "2"})


def test_page_numbers_until_a_short_page(run, manifest):
    paged(manifest, kind="page", param="page", size_param="per_page", size=2)
    vendor = run()
    assert vendor.asked.query == {"email": "lin.yue@example.com", "page": "1", "per_page": "2"}
    vendor.answers(200, {"items": [{"id": 1}, {"id": 4}]})
    assert vendor.asked.query["page"] == "2"
    vendor.answers(200, {"items": [{"id": 5}]})
    assert vendor.asked.method == "POST"


def test_cursors_until_there_is_none(run, manifest):
    paged(manifest, kind="cursor", param="after", next="next")
    vendor = run().answers(200, {"items": [{"id": 1}], "next": "c2"})
    assert vendor.asked.query["after"] == "c2"
    vendor.answers(200, {"items": [{"id": 4}], "next": None})
    assert vendor.asked.method == "POST"


@pytest.mark.parametrize(
    ("how", "bodies", "links"),
    [
        (
            {"kind": "link_header", "rel": "next", "drop_query": True},
            [{"items": [{"id": 1}]}, {"items": [{"id": 3}]}],
            NEXT,
        ),
        (
            {"kind": "cursor", "param": "after", "next": "next"},
            [{"items": [{"id": 1}], "next": "a"}, {"items": [{"id": 3}], "next": "a"}],
            "",
        ),
        ({"kind": "page", "param": "page", "size": 1}, [{"items": [{"id": 1}]}, {"items": [{"id": 1}]}], ""),
    ],
)
def test_the_same_page_twice_is_an_error_not_a_loop(run, manifest, how, bodies, links):
    paged(manifest, **how)
    vendor = run()
    for body in bodies:
        vendor.answers(200, body, link=links)
    assert vendor.outcome == Refused("pagination_repeats", retry=True)


def test_a_list_without_end_is_given_up(run, manifest):
    paged(manifest, kind="cursor", param="after", next="next")
    vendor, page = run(), 0
    while vendor.outcome is None:
        page += 1
        vendor.answers(200, {"items": [{"id": page}], "next": f"c{page}"})
    assert vendor.outcome == Refused("too_many_pages", retry=True)
    assert page == 40


def test_one_connector_serves_many_jobs_at_once(manifest):
    connector = Declarative(read_manifest(manifest))
    jobs = [connector.run(Job("person.create", {"email": f"p{n}@example.com"}, {}, f"k{n}")) for n in range(3)]
    assert [next(job).query["email"] for job in jobs] == [f"p{n}@example.com" for n in range(3)]
