"""The story, step by step; everything that is said was read from the engine, the hub or the vendors."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from hub.adapters.clock import SystemClock
from hub.cli.demo.people import CONSENTS, Person, Pile, applications, gather, interview, report_event
from hub.cli.demo.quiet import Quiet
from hub.cli.demo.scene import Scene
from hub.cli.demo.trouble import Trouble
from hub.cli.demo.words import Voice, brief
from hub.domain.errors import Rejected
from mappings.documents import Document, Json

WITHIN_S = 40.0


@dataclass(slots=True)
class Story:
    """One run. `acknowledged` are the ids of the events that the hub said it has."""

    scene: Scene
    voice: Voice
    run: str
    clock: SystemClock = field(default_factory=SystemClock)
    acknowledged: list[str] = field(default_factory=list)

    async def play(self) -> Pile:
        """Steps 1 to 4; when it returns nothing is under way any more."""
        pile = await self.apply()
        reports = await self.interview(pile)
        await self.decide(reports)
        await self.check(pile)
        return pile

    async def apply(self) -> Pile:
        """Step 1: the pile is read, ranked and told to the hub."""
        self.voice.chapter("step1")
        api, stage = self.scene.api, self.scene.stage
        pile = await gather(stage.home / "resumes", api, self.voice, self.run, self.clock.now())
        self.acknowledged += await api.post_events(applications(pile, self.clock.now()))
        self.voice.say("applied", count=len(self.acknowledged))

        async def filed() -> int | None:
            state = await self.scene.twins["greenhouse"].state()
            known = json.dumps(state["candidates"])
            return len(pile.people) if all(p.email in known for p in pile.people) else None

        self.voice.say("on_file", count=await stage.until("a file in the e-HR for every candidate", filed, WITHIN_S))
        return pile

    async def interview(self, pile: Pile) -> list[tuple[Person, Document]]:
        """Step 2: what the e-HR orders through our partner endpoint is held and reported."""
        self.voice.chapter("step2")
        wanted = len(
            [e for p in pile.people for e in await self._events("application.screened", p) if await self._invites(e)]
        )

        async def ordered() -> list[Document] | None:
            found = await self.scene.api.listed("events", type="interview.ordered")
            mine = [e for e in found if any(p.subject == e["subject"] for p in pile.people)]
            return mine if len(mine) >= wanted else None

        orders = await self.scene.stage.until(f"{wanted} orders of the e-HR", ordered, WITHIN_S)
        reports = []
        for order in sorted(orders, key=lambda e: pile.by_subject(e["subject"]).match.rank or 0):
            person, number = pile.by_subject(order["subject"]), str(order["source_id"])
            self.voice.say("ordered", name=person.name, order=number)
            self.voice.say("consents", 2, name=person.name, purposes=", ".join(CONSENTS))
            session = interview(person, pile, self.voice)
            reports.append((person, report_event(person, pile, session, number, self.voice, self.clock.now())))
        return reports

    async def decide(self, reports: list[tuple[Person, Document]]) -> None:
        """Step 3: reports in, decisions told, trouble survived, effects shown."""
        self.voice.chapter("step3")
        trouble = Trouble(self.scene, self.voice)
        await trouble.prepare()
        fired: set[str] = set()
        for person, report in reports:
            [event] = await self.scene.api.post_events([report])
            if await self.scene.api.post_events([report]) != [event]:
                raise Rejected("the same event was accepted twice", code="not_idempotent")
            self.acknowledged.append(event)
            self.voice.say("accepted", name=person.name, event=event)
            fired |= await self._explain(event)
        if "above-85-referral" in fired:
            await trouble.power_cut()
        else:
            self.voice.say("nothing_held")
        await trouble.forge()
        await self.scene.stage.until("the e-HR and the mails to be done", self._told_all, WITHIN_S)
        await self._show_files(reports)
        await trouble.tell()

    async def check(self, pile: Pile) -> None:
        """Step 4: signed answers, offers; ends when all is quiet."""
        self.voice.chapter("step4")
        quiet = Quiet(self.scene)
        await self.scene.stage.until("all to be quiet", quiet.found, 2 * WITHIN_S)
        for type_ in ("background_check.completed", "offer.created"):
            for event in reversed(await self.scene.api.listed("events", type=type_)):
                data = (await self.scene.api.one("events", str(event["id"]))).get("data")
                person = pile.by_subject(event["subject"])
                if type_ == "offer.created":
                    self.voice.say("offered", name=person.name, status=_at(data, "offer", "status"))
                else:
                    self.voice.say("checked", name=person.name, result=_at(data, "background_check", "result"))

    async def _events(self, type_: str, person: Person) -> list[Document]:
        return [
            e
            for e in await self.scene.api.listed("events", type=type_, subject=person.subject)
            if e["id"] in self.acknowledged
        ]

    async def _invites(self, event: Document) -> bool:
        told = await self.scene.api.one("rules", "best-three-to-interview", "explain", str(event["id"]))
        return told["verdict"] == "yes"

    async def _explain(self, event: str) -> set[str]:
        """Say which rules fire on the event and what stands in the way of the others."""
        fired = set()
        for rule in await self.scene.api.every("rules"):
            if rule["event"] != "interview.report.completed":
                continue
            told = await self.scene.api.one("rules", str(rule["name"]), "explain", event)
            lines = told["lines"]
            if told["verdict"] == "yes":
                fired.add(str(rule["name"]))
                self.voice.say("fires", 2, rule=rule["name"])
            elif isinstance(lines, dict):
                why = {
                    tongue: str(said[0]).strip() for tongue, said in lines.items() if isinstance(said, list) and said
                }
                self.voice.say("no", 2, rule=rule["name"], why=why)
        return fired

    async def _told_all(self) -> bool | None:
        """Whether every delivery of the reports has ended."""
        for event in self.acknowledged:
            rows = await self.scene.api.listed("deliveries", event=event)
            if any(row["finished_at"] is None for row in rows):
                return None
        return True

    async def _show_files(self, reports: list[tuple[Person, Document]]) -> None:
        state = await self.scene.twins["greenhouse"].state()
        for person, _ in reports:
            file = next((c for c in _list(state["candidates"]) if person.email in json.dumps(c)), {})
            application = next((a for a in _list(state["applications"]) if a["candidate_id"] == file.get("id")), {})
            files = [str(a["filename"]) for a in _list(state["attachments"]) if a["candidate_id"] == file.get("id")]
            notes = [brief(str(n["body"]), 50) for n in _list(state["notes"]) if n["candidate_id"] == file.get("id")]
            score = application.get("assessment_score")
            self.voice.say(
                "in_file", name=person.name, files=", ".join(files) or "-", notes="; ".join(notes) or "-", score=score
            )
        for line in await self.scene.twins["email"].effects("mail"):
            invite = line["invite"]
            when = self.voice.each("invite", start=invite["start"]) if isinstance(invite, dict) else ""
            self.voice.say("mailed", to=line["email"], subject=line["subject"], invite=when)


def _at(data: Json, *steps: str) -> Json:
    for step in steps:
        data = data.get(step) if isinstance(data, dict) else None
    return data


def _list(value: Json) -> list[Document]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
