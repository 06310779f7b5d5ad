"""The standards that ship with the product: controls, what speaks for them, why some are none of ours."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import cast

import yaml

from hub.domain.errors import Invalid
from hub.domain.evidence import Control, Standard, Topic, Words
from hub.domain.in_force import Standing
from mappings.documents import Document

STANDARDS = ("djcp", "asvs", "iso27001")


@cache
def standards() -> tuple[Standard, ...]:
    """All of them, as the files say; a test holds the files against their schema."""
    topics = {
        id: Topic(id, _words(one["name"]), tuple(_list(one["facts"])), tuple(_list(one["tests"])), str(one["log"]))
        for id, one in _documents("topics").items()
    }
    reasons = {id: _words(one) for id, one in _documents("reasons").items()}
    return tuple(_standard(read(name), topics, reasons) for name in STANDARDS)


def chosen(names: tuple[str, ...]) -> list[Standard]:
    """Those of these ids, or all. Raises Invalid (`unknown_standard`)."""
    for name in names:
        if name not in STANDARDS:
            raise Invalid(f"standards are {', '.join(STANDARDS)}", code="unknown_standard", at="standard")
    return [one for one in standards() if not names or one.id in names]


def read(name: str) -> Document:
    """One file of the folder."""
    text = (files("hub") / "evidence" / f"{name}.yaml").read_text(encoding="utf-8")
    return cast("Document", yaml.safe_load(text))


def _standard(body: Document, topics: Mapping[str, Topic], reasons: Mapping[str, Words]) -> Standard:
    groups = {id: _words(one) for id, one in cast("dict[str, Document]", body["groups"]).items()}
    controls = tuple(_control(one, topics, reasons) for one in cast("list[Document]", body["controls"]))
    return Standard(str(body["id"]), _words(body["name"]), _words(body["about"]), groups, controls)


def _control(one: Document, topics: Mapping[str, Topic], reasons: Mapping[str, Words]) -> Control:
    name = {language: str(one[language]) for language in ("en", "zh")}
    level = cast("int | None", one.get("level"))
    if (reason := one.get("na")) is not None:
        return Control(str(one["id"]), name, claim=Standing.NOT_APPLICABLE, reason=reasons[str(reason)], level=level)
    by = tuple(topics[topic] for topic in _list(one.get("by") or []))
    gap = _words(one["gap"]) if "gap" in one else None
    return Control(str(one["id"]), name, by, Standing(str(one.get("state", "met"))), gap, level=level)


def _documents(name: str) -> dict[str, Document]:
    return cast("dict[str, Document]", read(name))


def _words(value: object) -> Words:
    return cast("dict[str, str]", value)


def _list(value: object) -> list[str]:
    return cast("list[str]", value)
