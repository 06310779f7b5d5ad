"""Backups: made sealed, read back and restored beside the live database, compared, kept for a bounded time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hub.app.media.backup import MediaBackup, MediaDrill
from hub.app.places import body_place
from hub.app.trail.trail import Trail
from hub.domain.backups import (
    Manifest,
    Part,
    backup_id,
    differences,
    read_id,
    read_manifest,
    signed_bytes,
    time_of,
)
from hub.domain.errors import Conflict, HubError, Invalid, NotFound
from hub.domain.ids import DEFAULT_TENANT, TenantId
from hub.ports.audit import Head, Heads
from hub.ports.backup import Copied, Copier, Digest, Opener, Sealed
from hub.ports.clock import Clock, Ids
from hub.ports.meter import Meter
from hub.ports.objects import Objects
from hub.ports.signing import Signature, Signer
from hub.ports.store import Page, Store
from hub.ports.vault import Vault
from mappings.documents import Document

MANIFEST_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class Drill:
    """One restore into a scratch database, compared. `faults` is empty where all was as it should be."""

    id: str
    seconds: float
    rows: int
    faults: tuple[str, ...]
    blobs: int = 0  # recordings' blobs that were read back or restored


@dataclass(frozen=True, slots=True)
class Listed:
    """A backup as it lies there."""

    id: str
    size: int
    rows: int
    verified: bool
    signed: bool


@dataclass(frozen=True, slots=True)
class Backup:
    """Everything about whole backups. `keys` is another place than `objects`, best with other credentials."""

    copier: Copier
    objects: Objects
    keys: Objects
    store: Store
    trail: Trail
    signer: Signer
    clock: Clock
    ids: Ids
    meter: Meter
    scratch: Path
    with_file_key: Callable[[bytes], Opener]
    keep: timedelta
    media: MediaBackup | None = None

    async def run(self) -> Drill:
        """Make one, read it back from where it lies, restore and compare it. Raises Conflict (`backup_not_verified`)."""
        self.scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        with TemporaryDirectory(prefix="sealed-", dir=self.scratch) as folder:
            manifest, copied = await self._make(Path(folder))
        self.meter.backup("made", self.clock.now())
        drill = await self._drill(
            manifest, self.with_file_key(copied.database.file_key), self.with_file_key(copied.keys.file_key)
        )
        if self.media is not None:
            drill = self._with_media(drill, await self.media.run(drill.id))
        await self._conclude(drill)
        await self._drop_old()
        return drill

    async def verify(self, id: str, opener: Opener) -> Drill:
        """Restore and compare one by the secret that lies elsewhere. Raises NotFound, Conflict."""
        drill = await self._drill(await self.manifest(id), opener, opener)
        if self.media is not None and await self._has_media(id):
            drill = self._with_media(drill, await self.media.verify(id))
        await self._conclude(drill)
        return drill

    async def restore(self, id: str, opener: Opener, address: str) -> Drill:
        """Fill the empty database at `address`, compare it; bring back recordings that are not there.

        Raises Conflict (`not_empty`), before anything is touched.
        """
        manifest = await self.manifest(id)
        if manifest.store != self.copier.kind:
            raise Invalid(f"this is a backup of {manifest.store}", code="other_store", at="to")
        if not await self.copier.empty(address):
            raise Conflict("there is a database with tables at this address; nothing was touched", code="not_empty")
        drill = await self._into(address, manifest, opener, opener)
        if self.media is not None and await self._has_media(id):
            drill = self._with_media(drill, await self.media.restore(id, self.media.media.blobs))
        return drill

    async def _has_media(self, id: str) -> bool:
        """Backups of older versions have no recordings."""
        return f"daily/{id}/media.json" in await self.objects.list(f"daily/{id}/")

    def _with_media(self, drill: Drill, media: MediaDrill) -> Drill:
        self.meter.backup_media(media.blobs, media.copied, media.compared)
        self.meter.note(
            "backup.media", backup=drill.id, blobs=media.blobs, copied=media.copied, compared=media.compared
        )
        return replace(drill, faults=(*drill.faults, *media.faults), blobs=media.compared)

    async def listed(self) -> list[Listed]:
        """Newest first. What has no manifest is not whole and not listed."""
        names = await self.objects.list("daily/")
        ids = sorted({name.split("/")[1] for name in names if name.endswith("/manifest.json")}, reverse=True)
        found = []
        for id_ in ids:
            try:
                manifest, signed = await self._manifest(id_)
            except HubError:
                continue
            rows = sum(count for count, _ in manifest.tables.values())
            size = manifest.database.size + manifest.keys.size
            found.append(Listed(id_, size, rows, f"daily/{id_}/verified.json" in names, signed))
        return found

    async def tell(self) -> None:
        """Tell the meter how old the newest ones are, as they lie there; 0 where there is none."""
        names = await self.objects.list("daily/")
        for step, end in (("made", "/manifest.json"), ("verified", "/verified.json")):
            ids = [name.split("/")[1] for name in names if name.endswith(end)]
            self.meter.backup(step, time_of(max(ids)) if ids else None)

    async def manifest(self, id: str) -> Manifest:
        """Raises NotFound, Conflict (`not_a_backup`)."""
        return (await self._manifest(read_id(id)))[0]

    async def _make(self, folder: Path) -> tuple[Manifest, Copied]:
        began, now = self.clock.monotonic(), self.clock.now()
        copied = await self.copier.copy(folder)
        id_ = backup_id(now, self.ids.token(2))
        await self.keys.put(f"keys/{id_}/keys.hwbk", copied.keys.path)
        await self.objects.put(f"daily/{id_}/database.hwbk", copied.database.path)
        async with self.store.look() as look:
            chains = {chain.tenant: (chain.seq, chain.hash.hex()) for chain in await look.chains()}
        manifest = Manifest(
            id=id_,
            store=self.copier.kind,
            schema=copied.schema,
            made_at=now,
            seconds=round(self.clock.monotonic() - began, 3),
            tables=_plain(copied.tables),
            chains={int(tenant): end for tenant, end in chains.items()},
            database=_part(copied.database),
            keys=_part(copied.keys),
        )
        body = manifest.document()
        signature = await self.signer.sign(DEFAULT_TENANT, signed_bytes(body))
        signed: Document = {
            "manifest": body,
            "key": signature.key,
            "public": signature.public.hex(),
            "signature": signature.value.hex(),
        }
        await self.objects.put(f"daily/{id_}/manifest.json", json.dumps(signed, indent=1).encode() + b"\n")
        return manifest, copied

    async def _drill(self, manifest: Manifest, database: Opener, keys: Opener) -> Drill:
        if manifest.store != self.copier.kind:
            raise Invalid(f"this is a backup of {manifest.store}", code="other_store")
        async with self.copier.scratch() as address:
            return await self._into(address, manifest, database, keys)

    async def _into(self, address: str, manifest: Manifest, database: Opener, keys: Opener) -> Drill:
        began, id_ = self.clock.monotonic(), manifest.id
        await self.copier.restore(
            address,
            database(_checked(self.objects.get(f"daily/{id_}/database.hwbk"), manifest.database)),
            keys(_checked(self.keys.get(f"keys/{id_}/keys.hwbk"), manifest.keys)),
        )
        tables = _plain(await self.copier.digests(address))
        faults = [*differences(manifest, tables), *await self._inside(address, manifest)]
        rows = sum(count for count, _ in tables.values())
        return Drill(id_, round(self.clock.monotonic() - began, 3), rows, tuple(faults))

    async def _inside(self, address: str, manifest: Manifest) -> list[str]:
        """The audit chains of the copy hold, and what is sealed in it opens."""
        store, vault, signer = self.copier.open(address)
        try:
            async with store.look() as look:
                chains = await look.chains()
            faults = []
            for chain in chains:
                known, tenant = manifest.chains.get(chain.tenant, (0, ""))[0], chain.tenant
                trail = Trail(store, signer, _UpTo(self.trail.heads, chain.seq), self.clock, self.meter)
                fault = (await trail.verify(tenant)).fault
                if fault is not None:
                    faults.append(f"audit of tenant {tenant}: act {fault.seq} {fault.code}")
                if chain.seq > known:  # the manifest was written right after the copy
                    faults.append(f"audit of tenant {tenant}: {chain.seq} acts, {known} known")
                faults += await _opens(store, vault, tenant)
            return faults
        except HubError as error:
            return [f"the copy cannot be read: {error.code}"]
        finally:
            await store.close()

    async def _conclude(self, drill: Drill) -> None:
        if drill.faults:
            self.meter.note("backup.not_verified", backup=drill.id, faults=len(drill.faults))
            raise Conflict(f"{drill.id}: {'; '.join(drill.faults)[:500]}", code="backup_not_verified")
        told = {"at": self.clock.now().isoformat(), "seconds": drill.seconds, "rows": drill.rows, "blobs": drill.blobs}
        await self.objects.put(f"daily/{drill.id}/verified.json", json.dumps(told).encode() + b"\n")
        self.meter.backup("verified", time_of(drill.id))
        self.meter.note("backup.verified", backup=drill.id, rows=drill.rows, seconds=drill.seconds)

    async def _drop_old(self) -> None:
        """Past the time to keep: with them goes the last chance to open what was erased since. Never the newest good one."""
        names = await self.objects.list("daily/")
        good = max((name.split("/")[1] for name in names if name.endswith("/verified.json")), default="")
        edge = self.clock.now() - self.keep
        for objects, folder in ((self.objects, "daily/"), (self.keys, "keys/")):
            for name in await objects.list(folder):
                id_ = name.split("/")[1]
                if id_ < good and time_of(read_id(id_)) < edge:
                    await objects.drop(name)

    async def _manifest(self, id: str) -> tuple[Manifest, bool]:
        raw = b""
        async for piece in self.objects.get(f"daily/{id}/manifest.json"):
            raw += piece
            if len(raw) > MANIFEST_LIMIT:
                raise Conflict("the manifest is too long to be one", code="not_a_backup")
        try:
            told = json.loads(raw)
            body = told["manifest"]
            signature = Signature(told["key"], bytes.fromhex(told["public"]), bytes.fromhex(told["signature"]))
        except (ValueError, KeyError, TypeError) as error:
            raise Conflict("not the manifest of a backup", code="not_a_backup") from error
        return read_manifest(body), self.signer.holds(signature, signed_bytes(body))


@dataclass(frozen=True, slots=True)
class _UpTo:
    """The heads that a copy can know of."""

    heads: Heads
    last: int

    async def keep(self, head: Head) -> None:
        raise NotFound(f"a copy keeps no heads, not even {head.seq}")

    async def kept(self, tenant: TenantId) -> list[Head]:
        return [head for head in await self.heads.kept(tenant) if head.seq <= self.last]


async def _opens(store: Store, vault: Vault, tenant: TenantId) -> list[str]:
    """Whether the newest event's body opens; there may be none."""
    async with store.look() as look:
        events = await look.events(tenant, Page(limit=1))
    if not events:
        return []
    try:
        await vault.prepare(tenant, sealed=[events[0].body])
        vault.open(body_place(tenant, events[0].id), events[0].body)
    except HubError as error:
        return [f"sealed data of tenant {tenant} does not open: {error.code}"]
    return []


async def _checked(content: AsyncIterator[bytes], part: Part) -> AsyncIterator[bytes]:
    """The content, and at its end whether it is what was put there."""
    digest, size = hashlib.sha256(), 0
    async for piece in content:
        digest.update(piece)
        size += len(piece)
        yield piece
    if (size, digest.hexdigest()) != (part.size, part.sha256):
        raise Conflict("the file is not the one that was put there", code="backup_damaged")


def _plain(tables: Mapping[str, Digest]) -> dict[str, tuple[int, str]]:
    return {name: (digest.rows, digest.sum) for name, digest in tables.items()}


def _part(sealed: Sealed) -> Part:
    return Part(sealed.size, sealed.sha256)
