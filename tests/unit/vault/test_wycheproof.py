"""Primitives as this product uses them, against the vectors of Project Wycheproof (where they are from: wycheproof.json)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hub.adapters.vault import Wrapped, stream
from hub.adapters.vault.data_keys import hkdf
from hub.adapters.vault.envelope import HEADER, open_sealed, seal
from hub.adapters.vault.root_keys import RootSet
from hub.domain.errors import Conflict, Unavailable

VECTORS: dict[str, Any] = json.loads(Path(__file__).with_name("wycheproof.json").read_text("utf-8"))


def raw(*digits: str) -> list[bytes]:
    return [bytes.fromhex(one) for one in digits]


def test_there_are_as_many_vectors_as_were_chosen() -> None:
    assert {name: len(rows) for name, rows in VECTORS.items() if isinstance(rows, list)} == {
        "aes_gcm": 66,
        "aes_kwp": 94,
        "hkdf_sha256": 7,
        "hkdf_sha512": 19,
    }


def test_aes_gcm() -> None:
    for number, *digits, result in VECTORS["aes_gcm"]:
        key, nonce, bound, plain, sealed, tag = raw(*digits)
        head = bytes(HEADER)
        envelope = head + nonce + sealed + tag
        if result == "valid":
            assert seal(AESGCM(key), head, nonce, plain, bound) == envelope, number
            assert open_sealed(AESGCM(key), envelope, bound) == plain, number
        else:
            with pytest.raises(Conflict):
                open_sealed(AESGCM(key), envelope, bound)


def test_aes_key_wrap_with_padding() -> None:
    for number, *digits, result in VECTORS["aes_kwp"]:
        root, key, wrapped = raw(*digits)
        roots = RootSet("rk_1", {"rk_1": root})
        if result == "valid":
            assert roots.unwrap(Wrapped("rk_1", wrapped)) == key, number
            assert roots.wrap(key).key == wrapped, number
        else:
            with pytest.raises(Unavailable):
                roots.unwrap(Wrapped("rk_1", wrapped))


def test_hkdf() -> None:
    for number, *digits, result in VECTORS["hkdf_sha256"]:
        key, info, derived = raw(*digits)
        assert (hkdf(key, info)[: len(derived)] == derived) == (result == "valid"), number
    for number, *digits, result in VECTORS["hkdf_sha512"]:
        key, salt, info, derived = raw(*digits)
        assert (stream.hkdf(key, salt, info) == derived) == (result == "valid"), number
