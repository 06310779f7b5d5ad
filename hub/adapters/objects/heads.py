"""Signed ends of chains, one small JSON file each, in a folder or a bucket of their own."""

from __future__ import annotations

import json
from datetime import datetime

from hub.domain.audit import head_bytes
from hub.domain.errors import NotFound, Unavailable
from hub.domain.ids import TenantId
from hub.ports.audit import Head
from hub.ports.objects import Objects
from hub.ports.signing import Signature

_LARGEST = 10_000


class KeptHeads:
    """`hub.ports.audit.Heads`: `heads/tenant-1/2026-11-26/000000000042.json`."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def keep(self, head: Head) -> None:
        """See the port."""
        body = json.loads(head_bytes(head.tenant, head.seq, head.hash, head.at))
        signed = {
            "key": head.signature.key,
            "public": head.signature.public.hex(),
            "signature": head.signature.value.hex(),
        }
        name = f"{_folder(head.tenant)}{head.at:%Y-%m-%d}/{head.seq:012}.json"
        await self._objects.put(name, (json.dumps({**body, **signed}, sort_keys=True) + "\n").encode())

    async def kept(self, tenant: TenantId) -> list[Head]:
        """See the port. A file that is no head is left out: it vouches for nothing."""
        days: dict[str, list[str]] = {}
        for name in await self._objects.list(_folder(tenant)):
            days.setdefault(name.split("/")[-2], []).append(name)
        newest = max(days, default="")
        wanted = [name for day, names in sorted(days.items()) for name in (names if day == newest else names[-1:])]
        read = [await self._read(name) for name in wanted]
        return sorted((head for head in read if head is not None and head.tenant == tenant), key=lambda head: head.seq)

    async def _read(self, name: str) -> Head | None:
        raw = b""
        try:
            async for piece in self._objects.get(name):
                raw += piece
                if len(raw) > _LARGEST:
                    return None
            return read_head(raw)
        except (NotFound, ValueError, KeyError, TypeError):
            return None
        except Unavailable:
            raise


def read_head(raw: bytes) -> Head:
    """Raises ValueError, KeyError, TypeError where it is none."""
    body = json.loads(raw)
    signature = Signature(body["key"], bytes.fromhex(body["public"]), bytes.fromhex(body["signature"]))
    at = datetime.fromisoformat(body["at"])
    return Head(TenantId(int(body["tenant"])), int(body["seq"]), bytes.fromhex(body["hash"]), at, signature)


def _folder(tenant: TenantId) -> str:
    return f"heads/tenant-{tenant}/"
