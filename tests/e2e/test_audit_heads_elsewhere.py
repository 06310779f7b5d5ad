"""Signed heads go to a real listener by webhook, again until they are taken; and hold there against what the database says."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from hub.adapters.clock import SystemClock
from hub.adapters.http.guard import Guard
from hub.adapters.http.head_hook import HeadHook
from hub.adapters.http.router import Router
from hub.adapters.http.standard_webhooks import verify
from hub.adapters.memory.heads import MemoryHeads
from hub.adapters.objects.heads import read_head
from hub.app.trail.heads import HeadPosts
from hub.app.trail.trail import Trail
from hub.domain.audit import Act, head_bytes
from hub.domain.errors import Invalid
from hub.ports.store import Store
from tests.support.hubs import START, TENANT, bench
from tests.support.sink import Asked, Sink, answered, listening

SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


@dataclass
class Notary(Sink):
    """Somebody else's place for heads: refuses at first, then keeps what is signed by the secret."""

    refuse: int = 0
    kept: dict[str, bytes] = field(default_factory=dict)

    async def answer(self, asked: Asked) -> bytes | None:
        self.tries[asked.key] += 1
        if self.tries[asked.key] <= self.refuse:
            return answered(b"503 Service Unavailable")
        stamp = asked.headers["webhook-timestamp"]
        wrong = verify(
            SECRET,
            asked.key,
            stamp,
            asked.headers["webhook-signature"],
            asked.raw,
            now=START.timestamp(),
            tolerance=9e9,
        )
        if wrong is not None:
            return answered(b"401 Unauthorized")
        self.kept[asked.key] = asked.raw
        return answered(b"204 No Content", b"")


async def test_they_are_told_until_they_are_taken_and_hold(store: Store) -> None:
    b = bench(store)
    trail = Trail(store, b.hub.trail.signer, MemoryHeads(), b.clock, b.meter, posted=True)
    guard = Guard(allow_loopback=True, allow_http=True, allow_config_hosts=True)
    router = Router.build(guard, SystemClock())
    async with listening(Notary(refuse=2)) as notary:
        posts = HeadPosts(store, HeadHook(router, f"{notary.url}/heads", SECRET), b.clock, b.meter)
        for number in range(3):
            async with store.work() as work:
                await work.audit(Act(b.clock.now(), TENANT, "tok", "event.read", f"evt_{number}", {}))
            await trail.sign_ends(now=True)
        assert await posts() == 0
        assert await posts() == 0  # not due yet
        assert sum(notary.tries.values()) == 3
        again = HeadPosts(store, posts.hook, b.clock, b.meter)  # another process, later
        taken = 0
        for _ in range(3):
            b.clock.advance(3600)
            taken += await again()
        assert taken == 3
        async with store.look() as look:
            assert await look.owed_heads(datetime(2100, 1, 1, tzinfo=UTC), 9) == []
            acts = {row.seq: row.hash for row in await look.acts_after(TENANT, 0, 99)}
        ours = await trail.signer.public_keys(TENANT)
        assert len(notary.kept) == 3
        for raw in notary.kept.values():
            head = read_head(json.dumps(json.loads(raw)["data"]).encode())
            assert head.signature.key in ours
            assert trail.signer.holds(head.signature, head_bytes(head.tenant, head.seq, head.hash, head.at))
            assert acts[head.seq] == head.hash
        assert [event for event, _ in b.meter.notes].count("audit.head_not_taken") == 6
    async with store.work() as work:
        await work.audit(Act(b.clock.now(), TENANT, "tok", "event.read", "evt_9", {}))
    await trail.sign_ends(now=True)
    assert await posts() == 0  # nobody listens any more: it stays owed
    async with store.look() as look:
        assert len(await look.owed_heads(datetime(2100, 1, 1, tzinfo=UTC), 9)) == 1
    await router.close()


async def test_a_post_that_is_forgotten_is_caught(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: what is settled although it was refused never comes."""

    async def taken(*_: object) -> bool:
        return True

    monkeypatch.setattr(HeadHook, "post", taken)
    with pytest.raises(AssertionError):
        await test_they_are_told_until_they_are_taken_and_hold(store)


def test_a_secret_that_is_none_is_refused() -> None:
    with pytest.raises(Invalid) as caught:
        HeadHook(None, "https://notary.example", "short")  # type: ignore[arg-type]
    assert caught.value.at == "HIREWIRE_AUDIT_WEBHOOK_SECRET"
