"""The hub's own API over HTTP, as an integrator's program would call it."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from hub.domain.errors import Rejected, Unavailable
from mappings.documents import Document, Json

EVENT, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
ANSWER_WITHIN_S = 20.0


@dataclass(frozen=True, slots=True)
class Api:
    """Calls to one hub. `token` is empty for calls that prove themselves (webhooks, health)."""

    host: str
    port: int
    token: str = ""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self.host}:{self.port}"

    async def post_events(self, events: list[Document]) -> list[str]:
        """The hub's ids of these CloudEvents, in order: they are durable now."""
        single = len(events) == 1
        answer = await self.ask("POST", "/v1/events", events[0] if single else list(events), EVENT if single else BATCH)
        accepted = answer.get("accepted") if isinstance(answer, dict) else None
        found = accepted if isinstance(accepted, list) else []
        return [str(one["event_id"]) for one in found if isinstance(one, dict)]

    async def identify(self, email: str) -> str:
        """The candidate's opaque id."""
        answer = await self.ask("POST", "/v1/candidates/identify", {"email": email})
        return str(answer["candidate_id"]) if isinstance(answer, dict) else ""

    async def listed(self, what: str, **query: str) -> list[Document]:
        """All pages of `events` or `deliveries`, newest first."""
        items: list[Document] = []
        asked = {"limit": "200", **query}
        while True:
            page = await self.ask("GET", f"/v1/{what}?{urlencode(asked)}")
            found, following = (page.get("items"), page.get("next")) if isinstance(page, dict) else (None, None)
            items += [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
            if not isinstance(following, str):
                return items
            asked["cursor"] = following

    async def one(self, *path: str) -> Document:
        """The object at `/v1/<path>`."""
        answer = await self.ask("GET", "/v1/" + "/".join(quote(part, safe="") for part in path))
        return answer if isinstance(answer, dict) else {}

    async def every(self, what: str) -> list[Document]:
        """A list that has no pages: `rules`, `connections`."""
        answer = await self.ask("GET", f"/v1/{what}")
        return [one for one in answer if isinstance(one, dict)] if isinstance(answer, list) else []

    async def ready(self) -> bool:
        """Whether events can be accepted."""
        try:
            return (await self.call("GET", "/health/ready"))[0] == 200
        except Unavailable:
            return False

    async def ask(self, method: str, path: str, body: Json = None, content_type: str = "application/json") -> Json:
        """The answer's body. Raises Rejected with the hub's own code where it refuses, Unavailable where it is away."""
        status, answer = await self.call(
            method, path, None if body is None else json.dumps(body).encode(), {"content-type": content_type}
        )
        if status >= 400:
            told = answer if isinstance(answer, dict) else {}
            raise Rejected(f"{method} {path}: {status} {told.get('detail', '')}", code=str(told.get("code", "refused")))
        return answer

    async def call(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Json]:
        """Status and JSON body of any answer. Raises Unavailable where none comes."""
        return await asyncio.to_thread(self._call, method, path, body, dict(headers or {}))

    def _call(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, Json]:
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        connection = http.client.HTTPConnection(self.host, self.port, timeout=ANSWER_WITHIN_S)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            raw = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"the hub at {self.url} does not answer", code="hub_away") from error
        finally:
            connection.close()
        try:
            return response.status, json.loads(raw) if raw else None
        except ValueError:
            return response.status, None
