"""Finds every stable error code in the code: where a named error is raised, as what, and what it says."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from hub.domain import errors
from hub.domain.permissions import Reason
from hub.ports import transport
from hub.web.problems import _CODES, status_of
from hub.web.signed import SAYS
from mappings.canonical.faults import _WORDS

ROOT = Path(__file__).parent.parent
# What a caller over HTTP can meet: the API, the use cases behind it, and what those ask.
OVER_HTTP = (
    "hub/web",
    "hub/app",
    "hub/domain",
    "hub/adapters/db",
    "hub/adapters/media",
    "hub/adapters/vault/field_vault.py",
    "hub/adapters/vault/stream.py",
    "hub/adapters/http/signatures.py",
)
# Only commands lead here: connections, mappings and schema are not changed over HTTP.
COMMANDS_ONLY = (
    "hub/app/configure.py",
    "hub/app/hours.py",
    "hub/app/advance.py",  # reasons why a run failed
    "hub/adapters/db/urls.py",
    "hub/adapters/db/engines.py",
    "hub/adapters/db/schema.py",
)
# Read as authors' mistakes by `hirewire check` and the twins, not as answers of the product.
ELSEWHERE = ("hub/sdk", "hub/adapters/twins", "hub/adapters/catalog")
ERRORS = {
    name: kind
    for home in (errors, transport)
    for name, kind in vars(home).items()
    if isinstance(kind, type) and issubclass(kind, errors.HubError)
}


def problem_codes() -> list[tuple[str, str, str]]:
    """(code, HTTP statuses or `-`, what it says), by code."""
    statuses: defaultdict[str, set[str]] = defaultdict(set)
    says: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for file, kind, code, text in _raised():
        statuses[code].add(_status(ERRORS[kind], code) if _over_http(file) else "-")
        if text:
            says[code][text] = None
    for code, text in _WORDS.items():
        statuses[code].add(_status(errors.Invalid, code))
        says[code].setdefault(f"a field {text}")
    for reason in Reason:  # what `decide` refuses for, as the guard says it
        if reason in SAYS:
            statuses[str(reason)].add("403")
            says[str(reason)].setdefault(SAYS[reason])
    for status, code in {**_CODES, 500: "internal"}.items():
        statuses[code].add(str(status))
        says[code].setdefault("the framework's own answer" if status != 500 else "a fault of ours; the log names it")
    return [(code, _joined(found), "; ".join(list(says[code])[:3])) for code, found in sorted(statuses.items())]


def _joined(statuses: set[str]) -> str:
    return ", ".join(sorted(statuses - {"-"})) or "-"


def _over_http(file: str) -> bool:
    return file.startswith(OVER_HTTP) and not file.startswith(COMMANDS_ONLY)


def _status(kind: type[errors.HubError], code: str) -> str:
    return str(status_of(kind, code))


def _raised() -> Iterator[tuple[str, str, str, str]]:
    """(file, error class, code, text) of every construction of a named error with a literal code."""
    for path in sorted((ROOT / "hub").rglob("*.py")):
        file = path.relative_to(ROOT).as_posix()
        if file.startswith(ELSEWHERE):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id not in ERRORS:
                continue
            given = next((k.value for k in node.keywords if k.arg == "code"), None)
            if given is None:
                yield file, node.func.id, ERRORS[node.func.id].code, _text(node)
            for code in _literals(given):
                yield file, node.func.id, code, _text(node)


def _literals(value: ast.expr | None) -> Iterator[str]:
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value
    elif isinstance(value, ast.IfExp):
        yield from _literals(value.body)
        yield from _literals(value.orelse)


def _text(node: ast.Call) -> str:
    """The message with … where a name or value is put in."""
    message = node.args[0] if node.args else None
    if isinstance(message, ast.Constant) and isinstance(message.value, str):
        return message.value
    if isinstance(message, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in message.values)
    return ""
