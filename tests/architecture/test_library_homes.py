"""Every third-party library has a home: what is not in this table may not be imported at all."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
OURS = ("hub", "connectors", "mappings", "ai_engine", "admin")
HOMES: dict[str, tuple[str, ...]] = {
    "aiohttp": ("hub/adapters/http", "hub/adapters/twins"),
    "aiosmtpd": ("hub/adapters/twins",),
    "aiosmtplib": ("hub/adapters/smtp",),
    "alembic": ("hub/adapters/db",),
    "apscheduler": ("hub/adapters/timer.py",),
    "argon2": ("hub/adapters/identity",),
    "asyncpg": ("hub/adapters/db",),
    "authlib": ("hub/adapters/oauth",),
    "botocore": ("hub/adapters/vault/kms.py",),
    "chinese_calendar": ("hub/adapters/workdays.py",),
    "click": ("hub/cli",),
    "cryptography": ("hub/adapters/vault", "hub/adapters/oauth"),
    "docx": ("ai_engine",),
    "fido2": ("hub/adapters/identity",),
    "granian": ("hub/cli",),
    "httptools": ("hub/adapters/http",),
    "icalendar": ("hub/sdk", "hub/adapters/twins"),  # one writes invitations, the other reads what arrived
    "joserfc": ("hub/adapters/oauth",),
    "jsonschema": ("mappings/canonical",),
    "jsonschema_rs": ("mappings/canonical",),
    "litestar": ("hub/web", "hub/asgi.py"),
    "msgspec": ("hub/web", "hub/adapters/twins", "mappings/documents.py", "ai_engine/resumes/sandbox"),
    "obstore": ("hub/adapters/objects",),
    "opentelemetry": ("hub/adapters/tracing.py",),
    "orjson": (
        "hub/web",
        "hub/cli",
        "hub/adapters/documents.py",
        "hub/adapters/http",
        "hub/adapters/logs.py",
        "hub/adapters/twins",
        "mappings/canonical",
    ),
    "prometheus_client": ("hub/adapters/metrics.py",),
    "pypdfium2": ("ai_engine",),
    "reportlab": ("ai_engine",),
    "requests": ("hub/adapters/tracing.py",),  # the session of the traces' exporter
    "sqlalchemy": ("hub/adapters/db",),
    "sqlmodel": ("hub/adapters/db",),
    "tenacity": ("hub/adapters/db",),
    "uvloop": ("hub/cli",),
    "yaml": (
        "hub/cli",
        "hub/app/evidence/controls.py",
        "hub/adapters/catalog",
        "hub/adapters/twins",
        "hub/app/rules/templates.py",
        "ai_engine",
        "mappings/codes",
    ),
    "yarl": ("hub/adapters/http", "hub/adapters/twins"),
}


def imports() -> dict[str, set[str]]:
    """Library -> the files of ours that import it."""
    found: dict[str, set[str]] = {}
    for package in OURS:
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                names = []
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                    names = [node.module]
                for name in names:
                    top = name.split(".")[0]
                    if top not in sys.stdlib_module_names and top not in OURS:
                        found.setdefault(top, set()).add(str(file.relative_to(ROOT)))
    return found


def test_every_library_is_at_home() -> None:
    astray = {
        library: sorted(files)
        for library, files in imports().items()
        if any(not file.startswith(HOMES.get(library, ())) for file in files)
    }
    assert astray == {}


def test_no_home_is_empty() -> None:
    assert set(HOMES) - set(imports()) == set()
