"""What is held on a person, to take away: whole, in words, streamed, on the record."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from hub.app.subjects.export import Files
from hub.domain.errors import NotFound
from hub.ports.store import Store
from tests.app.test_media import VIDEO, send
from tests.support.hubs import START, TENANT, Bench, bench, report
from tests.support.subjects import CANDIDATE, approved, carried, told


async def read(files: Files) -> dict[str, bytes]:
    return {name: b"".join([piece async for piece in content]) async for name, content in files}


@pytest.fixture
async def on(store: Store) -> Bench:
    from hub.adapters.clock import ManualClock

    made = bench(store, clock=ManualClock(START))
    await made.hub.vault.prepare(TENANT)
    await told(made)
    return made


async def test_everything_is_there_for_machines_and_for_people(on: Bench) -> None:
    await on.accept(report(key="other", candidate="cand_2"))
    await on.deliver()
    await on.hub.holds.ask(TENANT, CANDIDATE, "the secret reason", "usr_hr")
    mine = await send(on.hub.media)
    steps: list[tuple[str, int]] = []
    files = await read(
        on.hub.export.files(
            TENANT, CANDIDATE, "usr_hr", recordings=True, progress=lambda name, count: steps.append((name, count))
        )
    )
    assert set(files) == {"data.json", "page.en.html", "page.zh-CN.html", f"recordings/{mine}.webm"}
    assert files[f"recordings/{mine}.webm"] == VIDEO
    found = json.loads(files["data.json"])
    [event] = found["events"]
    assert event["data"]["candidate"]["email"] == "ada@example.com"
    assert any("all" in line for line in event["decisions"]["en"])
    assert event["decisions"]["en"] != event["decisions"]["zh-CN"]
    by_name = {one["connection"]: one for one in found["deliveries"]}
    assert set(by_name) == {"ats", "referrals", "feed"}
    lineage = {one["field"]: one["from"] for one in by_name["referrals"]["fields"]}
    assert lineage["candidate.email"] == ["candidate.email"]
    [try_] = by_name["referrals"]["tries"]
    assert try_["made_with"]["mapping"].startswith("referral_out@")
    assert "ada@example.com" in json.dumps(try_["said"])
    assert [one["purpose"] for one in found["consents"]] == ["background_check"]
    assert [one["id"] for one in found["recordings"]] == [mine]
    assert found["recordings"][0]["size"] == len(VIDEO)
    assert [one["state"] for one in found["legal_holds"]] == ["asked"]
    assert "the secret reason" not in files["data.json"].decode()
    assert "cand_2" not in files["data.json"].decode()
    assert {act["action"] for act in found["acts"]} >= {"subject.export", "hold.ask"}
    assert ("events", 1) in steps
    english, chinese = files["page.en.html"].decode(), files["page.zh-CN.html"].decode()
    for page, label in ((english, "Primary e-mail"), (chinese, "主要邮箱")):
        assert label in page
        assert "ada@example.com" in page
        assert "<script" not in page
    async with on.hub.store.look() as look:
        acts = [row.act for row in await look.acts(TENANT, 50) if row.act.action == "subject.export"]
    assert [(act.actor, act.object, act.detail) for act in acts] == [("usr_hr", CANDIDATE, {"recordings": True})]


async def test_as_an_archive_and_nobody_who_is_not_known(b: Bench) -> None:
    await told(b)
    files = b.hub.export.files(TENANT, CANDIDATE, "usr_hr")
    whole = b"".join([piece async for piece in b.hub.export.zipped(files)])
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        assert archive.testzip() is None
        assert set(archive.namelist()) == {"data.json", "page.en.html", "page.zh-CN.html"}
        assert json.loads(archive.read("data.json"))["candidate"] == CANDIDATE
    with pytest.raises(NotFound):
        await read(b.hub.export.files(TENANT, "cand_nobody", "usr_hr"))


async def test_what_a_candidate_wrote_cannot_become_markup(b: Bench) -> None:
    await b.hub.keys.set_apart()
    told_ = report()
    told_.data["report"]["summary"] = {"en": "<script>alert(1)</script>"}  # type: ignore[index,call-overload]
    await b.accept(told_)
    files = await read(b.hub.export.files(TENANT, CANDIDATE, "usr_hr"))
    assert b"<script" not in files["page.en.html"]
    assert b"&lt;script&gt;" in files["page.en.html"]


async def test_of_an_erased_person_it_says_that_it_was_erased(b: Bench) -> None:
    await told(b)
    await carried(b, (await approved(b.hub.erasures)).id)
    files = await read(b.hub.export.files(TENANT, CANDIDATE, "usr_hr"))
    found = json.loads(files["data.json"])
    assert [(one["erased"], one["data"]) for one in found["events"]] == [(True, None)]
    assert all(one["tries"] == [{"erased": True}] for one in found["deliveries"])
    assert "ada@example.com" not in "".join(content.decode() for content in files.values())
    assert "已删除" in files["page.zh-CN.html"].decode()
