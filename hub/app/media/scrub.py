"""Walk over every copy of every recording, open all of it, and mend what rotted from the copy that is whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hub.app.media.media import Media
from hub.domain.errors import Conflict, NotFound
from hub.ports.media import Blobs
from hub.ports.meter import Meter

PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """What a walk found. `lost`: no copy is whole. `erased`: nobody may read it any more."""

    blobs: int
    damaged: int
    repaired: int
    lost: int
    erased: int


@dataclass(frozen=True, slots=True)
class Scrub:
    """One walk. `copies`: the places that should all hold everything."""

    media: Media
    copies: Sequence[Blobs]
    meter: Meter

    async def __call__(self) -> Scrubbed:
        counts = dict.fromkeys(("blobs", "damaged", "repaired", "lost", "erased"), 0)
        names: set[str] = set()
        for copy in self.copies:
            names |= {name async for name in copy.names("")}
        for name in sorted(names):
            counts["blobs"] += 1
            whole, broken, erased = await self._look(name)
            if erased:
                counts["erased"] += 1
                continue
            counts["damaged"] += len(broken)
            if broken and not whole:
                counts["lost"] += 1
                self.meter.note("media.lost", name=name)
            for copy in broken if whole else ():
                await self._mend(name, whole[0], copy)
                counts["repaired"] += 1
                self.meter.note("media.repaired", name=name)
        found = Scrubbed(**counts)
        self.meter.note("media.scrubbed", blobs=found.blobs, damaged=found.damaged, lost=found.lost)
        return found

    async def _look(self, name: str) -> tuple[list[Blobs], list[Blobs], bool]:
        """The copies that are whole, those that are not, and whether its key was destroyed."""
        whole, broken = [], []
        for copy in self.copies:
            try:
                await self.media.check(copy, name)
                whole.append(copy)
            except NotFound:
                broken.append(copy)
            except Conflict as error:
                if error.code == "key_destroyed":
                    return [], [], True
                broken.append(copy)
        return whole, broken, False

    async def _mend(self, name: str, good: Blobs, bad: Blobs) -> None:
        """Put the whole copy in the place of the broken one, then look again. Raises Conflict where that did not help."""
        size = await good.size(name)
        async with bad.begin(name, replace=True) as sink:
            for at in range(0, size, PIECE):
                await sink.write(await good.read(name, at, min(PIECE, size - at)))
            await sink.publish()
        await self.media.check(bad, name)
