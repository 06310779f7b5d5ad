"""Pulls a twin's strings from another process, over its control endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

import aiohttp

from hub.domain.errors import Rejected, Unavailable
from mappings.documents import Document, Json


class TwinClient:
    """`async with TwinClient(url) as twin`. Raises Rejected for what the twin refuses, Unavailable if it is gone."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> TwinClient:
        self._session = aiohttp.ClientSession(trust_env=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def effects(self, kind: str | None = None) -> list[Document]:
        """Effects in order, repeats (`replayed`) included."""
        lines = _lines(await self._call("GET", "effects"))
        return [line for line in lines if kind in (None, line["kind"])]

    async def requests(self) -> list[Document]:
        """Requests in order, each with the fault applied."""
        return _lines(await self._call("GET", "requests"))

    async def sent(self) -> list[Document]:
        """Tries to send webhooks and partner calls."""
        return _lines(await self._call("GET", "sent"))

    async def waiting(self) -> list[Document]:
        """Plans and hooks that are still open."""
        return _lines(await self._call("GET", "waiting"))

    async def state(self) -> Document:
        """The vendor's records by collection."""
        return _document(await self._call("GET", "state"))

    async def config(self) -> Document:
        """What a connection to this twin has to be told."""
        return _document(await self._call("GET", "config"))

    async def faults(self, *faults: Document) -> None:
        """Append to the fault script: {match: {method, path}, times, do: {status, retry_after, hold, drop, ...}}."""
        await self._call("POST", "faults", list(faults))

    async def release(self) -> None:
        """Answer the calls that are held."""
        await self._call("POST", "release", {})

    async def reset(self) -> None:
        """Records back to the seed; the ledger stays."""
        await self._call("POST", "reset", {})

    async def hook(self, name: str, given: Document | None = None, times: int = 1) -> str:
        """Send a webhook now; returns its event id."""
        answer = _document(await self._call("POST", "hook", {"name": name, "with": given or {}, "times": times}))
        return str(answer["id"])

    async def play(self, scenario: str | None = None, id: str | None = None) -> int:
        """Run waiting plans at once; returns how many."""
        answer = _document(await self._call("POST", "play", {"scenario": scenario, "id": id}))
        return int(str(answer["played"]))

    async def settings(self, changes: Document) -> None:
        """Change hook_url, partner_url, speed, limit, token_ttl_s; or revoke the tokens."""
        await self._call("POST", "settings", changes)

    async def wait(self, of: str, match: Mapping[str, str], count: int = 1, timeout: float = 10.0) -> list[Document]:
        """Until `count` lines of effect, request or sent match. Raises TimeoutError."""
        asked = {**match, "of": of, "count": str(count), "timeout": str(timeout)}
        answer = _document(await self._call("GET", "wait", query=asked, within=timeout + 5))
        if answer["ok"] is not True:
            raise TimeoutError(f"waited {timeout:g} s for {count} of {of} {dict(match)}")
        return _lines(answer["lines"])

    async def wait_effect(self, kind: str, count: int = 1, timeout: float = 10.0) -> list[Document]:
        """Until `kind` happened `count` times, repeats not counted. Raises TimeoutError."""
        return await self.wait("effect", {"effect": kind}, count, timeout)

    async def _call(
        self, method: str, path: str, body: Json = None, query: Mapping[str, str] | None = None, within: float = 20.0
    ) -> Json:
        if self._session is None:
            raise Unavailable("the client is not open")
        try:
            async with self._session.request(
                method,
                f"{self.url}/_twin/{path}",
                json=body,
                params=query,
                timeout=aiohttp.ClientTimeout(total=within),
            ) as response:
                answer: Json = await response.json()
                status = response.status
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable("the twin does not answer", code="twin_gone") from error
        if status != 200:
            refused = _document(answer)
            raise Rejected(str(refused.get("detail", "refused")), code=str(refused.get("code", "rejected")))
        return answer


def _document(answer: Json) -> Document:
    return answer if isinstance(answer, dict) else {}


def _lines(answer: Json) -> list[Document]:
    return [line for line in answer if isinstance(line, dict)] if isinstance(answer, list) else []
