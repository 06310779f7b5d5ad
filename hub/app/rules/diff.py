"""How one revision of a rule differs from another: in the words of its sentence, and in its parts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from hub.app.fieldbook import Fieldbook
from mappings.documents import Document

_WORD = re.compile(r"“[^”]*”|[A-Za-z0-9_.@%:+-]*[A-Za-z0-9_@%]|\s+|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Part:
    """A run of words: `same`, `removed` or `added`."""

    change: str
    text: str


def sentence_diff(before: Document | None, after: Document, fields: Fieldbook, language: str) -> list[Part]:
    """The two sentences as one: what stays, what goes, what comes, in order. Quoted names are never torn."""
    return list(_parts(_said(before, fields, language), fields.sentence(after, language)))


def _said(stored: Document | None, fields: Fieldbook, language: str) -> str:
    return "" if stored is None else fields.sentence(stored, language)


def _parts(before: str, after: str) -> Iterator[Part]:
    old, new = _WORD.findall(before), _WORD.findall(after)
    for change, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if change == "equal":
            yield Part("same", "".join(old[a:b]))
            continue
        if a < b:
            yield Part("removed", "".join(old[a:b]))
        if c < d:
            yield Part("added", "".join(new[c:d]))
