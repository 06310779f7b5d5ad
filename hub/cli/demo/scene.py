"""Sets the stage: an empty home, the local vendors, the configuration, the hub's processes."""

from __future__ import annotations

import json
import secrets
import shutil
import string
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import yaml

from hub.adapters.twins import TwinClient
from hub.cli.demo.api import Api
from hub.cli.demo.stage import Child, Stage, free_port
from hub.cli.demo.where import folder_of
from hub.cli.demo.words import Voice
from hub.domain.errors import Conflict, Unavailable
from hub.domain.rules import Catalogue, parse, sentence
from mappings.documents import Document

HOST, PORT = "127.0.0.1", 8080
MARK = ".hirewire-demo"
LEASE_S = 4.0
VENDORS = ("greenhouse", "checkr", "referral", "email")
SECRETS = {
    "greenhouse": ("client_secret", "webhook_secret", "partner_key"),
    "checkr": ("api_key",),
    "referral": ("api_token", "webhook_secret"),
    "email": (),
}
PLAIN = {"greenhouse": {"client_id": "hirewire-demo", "acting_user_id": "4001"}}  # as in hub.yaml
CONNECTION_OF = {"greenhouse": "ehr", "checkr": "background", "referral": "referrals", "email": "mail"}


class _Template(string.Template):
    braceidpattern = r"[a-z]+\.[a-z_]+"


@dataclass(slots=True)
class Scene:
    """Everything that runs. `worker` changes when it is killed and started again."""

    stage: Stage
    api: Api
    twins: dict[str, TwinClient]
    file: Path
    worker: Child


def clean(home: Path, keep: bool) -> None:
    """An empty home, or with `keep` the former one. Raises Conflict (`not_a_demo`) where it is somebody else's."""
    if home.exists() and any(home.iterdir()) and not (home / MARK).exists():
        raise Conflict(f"{home} was not made by the demo; give another --home", code="not_a_demo")
    if home.exists() and not keep:
        shutil.rmtree(home)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    (home / MARK).touch()


def settings_of(home: Path, port: int) -> dict[str, str]:
    """The hub's settings: this machine only, short delays, a short lease."""
    return {
        "HIREWIRE_HOME": str(home),
        "HIREWIRE_LISTEN": f"{HOST}:{port}",
        "HIREWIRE_LOOPS": "none",
        "HIREWIRE_EGRESS": "loopback",
        "HIREWIRE_RETRY_DELAYS": "0.5,1,2,3,5,8",
        "HIREWIRE_LEASE": f"{LEASE_S:g}",
        "HIREWIRE_LOG_FORMAT": "text",
    }


def open_port() -> int:
    """The hub's usual port, or a free one."""
    return free_port(HOST, PORT)


async def set_up(stage: Stage, leaving: AsyncExitStack, voice: Voice, port: int, speed: float) -> Scene:
    """Start all of it, in the order in which each needs the other."""
    voice.chapter("stage")
    keys = _secrets(stage.home)
    told = await _start_twins(stage, keys, speed)
    for name, line in told.items():
        if line["smtp_port"]:
            voice.say("mail_twin", name=name, port=line["smtp_port"])
        else:
            voice.say("twin", name=name, url=line["url"])
    file = stage.home / "hub.yaml"
    file.write_text(_filled(told), encoding="utf-8")
    voice.say("store", line=(await stage.run("migrate")).strip())
    voice.say("config", file=file)
    for change in (await stage.run("apply", str(file), "--yes")).splitlines():
        voice.say("change", 2, line=change)
    _tell_rules(file, voice)
    server = await stage.start("serve", "serve", "--no-migrate")
    worker = await stage.start("work", "work")
    token = (await stage.run("token", "make", "demo", "--all", "--quiet")).strip()
    api = Api(HOST, port, token)
    await stage.until("the API to be ready", lambda: _ready(api), 30)
    voice.say("serve", url=api.url, pid=server.process.pid, worker=worker.process.pid)
    twins = {name: await leaving.enter_async_context(TwinClient(str(line["url"]))) for name, line in told.items()}
    await _introduce(api, twins)
    return Scene(stage, api, twins, file, worker)


def _secrets(home: Path) -> dict[str, dict[str, str]]:
    folder = home / "secrets"
    folder.mkdir(mode=0o700, exist_ok=True)
    keys: dict[str, dict[str, str]] = {}
    for vendor, names in SECRETS.items():
        keys[vendor] = {}
        for name in names:
            path = folder / f"{vendor}.{name}"
            if not path.exists():
                path.touch(mode=0o600)
                path.write_text(secrets.token_hex(16))
            keys[vendor][name] = path.read_text()
    return keys


async def _start_twins(stage: Stage, keys: dict[str, dict[str, str]], speed: float) -> dict[str, Document]:
    plans = [{"folder": str(folder_of(name)), "secrets": {**PLAIN.get(name, {}), **keys[name]}} for name in VENDORS]
    config = {"state_dir": str(stage.home / "vendors"), "speed": speed, "twins": plans}
    child = await stage.start("vendors", "twin", "-", given=json.dumps(config).encode())
    told: dict[str, Document] = {}
    assert child.process.stdout is not None
    for _ in VENDORS:
        line = await child.process.stdout.readline()
        if not line:
            await child.process.wait()
            stage.check()
            raise Unavailable("the local vendors did not start", code="process_ended")
        ready: Document = json.loads(line)
        told[str(ready["twin"])] = ready
    return told


def _filled(told: dict[str, Document]) -> str:
    values = {
        f"{vendor}.{name}": str(value)
        for vendor, line in told.items()
        if isinstance(config := line["config"], dict)
        for name, value in config.items()
    }
    text = files("hub.cli.demo").joinpath("hub.yaml").read_text(encoding="utf-8")
    return _Template(text.replace("${...}", "What a vendor told us")).substitute(values)


def _tell_rules(file: Path, voice: Voice) -> None:
    voice.say("rules")
    for name, entry in yaml.safe_load(file.read_text(encoding="utf-8"))["rules"].items():
        body = parse(entry["rule"])
        catalogue = Catalogue.of_event(body.on, 1)
        voice.say(
            "rule", 2, name=name, sentence={tongue: sentence(body, catalogue, tongue) for tongue in voice.languages}
        )


async def _ready(api: Api) -> bool | None:
    return True if await api.ready() else None


async def _introduce(api: Api, twins: dict[str, TwinClient]) -> None:
    """Tell each vendor where our side of its connection is, as an administrator does in its settings."""
    views = {str(view["name"]): view for view in await api.every("connections")}
    for vendor, twin in twins.items():
        view = views[CONNECTION_OF[vendor]]
        addresses: Document = {}
        for setting, path in (("hook_url", "webhook_path"), ("partner_url", "partner_path")):
            if isinstance(view[path], str):
                addresses[setting] = f"{api.url}{view[path]}"
        if addresses:
            await twin.settings(addresses)
