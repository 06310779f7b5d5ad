"""Try a connector without the vendor: its samples, over real sockets, against its twin."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.resources import files
from pathlib import Path

from hub.adapters.catalog import FolderCatalog
from hub.adapters.clock import SystemClock, SystemIds
from hub.adapters.http.guard import Guard
from hub.adapters.http.router import Router
from hub.adapters.twins import Twin, load, run_twin
from hub.app.configure import secret_names
from hub.app.delivery.converse import Talk, converse
from hub.domain.connections import Connection, Lane
from hub.domain.deliveries import Delivered, describe
from hub.domain.errors import HubError
from hub.domain.ids import DEFAULT_TENANT, ConnectionId
from hub.ports.connector import Connector, Job
from hub.ports.transport import Channel, Transport
from mappings.documents import Document
from mappings.engine import compile_mapping


@dataclass(frozen=True, slots=True)
class Trial:
    """One operation as it went."""

    operation: str
    good: bool
    outcome: str
    talk: tuple[Document, ...]


async def try_connector(name: str, operation: str | None = None) -> list[Trial]:
    """One trial per writing operation that has a sample which delivers, and the connection test. Raises NotFound."""
    catalog = FolderCatalog()
    connector, folder = catalog.get(name), catalog.folder(name)
    root = Path(str(files("connectors").joinpath(name)))
    if not (root / "twin.yaml").is_file():
        return []
    clock = SystemClock()
    ids = SystemIds(clock)
    secrets = {secret: ids.token(16) for secret in secret_names(connector)}
    guard = Guard(allow_loopback=True, allow_http=True, allow_config_hosts=True)
    transport = Router.build(guard, clock)
    jobs = _jobs(connector, [sample for _, sample in folder.samples], operation, clock.now())
    with tempfile.TemporaryDirectory() as state:
        async with run_twin(load(root), state_dir=Path(state), secrets={**_texts(connector), **secrets}) as twin:
            try:
                return await _all(connector, twin, secrets, transport, jobs)
            finally:
                await transport.close()


async def _all(
    connector: Connector, twin: Twin, secrets: dict[str, str], transport: Transport, jobs: list[Job]
) -> list[Trial]:
    """One after another; what an operation teaches (external ids) is known to the next, as for one real candidate.

    What calls off comes late, and what erases last: before, there has to be something.
    """
    trials: list[Trial] = []
    refs: dict[str, str] = {}
    last = connector.erases.operation if connector.erases is not None else None
    for job in sorted(jobs, key=lambda job: (job.operation == last, job.operation.startswith("cancel"))):
        trial, learnt = await _try(connector, twin, secrets, transport, replace(job, refs=dict(refs)))
        refs |= learnt
        trials.append(trial)
    return trials


async def _try(
    connector: Connector, twin: Twin, secrets: dict[str, str], transport: Transport, job: Job
) -> tuple[Trial, dict[str, str]]:
    config = {k: v for k, v in {**_texts(connector), **twin.config}.items() if k not in secrets}
    connection = Connection(ConnectionId(1), DEFAULT_TENANT, "con_trial", "trial", connector.name, config, Lane())
    talk = Talk()
    try:
        exchange = connector.run(replace(job, config=config))
        outcome = await converse(exchange, Channel(connection, secrets, connector.wire), transport, talk)
    except HubError as error:
        return Trial(job.operation, False, f"{error.code}: {error}", tuple(talk.lines)), {}
    said, why = describe(outcome)
    reference = f" ({outcome.reference})" if isinstance(outcome, Delivered) and outcome.reference else ""
    if why is not None and why.startswith("missing:order"):
        return Trial(job.operation, True, "not tried: it answers an order, and the twin has placed none", ()), {}
    text = f"{said}{f': {why}' if why else ''}{reference}"
    learnt = dict(outcome.refs) if isinstance(outcome, Delivered) else {}
    return Trial(job.operation, isinstance(outcome, Delivered), text, tuple(talk.lines)), learnt


def _jobs(connector: Connector, samples: list[Document], wanted: str | None, now: datetime) -> list[Job]:
    """The first delivering sample of each writing operation; ids of the vendor are learnt anew, not taken from the sample."""
    jobs: dict[str, Job] = {}
    event: Document = {"id": "evt_trial", "type": "hirewire.trial", "occurred_at": now.isoformat()}
    for sample in samples:
        name, outcome = sample.get("operation"), sample.get("outcome")
        operation = connector.operations.get(name) if isinstance(name, str) else None
        if operation is None or name in jobs or not (isinstance(outcome, dict) and "delivered" in outcome):
            continue
        if operation.safety != "write" or (wanted is not None and wanted != name):
            continue
        doc = _doc(connector, operation.mapping, sample)
        jobs[operation.name] = Job(operation.name, doc, {}, key=_key(operation.name), event=event, now=now)
    return list(jobs.values())


def _doc(connector: Connector, mapping: str | None, sample: Document) -> Document:
    doc = sample.get("doc")
    if isinstance(doc, dict):
        return doc
    payload, extra = sample.get("payload"), sample.get("extra")
    mapped = payload if isinstance(payload, dict) else {}
    if mapping is not None:
        mapped = compile_mapping(connector.mappings[mapping]).apply(mapped)
    return {**mapped, **(extra if isinstance(extra, dict) else {})}


def _texts(connector: Connector) -> Document:
    """A word for every required setting that is text; the twin's own settings come on top."""
    properties, required = connector.config_schema.get("properties"), connector.config_schema.get("required")
    fields = properties if isinstance(properties, dict) else {}
    names = required if isinstance(required, list) else []
    return {
        str(n): "trial"
        for n in names
        if isinstance(f := fields.get(str(n)), dict) and f.get("type") == "string" and "enum" not in f
    }


def _key(operation: str) -> str:
    return operation.encode().hex().ljust(32, "0")[:32]
