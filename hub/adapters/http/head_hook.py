"""Posts signed heads as Standard Webhooks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

from hub.adapters.http.standard_webhooks import BadSecret, keys, sign
from hub.domain.connections import Connection, Lane
from hub.domain.errors import Invalid
from hub.domain.ids import ConnectionId, TenantId
from hub.ports.transport import Channel, HttpRequest, HttpResponse, NeedsReauth, NotSent, Transport, Unknown

LANE = ConnectionId(-1)
TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class HeadHook:
    """`hub.app.head_posts.Hook` over the guarded way out. Raises Invalid where the secret is none."""

    transport: Transport
    url: str
    secret: str = field(repr=False)

    def __post_init__(self) -> None:
        try:
            keys(self.secret)
        except BadSecret as error:
            raise Invalid(str(error), code="bad_setting", at="HIREWIRE_AUDIT_WEBHOOK_SECRET") from error

    async def post(self, id: str, body: bytes, at: datetime) -> bool:
        """See the port. Whatever is not 2xx was not taken."""
        stamp = int(at.timestamp())
        headers = {
            "content-type": "application/json",
            "webhook-id": id,
            "webhook-timestamp": str(stamp),
            "webhook-signature": sign(self.secret, id, stamp, body),
        }
        host = urlsplit(self.url).hostname or ""
        connection = Connection(LANE, TenantId(0), "", "audit heads", "", {}, Lane(timeout_s=TIMEOUT_S))
        request = HttpRequest("POST", self.url, headers=headers, body=body, auth="none")
        try:
            answer = await self.transport.send(Channel(connection, {}, {"allowed_hosts": [host]}), request)
        except (NotSent, Unknown, NeedsReauth):
            return False
        return isinstance(answer, HttpResponse) and 200 <= answer.status < 300
