"""Stored documents read quickly, where tens of thousands are read at once."""

from __future__ import annotations

import json

import orjson

from mappings.documents import Document


def decode(plain: bytes) -> Document:
    """The document. What the fast reader refuses (integers beyond 64 bits, half surrogates) the patient one takes."""
    try:
        found: Document = orjson.loads(plain)
    except orjson.JSONDecodeError:
        found = json.loads(plain)
    return found
