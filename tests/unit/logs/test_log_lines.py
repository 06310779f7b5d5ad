"""Log lines: one object a line, whatever is put in; nothing private, nothing forged, never an error."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.adapters.logs import ATTEMPT_FIELDS, JsonLines, Lines, TextLines, configure, content
from hub.domain.deliveries import Final, State
from hub.domain.errors import HubError, Invalid, NotFound
from hub.domain.private import Personal, Secret

CANARY = "canary-4417"
FORMATS = ("json", "text")
FORGERY = '\r\n{"level":"error"}\n2026-01-01T00:00:00Z ERROR forged\x1b[2J\u2028\u0085\u202etfel\ud800'


@pytest.fixture
def logged() -> Iterator[Callable[..., io.StringIO]]:
    """Turns logging on into a text, and puts everything back."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level

    def on(format: str = "json", level: str = "debug") -> io.StringIO:
        stream = io.StringIO()
        configure(level, format, stream)
        return stream

    yield on
    root.handlers[:] = before
    root.setLevel(level)


def one(stream: io.StringIO) -> dict[str, object]:
    lines = stream.getvalue().splitlines()
    assert len(lines) == 1, lines
    line = json.loads(lines[0])
    assert isinstance(line, dict)
    return line


def test_an_attempt_is_one_wide_line_with_every_field(logged: Callable[..., io.StringIO]) -> None:
    stream = logged()
    Lines().attempt(
        {"delivery": "dlv_7", "outcome": "delivered", "status": 201, "took_ms": 12.5, "next": Final.DELIVERED}
    )
    line = one(stream)
    assert list(line) == ["at", "level", "msg", *ATTEMPT_FIELDS]
    assert (line["msg"], line["level"], line["delivery"]) == ("delivery.attempted", "info", "dlv_7")
    assert (line["status"], line["took_ms"], line["next"], line["error"]) == (201, 12.5, "delivered", None)
    assert datetime.fromisoformat(str(line["at"])).utcoffset() == timedelta()


def test_an_attempt_that_failed_is_a_warning(logged: Callable[..., io.StringIO]) -> None:
    stream = logged(level="warning")
    Lines().attempt({"outcome": "delivered"})
    Lines().attempt({"outcome": "try_later", "error": "http_503"})
    assert one(stream)["error"] == "http_503"


def test_a_field_that_an_attempt_does_not_have_is_dropped_and_named(logged: Callable[..., io.StringIO]) -> None:
    stream = logged()
    Lines().attempt({"outcome": "delivered", "payload": CANARY, "email": CANARY})
    assert CANARY not in stream.getvalue()
    assert one(stream)["dropped"] == ["email", "payload"]


def test_a_note_tells_its_fields_and_warns_if_something_is_wrong(logged: Callable[..., io.StringIO]) -> None:
    stream = logged()
    Lines().note("leases.expired", {"count": 3})
    Lines().note("store.unavailable", {"code": "locked"})
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (first["msg"], first["level"], first["count"]) == ("leases.expired", "info", 3)
    assert (second["level"], second["code"]) == ("warning", "locked")


class Colour(Enum):
    RED = "red"


class Talkative:
    """An object whose own words give it away."""

    def __repr__(self) -> str:
        return CANARY

    __str__ = __repr__


@dataclass
class Record:
    email: str = CANARY


class Sly(str):
    """A string that lies about itself."""

    def __str__(self) -> str:
        return CANARY

    __repr__ = __str__


HIDDEN = [
    Secret(CANARY),
    Personal(CANARY),
    [Secret(CANARY), "kept"],
    {"k": Personal(CANARY)},
    (Personal(CANARY),),
    Talkative(),
    [Talkative()],
    {"k": Talkative()},
    {Personal(CANARY): "kept"},
    {"k": {"deep": CANARY}},
    [[CANARY]],
    Record(),
    Record,
    CANARY.encode(),
    bytearray(CANARY.encode()),
    ValueError(CANARY),
    Sly("kept"),
    lambda: CANARY,
    (letter for letter in CANARY),
    int("9" * 400),
]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("value", HIDDEN, ids=lambda value: type(value).__name__)
def test_nothing_private_or_unknown_is_shown_through_any_field(
    logged: Callable[..., io.StringIO], format: str, value: object
) -> None:
    stream = logged(format)
    lines = Lines()
    for field in ATTEMPT_FIELDS:
        lines.attempt({field: value})
    lines.attempt({"stranger": value})
    lines.note("thing.noted", {"field": value, "second": "kept"})
    text = stream.getvalue()
    assert len(text.splitlines()) == len(ATTEMPT_FIELDS) + 2
    assert "canary" not in text
    assert "second" in text
    assert "9999" not in text


def test_what_is_hidden_and_what_is_dropped_can_be_told(logged: Callable[..., io.StringIO]) -> None:
    stream = logged()
    Lines().note("thing.noted", {"token": Secret(CANARY), "object": Talkative(), "at": "yesterday", "bad name": 1})
    line = one(stream)
    assert line["token"] == "***"
    assert line["dropped"] == ["object", "at", "?"]
    assert line["at"] != "yesterday"


def test_plain_values_keep_their_kind(logged: Callable[..., io.StringIO]) -> None:
    stream = logged()
    Lines().note(
        "thing.noted",
        {
            "none": None,
            "yes": True,
            "number": 2**63,
            "share": 0.5,
            "nan": float("nan"),
            "enum": Colour.RED,
            "state": State.HELD,
            "time": datetime(2026, 1, 2, tzinfo=UTC),
            "span": timedelta(seconds=90),
            "decimal": Decimal("1.10"),
            "uuid": UUID(int=7),
            "name": "林悦",
            "many": list(range(100)),
            "pairs": {"a": 1, "b": (2,)},
        },
    )
    line = one(stream)
    assert [line[k] for k in ("none", "yes", "number", "share", "nan")] == [None, True, 2**63, 0.5, None]
    assert [line[k] for k in ("enum", "state", "time", "span")] == ["red", 4, "2026-01-02T00:00:00+00:00", 90.0]
    assert [line[k] for k in ("decimal", "uuid")] == ["1.10", "00000000-0000-0000-0000-000000000007"]
    assert (line["name"], line["many"], line["pairs"]) == ("林悦", list(range(20)), {"a": 1})


@pytest.mark.parametrize("format", FORMATS)
def test_no_field_can_forge_a_line(logged: Callable[..., io.StringIO], format: str) -> None:
    stream = logged(format)
    lines = Lines()
    for field in ATTEMPT_FIELDS:
        lines.attempt({field: FORGERY})
    lines.note(FORGERY, {"field": FORGERY, FORGERY: 1, "list": [FORGERY], "map": {FORGERY: FORGERY}})
    logging.getLogger(FORGERY).error(FORGERY)
    try:
        raise NotFound(FORGERY, code=FORGERY)
    except NotFound as error:
        lines.note("thing.failed", {}, error)
    text = stream.getvalue()
    assert len(text.splitlines()) == text.count("\n") == len(ATTEMPT_FIELDS) + 3
    assert not any(character in text for character in "\r\x1b\u2028\u0085\u202e\ud800")
    assert text.encode()
    for line in text.splitlines():
        if format == "json":
            assert "forged" in json.loads(line)["msg"] or json.loads(line)["level"] in {"warning", "error"}
        else:
            assert not line.startswith("2026-01-01T00:00:00Z ERROR forged")


class Kind(IntEnum):
    ONE = 1


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()))
    | st.binary()
    | st.datetimes()
    | st.timedeltas()
    | st.decimals()
    | st.uuids()
    | st.sampled_from([Kind.ONE, Talkative(), Secret(CANARY)]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=20,
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.text(st.characters(exclude_categories=())), anything))
def test_any_fields_make_one_readable_line(fields: Mapping[str, object]) -> None:
    stream = io.StringIO()
    logger = logging.Logger("own")
    for formatter in (JsonLines(), TextLines()):
        handler = logging.StreamHandler(stream)
        handler.setFormatter(formatter)
        logger.addHandler(handler)
    Lines(logger).note("thing.noted", fields)
    as_json, as_text = stream.getvalue().splitlines()
    assert json.loads(as_json)["msg"] == "thing.noted"
    assert " thing.noted" in as_text
    assert CANARY not in stream.getvalue()


@pytest.mark.parametrize("format", FORMATS)
def test_an_exception_is_told_by_class_code_and_place_without_its_words(
    logged: Callable[..., io.StringIO], format: str
) -> None:
    stream = logged(format)

    def fail() -> None:
        try:
            raise KeyError(CANARY)
        except KeyError as cause:
            raise ValueError(f"bad {CANARY}") from cause

    try:
        fail()
    except ValueError as error:
        Lines().note("job.failed", {}, error)
        logging.getLogger("hub.app.thing").exception("it broke: %s", CANARY)
        logging.getLogger("asyncio").error(f"Task exception was never retrieved\nfuture: {error!r}", exc_info=error)
    text = stream.getvalue()
    assert len(text.splitlines()) == 3
    assert CANARY not in text
    assert text.count("ValueError") == text.count("KeyError") == 3
    assert "test_log_lines.py" in text
    assert "it broke: %s" in text
    assert "Task exception was never retrieved" in text


def test_the_words_of_our_own_errors_are_told(logged: Callable[..., io.StringIO]) -> None:
    stream = logged()
    try:
        raise NotFound("connection 7 is not there", code="no_connection")
    except HubError as error:
        Lines().note("job.failed", {}, error)
    shown = one(stream)["exception"]
    assert isinstance(shown, dict)
    assert shown["class"] == "hub.domain.errors.NotFound"
    assert (shown["code"], shown["message"]) == ("no_connection", "connection 7 is not there")


def test_a_group_of_exceptions_names_its_parts(logged: Callable[..., io.StringIO]) -> None:
    stream = logged()
    Lines().note("job.failed", {}, ExceptionGroup(CANARY, [ValueError(CANARY), OSError(CANARY)]))
    shown = one(stream)["exception"]
    assert isinstance(shown, dict)
    assert shown["parts"] == ["ValueError", "OSError"]


@pytest.mark.parametrize("format", FORMATS)
def test_other_peoples_arguments_are_not_told(logged: Callable[..., io.StringIO], format: str) -> None:
    stream = logged(format)
    logging.getLogger("vendor.client").warning("cannot reach %s with %r", CANARY, Talkative())
    logging.getLogger("vendor.client").warning(Talkative())
    logging.getLogger("vendor.client").warning("broken %d", "template")
    text = stream.getvalue()
    assert "cannot reach %s with %r" in text
    assert "vendor.client" in text
    assert CANARY not in text
    assert len(text.splitlines()) == 3


def test_chatty_libraries_are_quiet_below_a_warning(logged: Callable[..., io.StringIO]) -> None:
    stream = logged(level="info")
    logging.getLogger("apscheduler.scheduler").info("Running job")
    logging.getLogger("hirewire").debug("quiet")
    assert stream.getvalue() == ""


def test_a_person_can_read_the_text_form(logged: Callable[..., io.StringIO]) -> None:
    stream = logged("text")
    Lines().note("thing.noted", {"connection": "greenhouse", "why": "two words", "none": None, "n": 3})
    assert stream.getvalue().split(" ", 1)[1] == 'INFO    thing.noted connection=greenhouse why="two words" n=3\n'


@pytest.mark.parametrize(("level", "format"), [("loud", "json"), ("INFO", "json"), ("info", "xml")])
def test_a_level_or_format_that_is_not_there_is_refused(level: str, format: str) -> None:
    before = list(logging.getLogger().handlers)
    with pytest.raises(Invalid) as caught:
        configure(level, format)
    assert caught.value.code in {"bad_log_level", "bad_log_format"}
    assert logging.getLogger().handlers == before


def test_long_values_are_cut() -> None:
    record = logging.makeLogRecord({"msg": "thing.noted", "hirewire": {"field": "x" * 10_000}})
    assert len(str(content(record)["field"])) == 500
