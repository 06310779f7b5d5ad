"""Recordings: taken in numbered parts that may be sent again, sealed by a manifest, played back in verified pieces.

A medium is a folder of blobs: `upload` (what it will be), `part-00001`, ..., `manifest` (which parts, in which order, how
large, with which digests), `unjudged` while a malware scanner has not seen it, `refused` when that found something. All of
it is sealed under the person's own key, so destroying that key erases it everywhere.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import json
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import cast

from hub.app.media.recordings import Keeps, Medium, Upload, column_of, name_of, read_folder
from hub.domain.errors import Conflict, Forbidden, Invalid, NotFound
from hub.domain.ids import TenantId
from hub.domain.subjects import HELD_CODE
from hub.ports.clock import Clock, Ids
from hub.ports.media import Blobs, MediaVault, OpenedStream, Part
from hub.ports.meter import Meter
from hub.ports.vault import DataClass, Owner, Place, Vault, subject_owner
from mappings.documents import Document

MAX_PART = 16 * 1024 * 1024
MAX_PARTS = 99_999
PIECE = 1 << 20  # bytes of plain text opened at once when a recording is played
SUM = 40  # a part's size and SHA-256
SUM_SEALED = SUM + 48
LINK_LIFE = timedelta(seconds=60)
ABANDONED = timedelta(days=7)
TYPES = frozenset(
    {
        *("video/webm", "video/mp4", "audio/webm", "audio/ogg", "audio/mp4", "audio/mpeg", "audio/wav"),
        *("application/pdf", "image/jpeg", "image/png"),
    }
)


@dataclass(frozen=True, slots=True)
class _Opened:
    name: str
    stream: OpenedStream


@dataclass(slots=True)
class Media:
    """Everything that is done with recordings. `uploads`: parts that are taken at the same time; the others wait."""

    blobs: Blobs
    vault: Vault
    streams: MediaVault
    clock: Clock
    ids: Ids
    meter: Meter
    uploads: int = 64
    keeps: Keeps | None = None  # whether a legal hold keeps what is about somebody
    quarantine: bool = False  # what is completed waits for a verdict
    _gate: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._gate = asyncio.Semaphore(self.uploads)

    async def begin(self, tenant: TenantId, subject: str | None, content_type: str) -> str:
        """The id of a new recording. Raises Invalid, Unavailable."""
        if content_type not in TYPES:
            raise Invalid("this kind of recording is not taken", code="media_type", at="content_type")
        if subject is not None and (not subject.isprintable() or not 0 < len(subject) <= 128):
            raise Invalid("a subject is 1 to 128 printable letters", code="unfit_text", at="subject")
        id = f"med_{self.ids.token(16)}"
        about: Document = {
            "subject": subject,
            "content_type": content_type,
            "created_at": self.clock.now().isoformat(),
        }
        await self._put(self._place(tenant, id, "upload", subject_owner(subject)), about)
        return id

    async def put_part(
        self, tenant: TenantId, id: str, number: int, data: AsyncIterable[bytes], sha256: bytes | None = None
    ) -> Part:
        """Take one part; durable when this returns. The same part again is the same.

        Raises NotFound, Invalid (`bad_part`, `part_too_large`, `digest_mismatch`), Conflict (`media_complete`,
        `part_differs`), Unavailable.
        """
        if not 1 <= number <= MAX_PARTS:
            raise Invalid(f"parts are numbered 1 to {MAX_PARTS}", code="bad_part", at="number")
        upload = await self.upload(tenant, id)
        if await self._there(name_of(tenant, id, "manifest")):
            raise Conflict("the recording is complete", code="media_complete")
        column = column_of(number)
        place = self._place(tenant, id, column, subject_owner(upload.subject))
        async with self._gate, self.blobs.begin(name_of(tenant, id, column)) as sink:
            await self.vault.prepare(tenant, [place.owner], data_class=DataClass.MEDIA)
            sealing, digest, size = self.streams.sealing_stream(place), hashlib.sha256(), 0
            async for piece in data:
                size += len(piece)
                if size > MAX_PART:
                    raise Invalid(f"a part has at most {MAX_PART} bytes", code="part_too_large")
                digest.update(piece)
                await sink.write(sealing.update(piece))
            if sha256 is not None and digest.digest() != sha256:
                raise Invalid("the part is not what its digest says", code="digest_mismatch", at="content-digest")
            await sink.write(sealing.finish())
            told = size.to_bytes(8, "big") + digest.digest()
            await self.vault.prepare(tenant, [place.owner], data_class=DataClass.MEDIA)
            await sink.write(self.vault.seal(self._place(tenant, id, f"{column}.sum", place.owner), told))
            fresh = await sink.publish()
        part = Part(number, size, digest.hexdigest())
        if not fresh and await self._part(tenant, id, number) != part:
            raise Conflict("this part was sent before with other content", code="part_differs")
        return part

    async def parts(self, tenant: TenantId, id: str) -> list[Part]:
        """The parts that are there, by number: what an interrupted sender need not send again. Raises NotFound."""
        await self.upload(tenant, id)
        folder = name_of(tenant, id, "")[:-1]
        numbers = sorted(
            [int(name[-5:]) async for name in self.blobs.names(folder) if name.startswith(f"{folder}/part-")]
        )
        return [await self._part(tenant, id, number) for number in numbers]

    async def complete(self, tenant: TenantId, id: str, count: int) -> Medium:
        """Seal the recording: exactly the parts 1 to `count`. Again is the same.

        Raises NotFound, Conflict (`parts_missing`, `media_complete` with another count).
        """
        if await self._there(name_of(tenant, id, "manifest")):
            there = await self.medium(tenant, id)
            if len(there.parts) != count:
                raise Conflict("the recording is complete with another number of parts", code="media_complete")
            return there
        upload, parts = await self.upload(tenant, id), await self.parts(tenant, id)
        if count < 1 or [part.number for part in parts] != list(range(1, count + 1)):
            raise Conflict(f"{len(parts)} parts are there and 1 to {count} are wanted", code="parts_missing")
        about: Document = {
            "version": 1,
            "subject": upload.subject,
            "content_type": upload.content_type,
            "size": sum(part.size for part in parts),
            "parts": [[part.size, part.sha256] for part in parts],
            "completed_at": self.clock.now().isoformat(),
        }
        owner = subject_owner(upload.subject)
        if self.quarantine:
            await self._put(self._place(tenant, id, "unjudged", owner), {"since": self.clock.now().isoformat()})
        await self._put(self._place(tenant, id, "manifest", owner), about)
        return await self.medium(tenant, id)

    async def upload(self, tenant: TenantId, id: str) -> Upload:
        """What was begun. Raises NotFound, Conflict (`key_destroyed`)."""
        if await self._there(name_of(tenant, id, "refused")):
            raise _malware()
        about = await self._get(tenant, id, "upload")
        subject = about["subject"]
        return Upload(
            subject if isinstance(subject, str) else None,
            str(about["content_type"]),
            datetime.fromisoformat(str(about["created_at"])),
        )

    async def medium(self, tenant: TenantId, id: str) -> Medium:
        """A complete recording. Raises NotFound, Conflict (`key_destroyed`, `sealed_elsewhere`)."""
        about = await self._get(tenant, id, "manifest")
        subject = about["subject"]
        listed = cast("list[tuple[int, str]]", about["parts"])
        parts = tuple([Part(number, size, sha256) for number, (size, sha256) in enumerate(listed, 1)])
        size = sum(part.size for part in parts)
        whose = subject if isinstance(subject, str) else None
        return Medium(tenant, id, whose, str(about["content_type"]), size, parts)

    async def play(self, medium: Medium, start: int, length: int) -> AsyncIterator[bytes]:
        """The bytes from `start` on, each piece verified before it is given. Raises Conflict where one is not whole."""
        at = 0
        for part in medium.parts:
            first, last = max(start, at), min(start + length, at + part.size)
            if first < last:
                opened = await self._open(self.blobs, medium.tenant, medium.id, part)
                for offset in range(first - at, last - at, PIECE):
                    wanted = min(PIECE, last - at - offset)
                    span = opened.stream.span(offset, wanted)
                    yield opened.stream.open(offset, wanted, await self.blobs.read(opened.name, *span))
            at += part.size

    async def delete(self, tenant: TenantId, id: str) -> None:
        """Remove every blob of a recording, the manifest first. Raises NotFound, Conflict (`legal_hold`)."""
        if await self._kept(tenant, id):
            raise Conflict("a legal hold keeps this recording", code=HELD_CODE)
        folder = name_of(tenant, id, "")[:-1]
        names = sorted([name async for name in self.blobs.names(folder)])
        if not names:
            raise NotFound("there is no such recording", code="no_media")
        for name in names:
            await self.blobs.delete(name)

    async def _kept(self, tenant: TenantId, id: str) -> bool:
        try:
            subject = (await self.upload(tenant, id)).subject
        except (NotFound, Conflict):
            return False
        return subject is not None and self.keeps is not None and await self.keeps(tenant, subject)

    async def of(self, tenant: TenantId, subject: str) -> AsyncIterator[str]:
        """The recordings of a person, whole or on their way in: every one of the tenant is looked at."""
        for id in await self._ids(tenant):
            with suppress(NotFound, Conflict):
                if (await self.upload(tenant, id)).subject == subject:
                    yield id

    async def shred(self, tenant: TenantId) -> int:
        """Remove what nobody can open any more because its key was destroyed, from every copy; how many."""
        gone = 0
        for id in await self._ids(tenant):
            try:
                await self.upload(tenant, id)
            except Conflict as error:
                if error.code == "key_destroyed":
                    await self.delete(tenant, id)
                    gone += 1
            except NotFound:
                continue  # the rest of a removal that was cut off: `sweep` ends it
        return gone

    async def _ids(self, tenant: TenantId) -> list[str]:
        return sorted({name.split("/")[1] async for name in self.blobs.names(str(tenant))})

    async def link(self, tenant: TenantId, id: str, bound_to: str, view: str | None = None) -> tuple[str, datetime]:
        """A token that plays the recording for 60 seconds, to `bound_to` alone and as this view. Raises NotFound."""
        medium = await self._judged(tenant, id)
        ends = self.clock.now() + LINK_LIFE
        place = self._place(tenant, id, "link", subject_owner(medium.subject))
        await self.vault.prepare(tenant, [place.owner], data_class=DataClass.MEDIA)
        told = json.dumps({"to": bound_to, "ends": ends.isoformat(), "view": view}).encode()
        return base64.urlsafe_b64encode(self.vault.seal(place, told)).decode().rstrip("="), ends

    async def follow(self, tenant: TenantId, id: str, link: str, bound_to: str) -> Medium:
        """The recording that a link plays. Raises Forbidden (`bad_link`): forged, another's, over, of another recording."""
        refused = Forbidden("the link does not play this recording here and now", code="bad_link")
        try:
            sealed = base64.urlsafe_b64decode(link + "=" * (-len(link) % 4))
            await self.vault.prepare(tenant, sealed=[sealed])
            told = json.loads(self.vault.open(self._place(tenant, id, "link", None), sealed))
        except (Conflict, binascii.Error, ValueError) as error:
            raise refused from error
        if told["to"] != bound_to or datetime.fromisoformat(told["ends"]) <= self.clock.now():
            raise refused
        return replace(await self._judged(tenant, id), view=told.get("view"))

    async def _judged(self, tenant: TenantId, id: str) -> Medium:
        """A recording that may be used. Raises Conflict (`media_quarantined`, `malware_found`) too."""
        if await self.waits(tenant, id):
            raise Conflict("the recording waits for the malware scanner", code="media_quarantined")
        if await self._there(name_of(tenant, id, "refused")):
            raise _malware()
        return await self.medium(tenant, id)

    async def waits(self, tenant: TenantId, id: str) -> bool:
        """Whether nobody has judged it yet."""
        return await self._there(name_of(tenant, id, "unjudged"))

    async def waiting(self) -> list[tuple[TenantId, str]]:
        """All complete ones that wait for a verdict."""
        names = {name async for name in self.blobs.names("")}
        folders = [name.rpartition("/")[0] for name in sorted(names) if name.endswith("/unjudged")]
        return [read_folder(folder) for folder in folders if f"{folder}/manifest" in names]

    async def let_go(self, medium: Medium) -> None:
        """It was judged clean."""
        await self.blobs.delete(name_of(medium.tenant, medium.id, "unjudged"))

    async def refuse(self, medium: Medium) -> None:
        """Its bytes go; that it was refused stays for a week."""
        place = self._place(medium.tenant, medium.id, "refused", subject_owner(medium.subject))
        await self._put(place, {"at": self.clock.now().isoformat()})
        kept = {name_of(medium.tenant, medium.id, blob) for blob in ("upload", "refused")}
        for name in sorted([name async for name in self.blobs.names(name_of(medium.tenant, medium.id, "")[:-1])]):
            if name not in kept:
                await self.blobs.delete(name)

    async def sweep(self) -> int:
        """Remove recordings that nobody completed within a week; how many."""
        folders: dict[str, set[str]] = {}
        async for name in self.blobs.names(""):
            folder, _, blob = name.rpartition("/")
            folders.setdefault(folder, set()).add(blob)
        gone = 0
        for folder in sorted(folder for folder, blobs in folders.items() if "manifest" not in blobs):
            tenant, id = read_folder(folder)
            if await self._abandoned(tenant, id) and not await self._kept(tenant, id):
                await self.delete(tenant, id)
                gone += 1
        return gone

    async def _abandoned(self, tenant: TenantId, id: str) -> bool:
        try:
            begun = str((await self._get(tenant, id, "upload"))["created_at"])
            return self.clock.now() - datetime.fromisoformat(begun) > ABANDONED
        except Conflict:  # its key was destroyed: nobody can complete it
            return True
        except NotFound:  # parts without a beginning: what a deletion left when it was cut off
            return True

    async def check(self, blobs: Blobs, name: str) -> None:
        """Open all of one blob. Raises Conflict, NotFound where it is not whole."""
        folder, _, column = name.rpartition("/")
        tenant, id = read_folder(folder)
        if not column.startswith("part-"):
            await self._read(blobs, tenant, id, column)
            return
        part = await self._part(tenant, id, int(column[5:]), blobs)
        opened = await self._open(blobs, tenant, id, part)
        digest = hashlib.sha256()
        for offset in range(0, part.size, PIECE):
            wanted = min(PIECE, part.size - offset)
            plain = opened.stream.open(offset, wanted, await blobs.read(name, *opened.stream.span(offset, wanted)))
            digest.update(plain)
        if digest.hexdigest() != part.sha256:
            raise Conflict("a part is not what its digest says", code="sealed_elsewhere")

    async def _open(self, blobs: Blobs, tenant: TenantId, id: str, part: Part) -> _Opened:
        name, place = name_of(tenant, id, column_of(part.number)), self._place(tenant, id, column_of(part.number), None)
        sealed = await blobs.size(name) - SUM_SEALED
        head = await blobs.read(name, 0, self.streams.head_size)
        tail = await blobs.read(name, *self.streams.tail(head, sealed))
        await self.streams.prepare_head(place, head)
        stream = self.streams.opening_stream(place, head, sealed, tail)
        if stream.size != part.size:
            raise Conflict("a part does not have the size that the manifest says", code="sealed_elsewhere")
        return _Opened(name, stream)

    async def _part(self, tenant: TenantId, id: str, number: int, blobs: Blobs | None = None) -> Part:
        blobs, column = blobs or self.blobs, column_of(number)
        name = name_of(tenant, id, column)
        at = max(0, await blobs.size(name) - SUM_SEALED)
        sealed = await blobs.read(name, at, SUM_SEALED)
        await self.vault.prepare(tenant, sealed=[sealed])
        told = self.vault.open(self._place(tenant, id, f"{column}.sum", None), sealed)
        return Part(number, int.from_bytes(told[:8], "big"), told[8:].hex())

    async def _put(self, place: Place, about: Document) -> None:
        await self.vault.prepare(place.tenant, [place.owner], data_class=DataClass.MEDIA)
        sealed = self.vault.seal(place, json.dumps(about).encode())
        async with self.blobs.begin(name_of(place.tenant, place.row, place.column)) as sink:
            await sink.write(sealed)
            await sink.publish()

    async def _get(self, tenant: TenantId, id: str, column: str) -> Document:
        found: Document = json.loads(await self._read(self.blobs, tenant, id, column))
        return found

    async def _read(self, blobs: Blobs, tenant: TenantId, id: str, column: str) -> bytes:
        name = name_of(tenant, id, column)
        sealed = await blobs.read(name, 0, await blobs.size(name))
        await self.vault.prepare(tenant, sealed=[sealed])
        return self.vault.open(self._place(tenant, id, column, None), sealed)

    async def _there(self, name: str) -> bool:
        try:
            await self.blobs.size(name)
        except NotFound:
            return False
        return True

    def _place(self, tenant: TenantId, id: str, column: str, owner: Owner | None) -> Place:
        return Place(tenant, "media", id, column, 1, DataClass.MEDIA, owner)


def _malware() -> Conflict:
    return Conflict("malware was found in this recording", code="malware_found")
