"""What a password must be: long, mixed, nobody's first guess, and none of the last five."""

from __future__ import annotations

import unicodedata

from hub.domain.errors import Invalid

SHORTEST, LONGEST, REMEMBERED = 12, 256, 5
LONG_ENOUGH = 24  # a phrase of this length needs no mixture
_CLASSES = (str.islower, str.isupper, str.isdigit)
# Roots of the most used passwords, as every published list of leaks has them; also what is built from our own name.
_ROOTS = (
    "password", "passw0rd", "p@ssword", "p@ssw0rd", "qwerty", "qwertz", "azerty", "1q2w3e", "1qaz2wsx", "zaq12wsx", "asdfgh",
    "zxcvbn", "letmein", "iloveyou", "welcome", "admin", "administrator", "changeme", "monkey", "dragon", "sunshine",
    "princess", "football", "baseball", "superman", "trustno1", "whatever", "starwars", "woaini", "woaini1314", "5201314",
    "123456", "12345678", "987654321", "111111", "000000", "666666", "888888", "abc123", "abcdef", "test1234", "hirewire",
    "huawei", "taobao", "mima123",
)  # fmt: skip


def normal(password: str) -> str:
    """The form that is hashed, the same whatever keyboard wrote it (RFC 8265 asks for NFC)."""
    return unicodedata.normalize("NFC", password)


def must_be_strong(password: str, *names: str) -> None:
    """Raises Invalid: `password_short`, `password_long`, `password_plain`, `password_common`. `names` may not be in it."""
    if len(password) < SHORTEST:
        raise Invalid(f"a password has at least {SHORTEST} characters", code="password_short", at="password")
    if len(password) > LONGEST:
        raise Invalid(f"a password has at most {LONGEST} characters", code="password_long", at="password")
    if len(password) < LONG_ENOUGH and _mixture(password) < 3:
        raise Invalid(
            f"three of: lower case, upper case, digits, others; or {LONG_ENOUGH} characters",
            code="password_plain",
            at="password",
        )
    if _guessable(password.casefold(), names):
        raise Invalid("this is among the first that are guessed", code="password_common", at="password")


def _mixture(password: str) -> int:
    kinds = {next((number for number, test in enumerate(_CLASSES) if test(c)), len(_CLASSES)) for c in password}
    return len(kinds)


def _guessable(password: str, names: tuple[str, ...]) -> bool:
    if len(set(password)) < 5:
        return True
    rest = password
    known = [*_ROOTS, *(part for name in names for part in (name.casefold(), name.casefold().partition("@")[0]))]
    for root in sorted((one for one in known if len(one) >= 4), key=len, reverse=True):
        rest = rest.replace(root, "")
    return len(set(rest)) < 5  # nothing of its own is left beside what everybody tries
