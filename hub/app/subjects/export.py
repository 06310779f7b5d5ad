"""A person's own data to take away: a machine's file, a page in each language, and the recordings where they are wanted."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from hub.app.subjects.gather import Gather
from hub.app.subjects.page import head, piece_head, tail, told
from hub.domain.audit import Act, Grade
from hub.domain.errors import NotFound
from hub.domain.ids import TenantId
from hub.ports.audit import Audit
from hub.ports.clock import Clock
from mappings.documents import Document

FORMAT = "hirewire-subject-1"
LANGUAGES = ("en", "zh-CN")
ENDINGS = {
    "video/webm": "webm", "video/mp4": "mp4", "audio/webm": "webm", "audio/ogg": "ogg", "audio/mp4": "m4a",
    "audio/mpeg": "mp3", "audio/wav": "wav", "application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png",
}  # fmt: skip
Files = AsyncIterator[tuple[str, AsyncIterator[bytes]]]
Progress = Callable[[str, int], None]  # a piece, and how many of it were told


@dataclass(frozen=True, slots=True)
class Export:
    """Nothing is kept beside what is stored, and no more than one event is in memory."""

    gather: Gather
    trail: Audit
    clock: Clock

    async def files(
        self, tenant: TenantId, subject: str, by: str, *, recordings: bool = False, progress: Progress | None = None
    ) -> Files:
        """(name, bytes) of every file, one after another; on the record before the first. Raises NotFound."""
        if not await self.known(tenant, subject):
            raise NotFound("nothing is known of this candidate")
        await self.note(tenant, subject, by, recordings)
        say = progress or (lambda _name, _count: None)
        yield "data.json", self._data(tenant, subject, say)
        for language in LANGUAGES:
            yield f"page.{language}.html", self._page(tenant, subject, language)
        if recordings:
            async for id_ in self.gather.media.of(tenant, subject):
                try:
                    medium = await self.gather.media.medium(tenant, id_)
                except NotFound:
                    continue  # not whole yet
                say("recordings", medium.size)
                name = f"recordings/{id_}.{ENDINGS.get(medium.content_type, 'bin')}"
                yield name, self.gather.media.play(medium, 0, medium.size)

    async def note(self, tenant: TenantId, subject: str, by: str, recordings: bool) -> None:
        """Put the export on record."""
        about: Document = {"recordings": recordings}
        await self.trail.note(
            Act(self.clock.now(), tenant, by, "subject.export", subject, about, grade=Grade.SENSITIVE)
        )

    async def known(self, tenant: TenantId, subject: str) -> bool:
        """Whether there is anything to export."""
        for name, piece in self.gather.pieces.items():
            if name != "acts":
                async for _ in piece(tenant, subject):
                    return True
        return False

    async def zipped(self, files: Files) -> AsyncIterator[bytes]:
        """The files as one archive, as it comes."""
        out = _Out()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            async for name, content in files:
                about = zipfile.ZipInfo(name, self.clock.now().timetuple()[:6])
                about.compress_type = zipfile.ZIP_STORED if name.startswith("recordings/") else zipfile.ZIP_DEFLATED
                with archive.open(about, "w", force_zip64=True) as entry:
                    async for piece in content:
                        entry.write(piece)
                        if written := out.take():
                            yield written
                if written := out.take():
                    yield written
        yield out.take()

    async def _data(self, tenant: TenantId, subject: str, say: Progress) -> AsyncIterator[bytes]:
        opened = {"format": FORMAT, "candidate": subject, "exported_at": self.clock.now().isoformat()}
        yield json.dumps(opened, ensure_ascii=False)[:-1].encode()
        for name, piece in self.gather.pieces.items():
            yield f',\n"{name}": ['.encode()
            count = 0
            async for one in piece(tenant, subject):
                yield (b",\n" if count else b"\n") + json.dumps(one, ensure_ascii=False).encode()
                count += 1
                if count % 100 == 0:
                    say(name, count)
            yield b"]"
            say(name, count)
        yield b"}\n"

    async def _page(self, tenant: TenantId, subject: str, language: str) -> AsyncIterator[bytes]:
        yield head(subject, self.clock.now(), language)
        for name, piece in self.gather.pieces.items():
            yield piece_head(name, language)
            async for one in piece(tenant, subject):
                yield told(name, one, language)
        yield tail()


class _Out(io.RawIOBase):
    """Takes what the archive writes and gives it away; it cannot go back."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]
        self._pieces.append(piece)
        return len(piece)

    def take(self) -> bytes:
        """What was written since."""
        found = b"".join(self._pieces)
        self._pieces.clear()
        return found
