"""Several twins in a process of their own: ready lines, the client, a kill, the same state afterwards."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from hub.adapters.twins import TwinClient, read_config
from hub.domain.errors import Invalid

ROOT = Path(__file__).parents[2]


async def launch(config: dict[str, Any]) -> tuple[asyncio.subprocess.Process, list[dict[str, Any]]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "hub.adapters.twins",
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(config).encode())
    process.stdin.close()
    return process, [json.loads(await process.stdout.readline()) for _ in config["twins"]]


async def test_twins_in_another_process(tmp_path: Path) -> None:
    config: dict[str, Any] = {
        "state_dir": str(tmp_path),
        "speed": 100,
        "twins": [
            {"folder": str(ROOT / "connectors" / name), "secrets": secrets}
            for name, secrets in (
                ("checkr", {"api_key": "k"}),
                ("email", {}),
                ("webhook", {"signing_secret": "whsec_AAAA", "webhook_secret": "whsec_AAAA"}),
            )
        ],
    }
    process, ready = await launch(config)
    assert [line["twin"] for line in ready] == ["checkr", "email", "webhook"]
    assert ready[1]["config"]["port"] == ready[1]["smtp_port"]
    assert "whsec_AAAA" not in json.dumps(ready)
    async with TwinClient(ready[0]["url"]) as twin:
        assert (await twin.config())["base_url"] == ready[0]["url"] + "/v1"
        id = await twin.hook("report.completed", {"report": {"id": "r1"}})
        (sent,) = await twin.wait("sent", {"kind": "hook.report.completed"})
        assert sent["id"] == id
    process.kill()
    await process.wait()

    process, ready = await launch(config)
    async with TwinClient(ready[0]["url"]) as twin:
        assert [line["id"] for line in await twin.sent()] == [id]
    process.terminate()
    assert await process.wait() == 0


@pytest.mark.parametrize(
    "text", ["", "{}", '{"state_dir": "x", "twins": [{"folder": 1}]}', '{"state_dir": "x", "twins": [], "z": 1}']
)
def test_a_configuration_that_is_none(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_config(text)
    assert caught.value.code == "bad_config"
