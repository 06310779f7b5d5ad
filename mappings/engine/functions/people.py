"""Names, phones and countries, Chinese and otherwise."""

from __future__ import annotations

import re
from typing import Final

from mappings.codes import calling_code, country_code, country_name, surnames
from mappings.documents import Document, Json
from mappings.engine.faults import Unmappable
from mappings.engine.functions.kinds import Build, Call
from mappings.engine.functions.scalars import text_of

_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff]")


def split_name(spec: Document) -> Call:
    """`part` (family, given or order) of a full name; `order`: auto, family_first, given_first.

    In auto, Chinese characters mean family first (two-character surnames are known), anything else given first.
    """
    part, order = str(spec["part"]), str(spec.get("order", "auto"))

    def call(value: Json) -> Json:
        name = None if value is None else " ".join(text_of(value).split())
        if not name:
            return None
        han = bool(_HAN.search(name))
        family_first = han if order == "auto" else order == "family_first"
        if part == "order":
            return "family_first" if family_first else "given_first"
        family, given = _halves(name, han, family_first)
        return (family if part == "family" else given) or None

    return call


def _halves(name: str, han: bool, family_first: bool) -> tuple[str, str]:
    name = name.replace("·", " ") if han else name
    if " " in name:
        if family_first:
            head, _, tail = name.partition(" ")
            return head, tail
        head, _, tail = name.rpartition(" ")
        return tail, head
    if not han:
        return "", name
    size = 2 if len(name) > 2 and name[:2] in surnames() else 1
    if family_first:
        return name[:size], name[size:]
    return name[-1], name[:-1]


def full_name(spec: Document) -> Call:
    """Family and given name (two sources) as people write it: 林悦, Yue Lin; `order`: auto, family_first, given_first."""
    order = str(spec.get("order", "auto"))

    def call(family: Json, given: Json) -> Json:
        parts = ["" if part is None else text_of(part).strip() for part in (family, given)]
        han = bool(_HAN.search("".join(parts)))
        if order == "given_first" or (order == "auto" and not han):
            parts.reverse()
        return ("" if han else " ").join(part for part in parts if part) or None

    return call


def phone(spec: Document) -> Call:
    """A phone number in E.164 (+8613800001111); numbers without a country are read as of `country` (default CN).

    A second source, if given, is the country (any form `country` reads).
    """
    home = str(spec.get("country", "CN"))

    def call(value: Json, country: Json = None) -> Json:
        if value is None or value == "":
            return None
        digits = re.sub(r"[\s().\-–/]", "", text_of(value))
        code = calling_code(home if country is None else country_code(text_of(country)) or home)
        if digits.startswith("00"):
            digits = "+" + digits[2:]
        elif not digits.startswith("+"):
            digits = _international(digits, code)
        if not re.fullmatch(r"\+[1-9][0-9]{6,14}", digits):
            raise Unmappable("format")
        return digits

    return call


def _international(digits: str, code: str | None) -> str:
    if code is None:
        raise Unmappable("format")
    if code == "86" and re.fullmatch("861[3-9][0-9]{9}", digits):
        return f"+{digits}"
    if code == "1" and len(digits) == 11 and digits.startswith("1"):
        return f"+{digits}"
    # the leading 0 is dialled inside the country only (ITU-T E.164); Italy keeps it
    return f"+{code}{digits if code == '39' else digits.removeprefix('0')}"


def country(spec: Document) -> Call:
    """A country from its ISO 3166 code (two or three letters) or its English or Chinese name; `output`: code, en, zh-CN."""
    output = str(spec.get("output", "code"))

    def call(value: Json) -> Json:
        if value is None or value == "":
            return None
        code = country_code(text_of(value))
        if code is None:
            raise Unmappable("unknown_value")
        return code if output == "code" else country_name(code, output)

    return call


PEOPLE: Final[dict[str, Build]] = {
    "split_name": split_name,
    "full_name": full_name,
    "phone": phone,
    "country": country,
}
