"""The partner role: an ATS orders an AI interview from us and asks for its result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from hub.app.channels import Channels
from hub.app.identify import Identify
from hub.app.incoming import Incoming
from hub.app.ingest import Ingest
from hub.app.limits import Limiter
from hub.app.places import body_place, order_place
from hub.domain.audit import Act, Grade, Outcome
from hub.domain.connections import Connection
from hub.domain.errors import Invalid, NotFound
from hub.domain.limits import Limit
from hub.ports.clock import Clock, Ids
from hub.ports.connector import Endpoint
from hub.ports.people import Order
from hub.ports.store import Page, Store
from hub.ports.transport import Signatures
from hub.ports.vault import Vault, subject_owner
from mappings.documents import Document, Json, Missing, lookup

REPORT = "interview.report.completed"
PACKAGES: tuple[Document, ...] = (
    {"id": "ai-interview", "name": "AI interview", "names": {"en": "AI interview", "zh-CN": "AI 面试"}},
)


@dataclass(frozen=True, slots=True)
class Provide:
    """Answer one partner call."""

    store: Store
    vault: Vault
    channels: Channels
    signatures: Signatures
    ingest: Ingest
    identify: Identify
    clock: Clock
    ids: Ids
    limits: Limiter

    async def __call__(
        self, handle: str, method: str, path: str, headers: Mapping[str, str], query: Mapping[str, str], body: Json
    ) -> Json:
        """The vendor's answer body. Raises NotFound, Unauthorized, Invalid, Unavailable."""
        async with self.store.look() as look:
            connection = await look.connection_by_handle(handle)
        if connection is None:
            raise NotFound("there is no such address")
        connector = self.channels.connector(connection)
        endpoint = next((e for e in connector.endpoints if (e.method, e.path) == (method, path)), None)
        if endpoint is None:
            raise NotFound("there is no such address")
        self.signatures.authenticate(await self.channels.channel(connection), headers)
        await self.limits(Limit.HOOK, str(connection.id))
        match endpoint.serve:
            case "packages":
                return connector.answer(endpoint, {"packages": list(PACKAGES)})
            case "order_create":
                order = await self.order(connection, connector.order(endpoint, query, body))
                return connector.answer(endpoint, {"order": order})
            case "order_status":
                asked = connector.order(endpoint, query, body)
                return connector.answer(
                    endpoint, {"order": await self.status(connection, str(asked.get("order_id", "")))}
                )
            case _:
                return await self._complaint(connection, endpoint)

    async def order(self, connection: Connection, asked: Document) -> Document:
        """Record an order and tell the hub's rules; the same order again (one package, one candidate) is the same."""
        candidate = asked.get("candidate")
        email = candidate.get("email") if isinstance(candidate, dict) else None
        if not isinstance(candidate, dict) or not isinstance(email, str):
            raise Invalid("an order names a candidate with an e-mail address", code="missing", at="candidate.email")
        package = str(asked.get("package_id", ""))
        if package not in {p["id"] for p in PACKAGES}:
            raise Invalid("there is no such package", code="unknown_package", at="package_id")
        subject = await self.identify(connection.tenant, email)
        async with self.store.look() as look:
            known = await look.orders_of(connection.tenant, subject)
        for order in known:
            if (order.connection, order.package, order.status) == (connection.id, package, "open"):
                return await self._told(connection, order)
        await self.ingest.pressure(connection.tenant)
        now = self.clock.now()
        order_id = f"ord_{self.ids.token(12)}"
        await self.vault.prepare(connection.tenant, [subject_owner(subject)])
        sealed = self.vault.seal(
            order_place(connection.tenant, order_id, subject), json.dumps(asked, ensure_ascii=False).encode()
        )
        order = Order(order_id, connection.tenant, connection.id, package, subject, "open", sealed, now, now)
        async with self.store.work() as work:
            await work.put_order(order)
        return await self._told(connection, order)

    async def _told(self, connection: Connection, order: Order) -> Document:
        """The event is keyed by the order and made of what is stored: told again after a crash, never twice."""
        await self.vault.prepare(order.tenant, sealed=[order.body])
        asked = json.loads(self.vault.open(order_place(order.tenant, order.id), order.body))
        candidate = asked["candidate"]
        incoming = Incoming(
            type="interview.ordered",
            version=1,
            source=f"/connections/{connection.name}",
            key=order.id,
            subject=order.subject,
            data={
                "order": {
                    "id": order.id,
                    "package_id": order.package,
                    "requested_by": connection.name,
                    "status": order.status,
                },
                "candidate": {
                    "id": order.subject,
                    **{k: v for k, v in candidate.items() if k in ("name", "email", "phone")},
                },
            },
            occurred_at=order.created_at,
        )
        await self.ingest(connection.tenant, [incoming])
        return {"id": order.id, "status": order.status, "subject": order.subject, "package_id": order.package}

    async def status(self, connection: Connection, order_id: str) -> Document:
        """The order with its result, which is read from the newest report on its candidate."""
        async with self.store.look() as look:
            order = await look.order(order_id)
            if order is None or order.connection != connection.id:
                raise NotFound("there is no such order")
            reports = await look.events(order.tenant, Page(limit=1), type=REPORT, subject=order.subject)
        answer: Document = {
            "id": order.id,
            "status": order.status,
            "subject": order.subject,
            "package_id": order.package,
        }
        if reports and reports[0].received_at >= order.created_at:
            told = Act(
                *(self.clock.now(), order.tenant, connection.name, "report.tell", order.id),
                outcome=Outcome.ALLOWED,
                grade=Grade.PERSONAL,
            )
            async with self.store.work() as work:
                await work.audit(told)
            await self.vault.prepare(order.tenant, sealed=[reports[0].body])
            data = json.loads(self.vault.open(body_place(order.tenant, reports[0].id), reports[0].body))
            answer |= {
                "status": "completed",
                "score": _told(data, "report.overall.score"),
                "recommendation": _told(data, "report.overall.recommendation"),
                "scores": _told(data, "report.scores"),
                "report_id": _told(data, "report.id"),
            }
        return answer

    async def _complaint(self, connection: Connection, endpoint: Endpoint) -> Json:
        entry = Act(self.clock.now(), connection.tenant, connection.name, "order.error", endpoint.path)
        async with self.store.work() as work:
            await work.audit(entry)
        return {}


def _told(data: Document, path: str) -> Json:
    value = lookup(data, path)
    return None if isinstance(value, Missing) else value
