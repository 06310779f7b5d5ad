"""When the story is over: nothing is under way in the hub, and no vendor still means to say something."""

from __future__ import annotations

from dataclasses import dataclass

from hub.adapters.twins import load
from hub.cli.demo.scene import VENDORS, Scene
from hub.cli.demo.where import folder_of


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hub, vendors, hub again: what lies between two equal looks at the hub did not move either."""

    scene: Scene

    async def found(self) -> bool | None:
        """True when all is quiet, None while it is not."""
        before = await self._hub()
        if before is None or await self._vendors_mean_something() or await self._hub() != before:
            return None
        return True

    async def _hub(self) -> tuple[int, int] | None:
        deliveries = await self.scene.api.listed("deliveries")
        if any(row["finished_at"] is None for row in deliveries):
            return None
        return len(deliveries), len(await self.scene.api.listed("events"))

    async def _vendors_mean_something(self) -> bool:
        for name in VENDORS:
            never = {s.name for s in load(folder_of(name)).file.scenarios if s.after_s is None}
            if any(line.get("scenario") not in never for line in await self.scene.twins[name].waiting()):
                return True
        return False
