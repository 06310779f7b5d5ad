"""Shamir's secret sharing over GF(256), the field of AES: any `threshold` of the shares give the secret, fewer nothing.

A. Shamir, "How to share a secret", 1979. The same field and evaluation points as HashiCorp Vault's unseal keys use.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence

from hub.domain.errors import Invalid

Share = tuple[int, bytes]  # the point, 1 to 255, and the values there

_POLYNOMIAL = 0x11B


def split(secret: bytes, threshold: int, shares: int) -> list[Share]:
    """Raises Invalid (`bad_split`)."""
    if not 2 <= threshold <= shares <= 255 or not secret:
        raise Invalid("a secret is split into 2 to 255 shares, of which 2 or more give it back", code="bad_split")
    curves = [bytes([byte]) + secrets.token_bytes(threshold - 1) for byte in secret]
    return [(point, bytes(_at(curve, point) for curve in curves)) for point in range(1, shares + 1)]


def join(shares: Sequence[Share]) -> bytes:
    """The secret, if there are enough shares of one split; else some other bytes. Raises Invalid (`bad_share`)."""
    points = [point for point, _ in shares]
    if not shares or len(set(points)) < len(points) or 0 in points or len({len(values) for _, values in shares}) != 1:
        raise Invalid("these are no shares of one secret", code="bad_share")
    weights = [_weight(point, points) for point in points]
    columns = zip(*(values for _, values in shares), strict=True)
    return bytes(
        _sum(_times(value, weight) for value, weight in zip(column, weights, strict=True)) for column in columns
    )


def _at(curve: bytes, point: int) -> int:
    """The polynomial with these coefficients (constant first) at a point, by Horner."""
    value = 0
    for coefficient in reversed(curve):
        value = _times(value, point) ^ coefficient
    return value


def _weight(point: int, points: Sequence[int]) -> int:
    """The Lagrange basis polynomial of a point, at 0."""
    weight = 1
    for other in points:
        if other != point:
            weight = _times(weight, _times(other, _inverse(other ^ point)))
    return weight


def _sum(values: Iterable[int]) -> int:
    total = 0
    for value in values:
        total ^= value
    return total


def _times(a: int, b: int) -> int:
    """Product in the field, the same steps for all values."""
    product = 0
    for _ in range(8):
        product ^= a & -(b & 1)
        a = (a << 1) ^ (_POLYNOMIAL & -(a >> 7))
        b >>= 1
    return product


def _inverse(a: int) -> int:
    """a to the 254th."""
    result = 1
    for _ in range(254):
        result = _times(result, a)
    return result
