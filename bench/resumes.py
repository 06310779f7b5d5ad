"""Reads, extracts and ranks a pile of mixed resumes and prints what it costs: `python -m bench.resumes [COUNT]`.

The resumes are made here, in memory: PDF, DOCX and text, Chinese and English, in the layouts of the sample people with
names, dates and skills changed. They are read as the product reads them: each in a sandboxed process of its own, two at
once. Processor seconds are the figure, the sandbox's included; the claim is for 1,000 resumes on two cores.
"""

from __future__ import annotations

import copy
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date
from importlib.resources import files
from typing import Any

import yaml

from ai_engine.gazetteer import gazetteer
from ai_engine.match import rank, read_job
from ai_engine.records import Extraction
from ai_engine.resumes import extract, read
from ai_engine.resumes.sandbox import Readers
from ai_engine.sample_data.pile import render

CLAIM = 1000
LIMIT_SECONDS, CORES = 60, 2
TODAY = date(2026, 11, 1)


def people(count: int) -> Iterator[dict[str, Any]]:
    """`count` invented people, always the same."""
    chance = random.Random(7)
    folder = files("ai_engine.sample_data").joinpath("people")
    models = [
        yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in sorted(folder.iterdir(), key=lambda p: p.name)
        if path.name.endswith(".yaml")
    ]
    skills = [skill for skill in gazetteer().skills.values() if skill.pack != "general"]
    for number in range(count):
        person = copy.deepcopy(models[number % len(models)])
        zh = person["language"] == "zh"
        person["name"] = (
            "".join(chance.sample("安明远清和文嘉宁思远", 2)) if zh else f"Sam Person{chr(65 + number % 26)}"
        )
        if zh:
            person["name"] = chance.choice("赵钱孙李周吴郑王") + person["name"]
        extra = [skill.label("zh" if zh else "en") for skill in chance.sample(skills, 5)]
        person["skills"] += [["More", ", ".join(extra)]] if person["layout"] == "tables" else extra
        for entry in person["experience"]:
            chance.shuffle(entry["points"])
            entry["points"] += chance.choices(entry["points"], k=2)
        yield person


def work(item: tuple[int, bytes]) -> tuple[Extraction, float]:
    """Read and extract one file; with the processor seconds it took."""
    number, data = item
    before = time.process_time()
    found = extract(read(data), id=f"cand-{number}", today=TODAY)
    return found, time.process_time() - before


def processor_seconds() -> float:
    """Of this process and of all that it started and that has ended."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    made = [(person["format"], render(person)) for person in people(count)]
    bare = [
        work(item) for item in enumerate(data for _, data in made)
    ]  # without a sandbox: what it costs is the difference
    with Readers(CORES) as readers:
        readers.read(made[0][1])  # its processes are started once, not for every file
        before, wall = processor_seconds(), time.perf_counter()
        done = list(
            readers.each(
                lambda item: readers.extract(item[1], id=f"cand-{item[0]}", today=TODAY), enumerate(d for _, d in made)
            )
        )
        wall = time.perf_counter() - wall
    spent = processor_seconds() - before  # what the readers used is known when they have ended
    assert all(one == two for one, (two, _) in zip(done, bare, strict=True)), "inside is not as outside"
    job = read_job(yaml.safe_load(files("ai_engine.sample_data").joinpath("job.yaml").read_text(encoding="utf-8")))
    before = time.process_time()
    ranked = rank(job, [found for found, _ in bare])
    ranking = time.process_time() - before
    by_format: dict[str, list[float]] = {}
    for (format, _), (_, seconds) in zip(made, bare, strict=True):
        by_format.setdefault(format, []).append(seconds)
    print(f"{'stage':<12}{'files':>7}{'CPU s':>9}{'ms each':>9}")
    for format, took in sorted(by_format.items()):
        print(f"{format:<12}{len(took):>7}{sum(took):>9.2f}{1000 * sum(took) / len(took):>9.1f}")
    print(f"{'rank':<12}{len(ranked):>7}{ranking:>9.2f}{1000 * ranking / len(ranked):>9.1f}")
    total = spent + ranking
    inside = spent - sum(sum(seconds) for seconds in by_format.values())
    print(f"{'sandbox':<12}{count:>7}{inside:>9.2f}{1000 * inside / count:>9.1f}")
    scaled = total * CLAIM / count
    print(
        f"{'all':<12}{count:>7}{total:>9.2f}{1000 * total / count:>9.1f}   wall with {CORES} processes: {wall + ranking:.1f} s"
    )
    print(
        f"{CLAIM} resumes: {scaled:.1f} CPU s (claim: {LIMIT_SECONDS} s on {CORES} cores = {LIMIT_SECONDS * CORES} CPU s)"
    )
    named = Counter("name" in found.candidate for found, _ in bare)
    print(
        f"names found: {named[True]} of {count}; best match {ranked[0].score:g}, median {ranked[len(ranked) // 2].score:g}"
    )


if __name__ == "__main__":
    main()
