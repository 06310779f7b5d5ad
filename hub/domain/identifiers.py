"""What people are found by, each brought into the one form in which it is compared: what is written differently is equal."""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum

from hub.domain.errors import Invalid


class Identifier(StrEnum):
    """Kinds with so many possible values that an index of them shows nothing. Never names, birth dates, gender."""

    EMAIL = "email"
    PHONE = "phone"
    ID_NUMBER = "id_number"
    EXTERNAL = "external_id"


_SEPARATORS = re.compile(r"[\s().\-/·‐-―]+")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")

_CN_ID = re.compile(r"[1-9][0-9]{16}[0-9X]")
_CN_ID_OLD = re.compile(r"[1-9][0-9]{14}")
_OTHER_ID = re.compile(r"[0-9A-Z]{5,20}")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def normal_form(kind: Identifier, value: str, calling_code: str = "86") -> str:
    """The form in which values of this kind are compared. Raises Invalid (`bad_email`, `bad_phone`, `bad_id_number`,
    `bad_external_id`); the value itself is never repeated. `calling_code`: of phone numbers that do not say theirs.
    """
    text = unicodedata.normalize("NFKC", value).strip()
    match kind:
        case Identifier.EMAIL:
            return _email(text)
        case Identifier.PHONE:
            return _phone(text, calling_code)
        case Identifier.ID_NUMBER:
            return _id_number(text)
        case Identifier.EXTERNAL:
            if not text.isprintable() or not 0 < len(text) <= 256:
                raise Invalid("this is not an id of another system", code="bad_external_id", at="external_id")
            return text


def _email(text: str) -> str:
    local, _, domain = text.rpartition("@")
    if not local or not domain or len(text) > 254 or text.split() != [text]:
        raise Invalid("this is not an e-mail address", code="bad_email", at="email")
    return unicodedata.normalize("NFKC", text.lower())


def _phone(text: str, calling_code: str) -> str:
    """E.164: `+` and up to 15 digits. Extensions are refused: they are not part of the number."""
    digits = _SEPARATORS.sub("", text)
    if digits.startswith("00"):
        digits = f"+{digits[2:]}"
    if not digits.startswith("+"):
        national = digits.removeprefix("0")  # the trunk prefix is dialled at home only
        digits = f"+{calling_code}{national}"
    digits = digits.replace("+860", "+86", 1)  # (0)10 and the like: the trunk prefix is no part of the number
    if not digits.isascii() or not _E164.fullmatch(digits):
        raise Invalid("this is not a phone number", code="bad_phone", at="phone")
    return digits


def _id_number(text: str) -> str:
    """A mainland resident number of 18 places with its check digit; one of 15 becomes it. Others: letters and digits."""
    number = _SEPARATORS.sub("", text).upper()
    if _CN_ID_OLD.fullmatch(number):
        longer = f"{number[:6]}19{number[6:]}"
        number = longer + _check_digit(longer)
    if _CN_ID.fullmatch(number):
        if _check_digit(number[:17]) != number[17]:
            raise Invalid("the id number's check digit is wrong", code="bad_id_number", at="id_number")
        return number
    if not _OTHER_ID.fullmatch(number):
        raise Invalid("this is not an id number", code="bad_id_number", at="id_number")
    return number


def _check_digit(digits: str) -> str:
    """GB 11643-1999 (ISO 7064, MOD 11-2)."""
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, digits, strict=True))
    return "10X98765432"[total % 11]
