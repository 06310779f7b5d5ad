"""Private values show nothing, by whatever way they are asked."""

from __future__ import annotations

import copy
import json
import pickle

import orjson
import pytest

from hub.domain.private import Personal, Secret

CANARY = "canary-9c41"


@pytest.mark.parametrize("kind", [Secret, Personal])
def test_a_private_value_prints_as_stars_and_is_never_serialised(kind: type[Secret[str]]) -> None:
    value = kind(CANARY)
    shown = [str(value), repr(value), f"{value}", f"{value:>5}", f"{value!r}", "%s %r" % (value, value), repr([value])]  # noqa: UP031
    assert not any(CANARY in text for text in shown)
    assert f"{value}" == "***"
    for dump in (json.dumps, orjson.dumps, pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError) as caught:
            dump(value)
        assert CANARY not in str(caught.value)
    assert not hasattr(value, "__dict__")
    assert value.reveal() == CANARY


def test_private_values_compare_by_kind_and_value() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a") != Personal("a")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Personal("a")}) == 2
