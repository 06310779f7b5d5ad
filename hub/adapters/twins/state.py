"""The vendor's own records: collections, kept answers, plans and outgoing hooks, in memory and in a journal on disk."""

from __future__ import annotations

import copy
import fcntl
import hashlib
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from hub.adapters.twins.ledger import Journal
from hub.adapters.twins.spec import Collection
from hub.domain.errors import Conflict
from mappings.documents import Document, Json


def _locked(path: Path) -> IO[bytes]:
    """Held until closed or the process dies. Raises Conflict (`state_in_use`): two vendors cannot share their records."""
    file = path.open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise Conflict(f"another twin keeps its state in {path.parent.name}", code="state_in_use") from error
    return file


class State:
    """All changes of one act are one line of the journal, its effect included: a kill leaves all or nothing of it."""

    def __init__(self, folder: Path, collections: Mapping[str, Collection]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(folder / "lock")
        self.collections = collections
        self.items: dict[str, dict[str, Document]] = {name: {} for name in collections}
        self.answers: dict[str, Document] = {}
        self.plans: dict[str, Document] = {}
        self.outbox: dict[str, Document] = {}
        self.counts: dict[str, int] = {}
        self.effects = Journal(folder / "received.jsonl")
        self._pending: list[Json] = []
        self._effects: list[Document] = []
        self._journal = Journal(folder / "state.jsonl")
        self.salt = self._replay() or self._found()

    def _replay(self) -> str:
        salt, seen = "", 0
        for line in self._journal.lines:
            salt = str(line.get("salt", salt))
            ops, effects = line.get("ops"), line.get("effects")
            for op in ops if isinstance(ops, list) else []:
                if isinstance(op, list):
                    self._apply(*op)
            for effect in effects if isinstance(effects, list) else []:
                seen += 1
                if isinstance(effect, dict) and seen > len(self.effects.lines):
                    self.effects.append(effect)
        self._journal.lines.clear()
        return salt

    def _found(self) -> str:
        """A new vendor: the salt makes its ids differ from those of every other run."""
        salt = secrets.token_hex(8)
        self._journal.append({"salt": salt})
        self._journal.lines.clear()
        self._seed()
        return salt

    def _seed(self) -> None:
        for name, collection in self.collections.items():
            for item in collection.seed:
                self.put(name, dict(item))
        self.commit()

    def next_id(self, collection: str) -> Json:
        """A new id in the vendor's style; never given twice, not even after a reset."""
        count = self.counts.get(collection, 0) + 1
        self._do("count", collection, count)
        style = self.collections.get(collection, Collection())
        if style.first is not None:
            return style.first + count - 1
        digits = hashlib.sha256(f"{self.salt}/{collection}/{count}".encode()).hexdigest()
        return style.prefix + digits[: style.hex]

    def get(self, collection: str, id: Json) -> Document | None:
        """The item, or None. Do not change it: `put` a new one."""
        return self.items[collection].get(str(id))

    def put(self, collection: str, item: Document) -> None:
        """Add or replace an item by its `id`."""
        self._do("put", collection, copy.deepcopy(item))

    def remove(self, collection: str, id: Json) -> None:
        """Take an item away."""
        self._do("remove", collection, str(id))

    def keep_answer(self, key: str, answer: Document) -> None:
        """Remember the answer given under an idempotency key."""
        self._do("answer", key, answer)

    def plan(self, key: str, plan: Document | None) -> None:
        """Remember what the vendor means to do, or (None) that it is done."""
        self._do("plan", key, plan)

    def post(self, key: str, hook: Document | None) -> None:
        """Remember a hook that is on its way, or (None) that it has ended."""
        self._do("post", key, hook)

    def effect(self, effect: Document) -> Document:
        """Number an effect and put it into the current act."""
        numbered: Document = {"n": len(self.effects.lines) + len(self._effects) + 1, **effect}
        self._effects.append(numbered)
        return numbered

    def commit(self) -> None:
        """End of an act: write it."""
        if not self._pending and not self._effects:
            return
        line: Document = {"ops": self._pending}
        if self._effects:
            line["effects"] = list(self._effects)
        self._journal.append(line)
        self._journal.lines.clear()
        for effect in self._effects:
            self.effects.append(effect)
        self._pending, self._effects = [], []

    def reset(self) -> None:
        """Back to the seed; numbering goes on and what was received stays on record."""
        self._do("clear", "", None)
        self._seed()
        self.commit()

    def close(self) -> None:
        """Close the files."""
        self._journal.close()
        self.effects.close()
        self._lock.close()

    def _do(self, op: str, key: str, value: Json) -> None:
        self._apply(op, key, value)
        self._pending.append([op, key, value])

    def _apply(self, op: object, key: object, value: object) -> None:
        name = str(key)
        match op, value:
            case "put", dict():
                self.items.setdefault(name, {})[str(value.get("id"))] = value
            case "remove", _:
                self.items.setdefault(name, {}).pop(str(value), None)
            case "count", int():
                self.counts[name] = value
            case "answer" | "plan" | "post", _:
                shelf = {"answer": self.answers, "plan": self.plans, "post": self.outbox}[str(op)]
                if isinstance(value, dict):
                    shelf[name] = value
                else:
                    shelf.pop(name, None)
            case "clear", _:
                for shelf in (self.answers, self.plans, self.outbox, *self.items.values()):
                    shelf.clear()
