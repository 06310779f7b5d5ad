"""`hirewire evidence`: how the controls of a standard are met by this installation."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import cast
from xml.etree import ElementTree

import click
import orjson

from hub.app.evidence.controls import STANDARDS
from hub.app.evidence.evidence import Report
from hub.app.evidence.pages import LANGUAGES, NOTE, STANDING, UNTESTED, Language, document, html, markdown, summary, why
from hub.app.hub import Hub
from hub.cli.context import with_hub
from hub.cli.words import table
from hub.domain.errors import Invalid
from hub.domain.evidence import Result
from hub.domain.ids import DEFAULT_TENANT
from hub.domain.in_force import Standing

FAULTS = 5
LARGEST = 50_000_000  # bytes of a file of results


@click.command()
@click.option("--standard", "names", multiple=True, type=click.Choice(STANDARDS), help="One of them; all without it.")
@click.option("--format", "format_", type=click.Choice(["table", "json", "markdown", "html"]), default="table")
@click.option("--lang", "language", type=click.Choice(LANGUAGES), default="en", show_default=True)
@click.option(
    "--results", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A JUnit file of a test run: a test that did not pass lowers its controls.",
)  # fmt: skip
@click.option("--strict", is_flag=True, help="Exit code 5 if a control is unmet.")
def evidence(names: tuple[str, ...], format_: str, language: str, results: Path | None, strict: bool) -> None:
    """Controls with what is in force here, the tests that prove them and where they are on record; unmet first.

    Evidence for an auditor, never a certificate.
    """
    told, spoken = None if results is None else read_results(results), cast("Language", language)

    async def act(hub: Hub) -> list[Report]:
        return await hub.evidence(DEFAULT_TENANT, names, told)

    reports = with_hub(act)
    match format_:
        case "json":
            shown = [document(one, spoken) for one in reports]
            click.echo(orjson.dumps(shown, option=orjson.OPT_INDENT_2).decode())
        case "markdown":
            click.echo(markdown(reports, spoken), nl=False)
        case "html":
            click.echo(html(reports, spoken), nl=False)
        case _:
            _tables(reports, spoken)
    unmet = sum(finding.standing is Standing.UNMET for report in reports for finding in report.findings)
    if strict and unmet:
        click.secho(f"{unmet} controls are unmet", fg="red", err=True)
        sys.exit(FAULTS)


def _tables(reports: list[Report], language: Language) -> None:
    for report in reports:
        click.echo(f"{report.standard.name[language]}\n{summary(report, language)}\n")
        rows = [
            {
                "standing": STANDING[one.standing][language], "control": one.control.id,
                "name": one.control.name[language], "why": why(one, language),
            }
            for one in report.findings
        ]  # fmt: skip
        table(rows, ("standing", "control", "name", "why"), "no controls")
        click.echo()
    if not all(report.tested for report in reports):
        click.echo(UNTESTED[language])
    click.echo(NOTE[language])


def read_results(path: Path) -> dict[str, Result]:
    """Test id -> how it ended; of a test with several cases the worst. Raises Invalid (`not_results`)."""
    text = path.read_bytes() if path.stat().st_size <= LARGEST else b"<!DOCTYPE"
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise Invalid("this is no JUnit file of a test run", code="not_results", at=path.name)
    try:
        cases = list(ElementTree.fromstring(text).iter("testcase"))  # noqa: S314 - without entities, and of bounded size
    except ElementTree.ParseError as error:
        raise Invalid("this is no JUnit file of a test run", code="not_results", at=path.name) from error
    found = dict[str, Result]()
    for case in cases:
        id, ended = _id(case.get("classname", ""), case.get("name", "")), _ended(case)
        before = found.get(id)
        found[id] = ended if before is None or _WORSE.index(ended) < _WORSE.index(before) else before
    return found


_WORSE = (Result.FAILED, Result.SKIPPED, Result.PASSED)


def _id(module: str, name: str) -> str:
    return f"{module.replace('.', '/')}.py::{name.partition('[')[0]}"


def _ended(case: ElementTree.Element) -> Result:
    if case.find("failure") is not None or case.find("error") is not None:
        return Result.FAILED
    return Result.SKIPPED if case.find("skipped") is not None else Result.PASSED
