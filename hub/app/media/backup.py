"""Recordings in backups: what is new is copied as it lies there, sealed; a part of the rest is read back every day.

Blobs are sealed under keys of persons and never change, so a copy is made once. Which ones belong to a backup is a signed list
beside it, made after the database was copied: what an event in it names is there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from hub.app.media.media import Media
from hub.domain.backups import read_id, signed_bytes, time_of
from hub.domain.errors import Conflict, HubError, NotFound
from hub.domain.ids import DEFAULT_TENANT
from hub.ports.clock import Clock
from hub.ports.media import Blobs
from hub.ports.meter import Meter
from hub.ports.objects import Objects
from hub.ports.signing import Signature, Signer
from mappings.documents import Document

PIECE = 1 << 20
LARGEST = 32 << 20  # of one blob: a part of a recording is half of it
LIST_LIMIT = 1 << 30
SHARES = 28  # of what was copied before, so many days pass until all of it was read back
FORMAT = "hirewire-media-1"
Copies = Mapping[str, tuple[int, str]]  # blob -> size, SHA-256 of it as it lies there


@dataclass(frozen=True, slots=True)
class MediaDrill:
    """What became of recordings in a backup. `faults` is empty where all that was read back is as it should be."""

    blobs: int
    copied: int
    compared: int
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MediaBackup:
    """Copies below `media/` of the place of backups."""

    media: Media
    objects: Objects
    signer: Signer
    clock: Clock
    meter: Meter
    keep: timedelta

    async def run(self, id: str) -> MediaDrill:
        """Copy what is not there yet, write the list of backup `id`, then read back what is new and one share of the rest."""
        there = {name.removeprefix("media/") for name in await self.objects.list("media/")}
        known = await self._newest()
        copies: dict[str, tuple[int, str]] = {}
        fresh: list[str] = []
        async for name in self.media.blobs.names(""):
            if name in there and name in known:
                copies[name] = known[name]
                continue
            try:
                content = await _whole(self.media.blobs, name)
            except NotFound:  # removed meanwhile
                continue
            await self.objects.put(f"media/{name}", content)
            copies[name] = (len(content), hashlib.sha256(content).hexdigest())
            fresh.append(name)
        await self._write(id, copies)
        share = self.clock.now().toordinal() % SHARES
        wanted = [*fresh, *(name for name in copies if name in there and _share(name) == share)]
        found = await self._compared(copies, sorted(set(wanted)))
        await self._drop(there)
        return MediaDrill(len(copies), len(fresh), *found)

    async def verify(self, id: str) -> MediaDrill:
        """Read back everything that the list of this backup names. Raises Conflict; NotFound where it has no list."""
        copies = await self._read(id)
        return MediaDrill(len(copies), 0, *await self._compared(copies, sorted(copies)))

    async def restore(self, id: str, to: Blobs) -> MediaDrill:
        """Put what is missing at `to` there; what is there stays."""
        copies, done, faults = await self._read(id), 0, []
        for name, wanted in sorted(copies.items()):
            try:
                content = await self._copy(name, wanted)
            except HubError as error:
                faults.append(f"recording {name}: {error.code}")
                continue
            async with to.begin(name) as sink:
                for at in range(0, len(content), PIECE):
                    await sink.write(content[at : at + PIECE])
                done += await sink.publish()
        return MediaDrill(len(copies), done, len(copies) - len(faults), tuple(faults))

    async def _compared(self, copies: Copies, names: Iterable[str]) -> tuple[int, tuple[str, ...]]:
        """The copy is what was copied, is what lies in the place of recordings today, and opens there."""
        done, faults = 0, []
        for name in names:
            try:
                content = await self._copy(name, copies[name])
                if hashlib.sha256(await _whole(self.media.blobs, name)).digest() != hashlib.sha256(content).digest():
                    raise Conflict("the copy is not what is there", code="copy_differs")
                done += 1
            except NotFound as error:
                if error.code == "no_media":  # removed since; the copy goes when its time is over
                    done += 1
                else:
                    faults.append(f"recording {name}: missing in the backup")
            except HubError as error:
                faults.append(f"recording {name}: {error.code}")
        return done, tuple(faults)

    async def _copy(self, name: str, wanted: tuple[int, str]) -> bytes:
        content = bytearray()
        async for piece in self.objects.get(f"media/{name}"):
            content += piece
            if len(content) > LARGEST:
                break
        if (len(content), hashlib.sha256(content).hexdigest()) != wanted:
            raise Conflict("the copy is not the one that was put there", code="backup_damaged")
        return bytes(content)

    async def _write(self, id: str, copies: Copies) -> None:
        body: Document = {"format": FORMAT, "id": id, "blobs": {name: [*one] for name, one in sorted(copies.items())}}
        signature = await self.signer.sign(DEFAULT_TENANT, signed_bytes(body))
        told = {
            "list": body,
            "key": signature.key,
            "public": signature.public.hex(),
            "signature": signature.value.hex(),
        }
        await self.objects.put(f"daily/{id}/media.json", json.dumps(told, indent=1).encode() + b"\n")

    async def _read(self, id: str) -> Copies:
        raw = bytearray()
        async for piece in self.objects.get(f"daily/{read_id(id)}/media.json"):
            raw += piece
            if len(raw) > LIST_LIMIT:
                raise Conflict("the list is too long to be one", code="not_a_backup")
        try:
            told = json.loads(raw)
            body = told["list"]
            signature = Signature(told["key"], bytes.fromhex(told["public"]), bytes.fromhex(told["signature"]))
            copies = {str(name): (int(size), str(sum_)) for name, (size, sum_) in body["blobs"].items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Conflict("not the list of a backup's recordings", code="not_a_backup") from error
        if body.get("id") != id or not self.signer.holds(signature, signed_bytes(body)):
            raise Conflict("the list of recordings was changed", code="backup_damaged")
        return copies

    async def _newest(self) -> Copies:
        """What the newest list that is whole says; without one everything is copied again."""
        for id_ in sorted(await self._listed(), reverse=True):
            try:
                return await self._read(id_)
            except HubError as error:
                self.meter.note("backup.media_list", backup=id_, code=error.code)
        return {}

    async def _listed(self) -> list[str]:
        return [name.split("/")[1] for name in await self.objects.list("daily/") if name.endswith("/media.json")]

    async def _drop(self, there: set[str]) -> None:
        """Copies of what no backup that is kept names any more."""
        edge, named = self.clock.now() - self.keep, set[str]()
        for id_ in await self._listed():
            if time_of(id_) >= edge:
                try:
                    named |= set(await self._read(id_))
                except HubError as error:  # rather too much is kept than what it may have named is dropped
                    self.meter.note("backup.media_list", backup=id_, code=error.code)
                    return
        for name in sorted(there - named):
            await self.objects.drop(f"media/{name}")


def _share(name: str) -> int:
    return hashlib.sha256(name.encode()).digest()[0] % SHARES


async def _whole(blobs: Blobs, name: str) -> bytes:
    size = await blobs.size(name)
    if size > LARGEST:
        raise Conflict("a blob is larger than any may be", code="media_too_large")
    return b"".join([await blobs.read(name, at, min(PIECE, size - at)) for at in range(0, size, PIECE)])
