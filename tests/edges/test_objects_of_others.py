"""What one identity reads no other may get by its id: Schemathesis reads as one of eight, then asks as each of the others."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hub.adapters.db import migrate
from tests.edges.served import OTHER_TENANT, Served, served
from tests.support.hubs import TENANT, report

EXAMPLES, MANY_EXAMPLES = 10, 2_000
READS = ("events:read", "deliveries:read", "connections:read", "rules:read", "runs:read", "audit:read")
IDENTITIES: dict[str, tuple[Any, tuple[str, ...]]] = {  # name -> tenant, scopes; the first reads, the others may not
    "reader": (TENANT, READS),
    "sender": (TENANT, ("events:write",)),
    "camera": (TENANT, ("media:write",)),
    "approver": (TENANT, ("runs:decide", "role:hr_owner")),
    "stranger": (OTHER_TENANT, READS),
    "strange-sender": (OTHER_TENANT, ("events:write", "events:read")),
    "strange-camera": (OTHER_TENANT, ("media:write", "media:read")),
    "strange-operator": (OTHER_TENANT, ("deliveries:read", "connections:read")),
}
NO_TENANT_CHECK = """
from dataclasses import replace

from hub.domain.ids import DEFAULT_TENANT
from hub.web import deliveries

real = deliveries.caller_of


def caller_of(request):
    caller = real(request)
    return replace(caller, tenant=DEFAULT_TENANT) if "delivery_id" in request.path_params else caller


deliveries.caller_of = caller_of
"""  # one delivery is found by its id, whoever asks


def prepared(hub: Served, folder: Path) -> Path:
    """Something to read in the first tenant, eight identities; the tool's configuration."""

    async def act(opened: Any) -> dict[str, str]:
        secrets = {}
        for name, (tenant, scopes) in IDENTITIES.items():
            _, secrets[name] = await opened.access.make(tenant, name, scopes, "test")
        await opened.ingest(TENANT, [report(key=f"r-{n}", candidate=f"cand_{n}") for n in range(3)])
        return secrets

    users = [
        {"name": name, "fixedHeaders": [{"name": "Authorization", "value": f"Bearer {secret}"}]}
        for name, secret in hub.act(act).items()
    ]
    (folder / "wfc.json").write_text(json.dumps({"auth": users}), "utf-8")
    config = folder / "schemathesis.toml"
    config.write_text(f'[auth.wfc]\npath = "{folder}/wfc.json"\npeers = {json.dumps(list(IDENTITIES))}\n', "utf-8")
    return config


def checked(hub: Served, folder: Path, examples: int, *only: str) -> subprocess.CompletedProcess[str]:
    """One worker: the tool's own records are not made for two."""
    words = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(prepared(hub, folder)), "run"),
        *(f"http://127.0.0.1:{hub.port}/schema/openapi.json", "--checks", "object_level_authorization"),
        *(only or ("--include-method", "GET")),
        *("--max-examples", str(examples), "--seed", "1", "--workers", "1", "--no-color"),
        *("--generation-database", "none"),
    ]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=3000, check=False)


def test_nobody_gets_what_is_another_s(tmp_path: Path) -> None:
    migrate(f"sqlite:///{tmp_path}/hirewire.db")
    with served(tmp_path, f"sqlite:///{tmp_path}/hirewire.db") as hub:
        hub.start()
        told = checked(hub, tmp_path, EXAMPLES)
    assert told.returncode == 0, told.stdout[-4000:] + told.stderr[-1000:]


def test_a_planted_read_without_its_tenant_is_found(tmp_path: Path) -> None:
    migrate(f"sqlite:///{tmp_path}/hirewire.db")
    planted = tmp_path / "planted"
    planted.mkdir()
    (planted / "sitecustomize.py").write_text(NO_TENANT_CHECK, "utf-8")
    with served(tmp_path, f"sqlite:///{tmp_path}/hirewire.db") as hub:
        hub.environment["PYTHONPATH"] = f"{planted}:{hub.environment['PYTHONPATH']}"
        hub.start()
        told = checked(hub, tmp_path, EXAMPLES, "--include-operation-id-regex", "^(list|get)Deliver")
    assert told.returncode == 1, told.stdout[-4000:] + told.stderr[-1000:]
    assert "ST402" in told.stdout or "object_level_authorization" in told.stdout, told.stdout[-2000:]


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_nobody_gets_what_is_another_s_in_many_tries(tmp_path: Path) -> None:
    migrate(f"sqlite:///{tmp_path}/hirewire.db")
    with served(tmp_path, f"sqlite:///{tmp_path}/hirewire.db") as hub:
        hub.start()
        told = checked(hub, tmp_path, MANY_EXAMPLES)
    assert told.returncode == 0, told.stdout[-4000:] + told.stderr[-1000:]
