"""What goes wrong on purpose: a vendor that fails twice, a worker that dies in mid-delivery, a webhook that is forged."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field

from hub.cli.demo.scene import CONNECTION_OF, LEASE_S, Scene
from hub.cli.demo.words import Voice
from hub.domain.errors import Rejected
from mappings.documents import Document

FAILING, HOLDING = "checkr", "referral"
HOLD_S = 60.0
WITHIN_S = 20.0


@dataclass(slots=True)
class Trouble:
    """Orders the faults, survives them, and tells what they cost."""

    scene: Scene
    voice: Voice
    _held: list[str] = field(default_factory=list)

    async def prepare(self) -> None:
        """Script the vendors before anything is sent to them."""
        orders: Document = {"method": "POST", "path": "*/invitations"}
        await self.scene.twins[FAILING].faults(
            {"match": orders, "do": {"status": 503}}, {"match": orders, "do": {"status": 429, "retry_after": 1}}
        )
        referrals: Document = {"method": "POST", "path": "*/referrals"}
        await self.scene.twins[HOLDING].faults({"match": referrals, "do": {"hold": True, "timeout_s": HOLD_S}})
        self.voice.say("faults", vendor=FAILING, held=HOLDING)

    async def power_cut(self) -> None:
        """Kill the worker while the vendor has the effect and we do not know it; start another one."""
        stage, twin = self.scene.stage, self.scene.twins[HOLDING]
        await twin.wait_effect("referrals.create", timeout=WITHIN_S)
        row = await stage.until("the referral to be alone under way", self._alone, WITHIN_S)
        self.voice.say("held", vendor=HOLDING, pid=self.scene.worker.process.pid)
        old = self.scene.worker
        await stage.kill(old)
        [row] = [r for r in await self.scene.api.listed("deliveries", state="leased") if r["id"] == row["id"]]
        self.voice.say("killed", pid=old.process.pid, delivery=row["id"], state=row["state"])
        self.scene.worker = await stage.start("work", "work")
        self.voice.say("restarted", pid=self.scene.worker.process.pid, lease=LEASE_S)
        await twin.release()
        self._held.append(str(row["id"]))

    async def _alone(self) -> Document | None:
        """The held delivery, once no mail is half said: SMTP cannot promise that a mail which is cut off comes once."""
        leased = await self.scene.api.listed("deliveries", state="leased")
        mails = await self.scene.api.listed("deliveries", connection=CONNECTION_OF["email"])
        if any(row["finished_at"] is None for row in mails):
            return None
        return next((row for row in leased if row["connection"] == CONNECTION_OF[HOLDING]), None)

    async def forge(self) -> None:
        """A webhook that says what we hope for, signed by somebody who lacks the key. Raises Rejected if it is believed."""
        views = await self.scene.api.every("connections")
        path = str(next(v["webhook_path"] for v in views if v["name"] == CONNECTION_OF[FAILING]))
        report: Document = {"id": secrets.token_hex(12), "status": "complete", "result": "clear"}
        body = json.dumps(
            {"id": secrets.token_hex(12), "type": "report.completed", "data": {"object": report}}
        ).encode()
        signature = hmac.new(secrets.token_bytes(16), body, hashlib.sha256).hexdigest()
        headers = {"x-checkr-signature": signature, "content-type": "application/json"}
        status, answer = await self.scene.api.call("POST", path, body, headers)
        code = answer.get("code") if isinstance(answer, dict) else None
        self.voice.say("forged", path=path, status=status, code=code)
        if status != 401:
            raise Rejected("a forged webhook was not refused", code="forgery_believed")

    async def tell(self) -> None:
        """Deliveries that needed more than one attempt, try by try; and what the vendor saw of the one that was held."""
        for row in reversed(await self.scene.api.listed("deliveries")):
            detail = await self.scene.api.one("deliveries", str(row["id"]))
            tries = detail["tries"] if isinstance(detail["tries"], list) else []
            if row["id"] not in self._held and len(tries) < 2:
                continue
            what = f"{row['connection']}: {row['what']}"
            self.voice.say("again", what=what, delivery=row["id"], attempts=max(int(str(row["attempts"])), len(tries)))
            for one in tries:
                if isinstance(one, dict):
                    error = f", {one['error']}" if one["error"] else ""
                    self.voice.say("try", 2, number=one["number"], outcome=one["outcome"], error=error)
        if self._held:
            await self._tell_key()

    async def _tell_key(self) -> None:
        lines = await self.scene.twins[HOLDING].effects("referrals.create")
        for key in dict.fromkeys(str(line["idempotency_key"]) for line in lines):
            mine = [line for line in lines if line["idempotency_key"] == key]
            applied = sum(line["replayed"] is False for line in mine)
            self.voice.say("one_effect", vendor=HOLDING, key=f"{key[:8]}…", count=len(mine), applied=applied)
