"""The engine's part: resumes read and ranked, interviews held, reports made."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from ai_engine import events, sample_data
from ai_engine.interview import Session, start
from ai_engine.match import JobSpec, MatchResult, rank, read_job
from ai_engine.records import Extraction
from ai_engine.report import build
from ai_engine.resumes.sandbox import Readers
from hub.cli.demo.api import Api
from hub.cli.demo.words import Voice, brief
from mappings.documents import Document

CONSENTS = ("ai_interview", "background_check")
TONGUES = {"zh": "zh-CN", "en": "en"}


@dataclass(frozen=True, slots=True)
class Person:
    """A candidate of the pile. `answers` is what they would say; None: nobody wrote it down."""

    extraction: Extraction
    match: MatchResult
    application: Document
    answers: dict[str, str]

    @property
    def subject(self) -> str:
        """The opaque id."""
        return str(self.extraction.candidate["id"])

    @property
    def name(self) -> str:
        """As the resume has it."""
        name = self.extraction.candidate.get("name")
        return str(name["full"]) if isinstance(name, dict) else self.subject

    @property
    def email(self) -> str:
        """As the resume has it."""
        return str(self.extraction.candidate["email"]).lower()


@dataclass(frozen=True, slots=True)
class Pile:
    """The position and everybody who applied, best first. `run` tells this story's ids from those of another."""

    job: JobSpec
    people: tuple[Person, ...]
    run: str

    def by_subject(self, subject: object) -> Person:
        """The person with this opaque id. Raises StopIteration for a stranger."""
        return next(person for person in self.people if person.subject == subject)


async def gather(folder: Path, api: Api, voice: Voice, run: str, now: datetime) -> Pile:
    """Write the resumes, read them, ask the hub who each one is, rank them."""
    pile = sample_data.write(folder)
    job = read_job(pile.job)
    voice.say("position", title=job.title)
    began, found = time.monotonic(), []
    with Readers() as readers:
        read = [
            asyncio.to_thread(readers.extract, path.read_bytes(), id=f"resume-{number}", today=now.date())
            for number, path in enumerate(pile.resumes, 1)
        ]
        extracted = await asyncio.gather(*read)
    for path, one in zip(pile.resumes, extracted, strict=True):
        subject = await api.identify(str(one.candidate["email"]))
        one = replace(one, candidate={**one.candidate, "id": subject})
        found.append((path, one))
        name = one.candidate.get("name")
        voice.say(
            "resume",
            file=path.name,
            media=one.text.media.upper(),
            pages=one.text.pages,
            language=TONGUES[one.language],
            name=name["full"] if isinstance(name, dict) else "?",
            years=one.years,
            skills=len(one.skills),
        )
    matches = rank(job, [one for _, one in found])
    voice.say("read_all", count=len(found), seconds=time.monotonic() - began)
    people = []
    for match in matches:
        path, one = next((p, e) for p, e in found if e.candidate["id"] == match.candidate_id)
        application: Document = {"id": f"app-{run}-{match.rank}", "candidate_id": match.candidate_id, "job_id": job.id}
        person = Person(one, match, application, pile.answers.get(path.stem, {}))
        voice.say("ranked", rank=match.rank, name=person.name, explanation=dict(match.explanation))
        people.append(person)
    return Pile(job, tuple(people), run)


def applications(pile: Pile, now: datetime) -> list[Document]:
    """What the engine tells of every candidate: received, then screened."""
    out: list[Document] = []
    for person in pile.people:
        about = {
            "candidate": person.extraction.candidate,
            "application": person.application,
            "job": pile.job.document,
        }
        key = str(person.application["id"])
        out.append(events.application_received(id=f"{key}-received", time=now, **about))
        out.append(events.application_screened(id=f"{key}-screened", time=now, match=person.match.document(), **about))
    return out


def interview(person: Person, pile: Pile, voice: Voice) -> Session:
    """Ask until nothing is left to ask; the first follow-up is shown with what led to it."""
    session = start(person.extraction, pile.job, person.extraction.language)
    while (question := session.next()) is not None:
        session.answer(sample_data.reply(person.answers, question))
    later = [turn for turn in session.turns if turn.question.follow_up_of]
    voice.say("interviewed", name=person.name, questions=len(session.turns) - len(later), followups=len(later))
    for turn in later[:1]:
        first = next(t for t in session.turns if t.question.id == turn.question.follow_up_of)
        voice.say("asked", 2, text=brief(first.question.text))
        voice.say("answered", 2, text=brief(first.answer))
        voice.say("followed", 2, trigger=turn.question.trigger, text=brief(turn.question.text))
    return session


def report_event(person: Person, pile: Pile, session: Session, order: str, voice: Voice, now: datetime) -> Document:
    """The report as the CloudEvent that starts everything; the candidate's consents travel with it."""
    key = str(person.application["id"])
    report = build(
        session, person.match, pile.job, id=f"rep-{key}", interview_id=order,
        application_id=key, completed_at=now,
    )  # fmt: skip
    overall = report.document["overall"]
    confidence = overall["confidence"] if isinstance(overall, dict) else None
    voice.say("report", name=person.name, score=report.total, advice=report.advice, confidence=confidence)
    dimensions = report.document["dimensions"]
    for dimension in dimensions if isinstance(dimensions, list) else []:
        if isinstance(dimension, dict) and isinstance(quotes := dimension.get("evidence"), list) and quotes:
            quote = quotes[0]
            text = brief(str(quote["quote"]), 60) if isinstance(quote, dict) else ""
            voice.say("dimension", 2, label=dimension["label"], score=dimension["score"], quote=text)
    consents: list[Document] = [{"purpose": purpose, "granted_at": now.isoformat()} for purpose in CONSENTS]
    language = TONGUES[session.language]
    held: Document = {
        "id": order, "application_id": key, "kind": "ai_chat", "status": "completed", "language": language,
    }  # fmt: skip
    return events.report_completed(
        id=f"{key}-report",
        time=now,
        candidate={**person.extraction.candidate, "consents": list(consents)},
        application=person.application,
        job=pile.job.document,
        interview=held,
        report=report.document,
    )
