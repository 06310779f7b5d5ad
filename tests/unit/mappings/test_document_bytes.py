"""JSON bytes: exact, sorted when asked, and what Python's own writer left behind can still be read."""

from __future__ import annotations

import json

import pytest

from mappings.documents import read, written


@pytest.mark.parametrize("value", [None, True, 10**30, -7, 1.5, '林悦\n"', [], {}, {"b": [{"a": None}], "a": 1.1e300}])
def test_what_is_written_is_read_again(value):
    assert read(written(value)) == value
    assert read(json.dumps(value).encode()) == value


def test_names_are_sorted_at_every_depth_when_asked():
    assert written({"b": {"d": 1, "c": 2}, "a": 0}, sort=True) == b'{"a":0,"b":{"c":2,"d":1}}'


@pytest.mark.parametrize("raw", [b'"\\ud800"', b"NaN", b"[1e999]"])
def test_what_only_python_writes_is_still_read(raw):
    assert repr(read(raw)) == repr(json.loads(raw))


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b"[1,]"])
def test_anything_else_is_a_value_error(raw):
    with pytest.raises(ValueError):
        read(raw)
