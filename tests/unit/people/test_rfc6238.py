"""One-time passwords against the vectors of RFC 6238, appendix B, and what must hold of any."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain import rfc6238

SEEDS = {"sha1": b"12345678901234567890", "sha256": b"1234567890" * 3 + b"12", "sha512": b"1234567890" * 6 + b"1234"}
VECTORS = [
    (59, "94287082", "46119246", "90693936"),
    (1111111109, "07081804", "68084774", "25091201"),
    (1111111111, "14050471", "67062674", "99943326"),
    (1234567890, "89005924", "91819424", "93441116"),
    (2000000000, "69279037", "90698825", "38618901"),
    (20000000000, "65353130", "77737706", "47863826"),
]
SECRETS, TIMES = st.binary(min_size=20, max_size=20), st.integers(10**6, 4 * 10**9)


@pytest.mark.parametrize(("seconds", "sha1", "sha256", "sha512"), VECTORS)
def test_the_published_vectors(seconds: int, sha1: str, sha256: str, sha512: str) -> None:
    for name, wanted in (("sha1", sha1), ("sha256", sha256), ("sha512", sha512)):
        assert rfc6238.code(SEEDS[name], seconds // 30, 8, name) == wanted


@given(SECRETS, TIMES, st.integers(-200, 200))
def test_a_code_counts_one_step_around_its_time_and_never_twice(secret: bytes, at: int, off: int) -> None:
    now = datetime.fromtimestamp(at, UTC)
    made = rfc6238.step_at(now + timedelta(seconds=off))
    taken = rfc6238.accepted_step(secret, rfc6238.code(secret, made), now, 0)
    near = abs(made - rfc6238.step_at(now)) <= 1
    assert (taken is not None) >= near
    if taken is not None:
        assert abs(taken - rfc6238.step_at(now)) <= 1
        assert rfc6238.accepted_step(secret, rfc6238.code(secret, taken), now, taken) is None


@given(st.text(max_size=8), TIMES)
def test_what_is_not_six_digits_is_no_code(text: str, at: int) -> None:
    if not (len(text) == 6 and text.isascii() and text.isdigit()):
        assert rfc6238.accepted_step(b"x" * 20, text, datetime.fromtimestamp(at, UTC), 0) is None


def test_the_address_for_apps() -> None:
    told = rfc6238.address(b"12345678901234567890", "Hirewire", "ada@hr.example")
    assert told.startswith("otpauth://totp/Hirewire:ada%40hr.example?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&")
