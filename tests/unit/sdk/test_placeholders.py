"""Placeholders: typed, optional, filtered, and never more than that."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.errors import Invalid
from hub.sdk.placeholders import fill, template
from mappings.documents import PathError

SCOPE = {
    "doc": {
        "n": 7,
        "yes": True,
        "none": None,
        "name": "林悦",
        "list": ["a", "b"],
        "nested": {"x": 1},
        "url": "https://h.example:8443/p",
    },
    "config": {"team": "red", "mail": "hr@example.com"},
    "key": "k1",
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{doc.n}", 7),
        ("{doc.yes}", True),
        ("{doc.list}", ["a", "b"]),
        ("{doc.nested}", {"x": 1}),
        ("{doc.list.1}", "b"),
        ("n={doc.n}&y={doc.yes}", "n=7&y=true"),
        ("{key}", "k1"),
        ("{doc.none?}", None),
        ("a {doc.missing?} b", None),
        ("{doc.missing | default:config.team}", "red"),
        ("{doc.missing | default:'blue'}", "blue"),
        ("{doc.missing | default:587}", 587),
        ("{doc.missing? | default:doc.none}", None),
        ("{doc.missing | default:doc.none | default:'x'}", "x"),
        ("{doc.missing | default:''}", ""),
        ("{config.team | upper}", "RED"),
        ("{doc.url | host}", "h.example"),
        ("{config.mail | domain}", "example.com"),
        ("{doc.missing | default:'41' | int}", 41),
        ("{doc.n | str}", "7"),
        ("{doc.list | join:-}", "a-b"),
        ("{doc.name? | latin}", None),
        ("{config.team | latin}", "red"),
        ("{config.team | base64}", "cmVk"),
        ("no placeholder", "no placeholder"),
    ],
)
def test_fill(text, value):
    assert fill(text, SCOPE) == value


def test_moments_and_dates_are_read_with_their_zone():
    scope = {"doc": {"at": "2026-03-04T10:00:00+08:00", "naive": "2026-03-04T10:00:00", "utc": "2026-03-04T10:00:00Z"}}
    assert fill("{doc.at | moment}", scope) == "2026-03-04 10:00 (UTC+08:00)"
    assert fill("{doc.utc | moment}", scope) == "2026-03-04 10:00 (UTC)"
    assert fill("{doc.at | date}", scope) == "2026-03-04"
    with pytest.raises(Invalid):
        fill("{doc.naive | moment}", scope)


@pytest.mark.parametrize("text", ["{doc.missing}", "{doc.none}", "x {doc.missing.y}", "{doc.name | latin}"])
def test_a_needed_value_that_is_not_there_is_named(text):
    with pytest.raises(Invalid) as caught:
        fill(text, SCOPE)
    assert caught.value.code == "missing"
    assert caught.value.at in text


def test_all_places_a_value_may_come_from_are_named():
    with pytest.raises(Invalid) as caught:
        fill("{doc.a | default:config.b}", SCOPE)
    assert caught.value.at == "doc.a or config.b"


@pytest.mark.parametrize(
    "text",
    [
        "{doc.name | int}",
        "{doc.nested | str}",
        "{doc.list | host}",
        "{doc.n | upper}",
        "x{doc.list}",
        "{doc.yes | int}",
    ],
)
def test_a_value_that_does_not_fit_is_named_and_not_shown(text):
    with pytest.raises(Invalid) as caught:
        fill(text, SCOPE)
    assert caught.value.code == "bad_value"
    assert "林" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "{nobody.x}",
        "{doc.x | eval}",
        "{doc.x",
        "doc.x}",
        "{}",
        "{doc..x}",
        "{doc.__class__}",
        "{doc.x | default}",
        "{doc.x | default:word}",
        "{doc.x | default:secrets.y}",
        "{{doc.x}}",
    ],
)
def test_what_is_not_the_language_is_refused_when_it_is_read(text):
    with pytest.raises(PathError):
        template(text)


def test_what_is_left_out_leaves_no_shell():
    body = {
        "first": "{doc.name}",
        "phones": [{"value": "{doc.phone?}", "type": "mobile"}],
        "job": {"id": "{doc.job?}", "deep": {"x": "{doc.y?}"}},
        "kept": {"type": "constant"},
        "empty": [],
    }
    assert fill(body, SCOPE) == {"first": "林悦", "kept": {"type": "constant"}, "empty": []}


@pytest.mark.parametrize("bad", ["..", ".", "", None])
def test_an_address_takes_no_step_up(bad):
    with pytest.raises(Invalid):
        template("/people/{doc.id}", in_path=True).fill({"doc": {"id": bad}})


@given(st.text(min_size=1))
def test_a_value_in_an_address_stays_one_segment(text):
    if text in (".", "..") or any(0xD800 <= ord(c) < 0xE000 for c in text):
        return
    filled = template("/people/{doc.id}/notes", in_path=True).fill({"doc": {"id": text}})
    assert filled.count("/") == 3
    assert not set(filled) & set("?#\\ \r\n")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text("ab", max_size=3),
        lambda x: st.lists(x) | st.dictionaries(st.text("ab"), x),
    )
)
def test_a_value_without_placeholders_is_itself(value):
    assert fill(value, {}) == value
