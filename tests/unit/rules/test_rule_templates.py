"""Every template is a right rule with its defaults, reads well in both languages, and can be carried out by a connector."""

from datetime import UTC, datetime

import pytest

from hub.adapters.catalog import FolderCatalog
from hub.app.checks import check_rule, once_only
from hub.app.rules.templates import Template, template, templates
from hub.domain.errors import Invalid, NotFound
from hub.domain.rules import Catalogue, compile_rule, parse, remarks, sentence, to_table

NOW = datetime(2026, 11, 24, tzinfo=UTC)
CATALOG = FolderCatalog()
CONNECTORS = {name: CATALOG.get(name) for name in CATALOG.names()}


def test_there_are_enough_of_them() -> None:
    assert len(templates()) >= 12


@pytest.mark.parametrize("one", templates().values(), ids=lambda one: one.id)
def test_a_template_is_a_right_rule(one: Template) -> None:
    found = {hole.name: hole.fitting(CONNECTORS) for hole in one.holes if hole.operations}
    assert all(found.values()), "some connector can do it"
    body = one.fill({name: fitting[0] for name, fitting in found.items()})
    check_rule({"rule": body}, one.id, CONNECTORS, {})
    assert "hole" not in str(body)

    catalogue = Catalogue.newest(body["trigger"]["event"])  # type: ignore[index,call-overload,arg-type]
    rule = parse(body, catalogue)
    assert remarks(rule.when, catalogue) == ()
    assert compile_rule(rule).decide({}, NOW) is not True
    for language in ("en", "zh-CN"):
        assert one.name[language]
        assert one.about[language]
        assert all(hole.label[language] for hole in one.holes)
        said = sentence(rule, catalogue, language)
        paths = [path for path in catalogue.fields if "." in path and path in said]
        assert paths == [], "fields have names"


def test_every_hole_is_used_and_every_figure_has_a_default() -> None:
    for one in templates().values():
        for hole in one.holes:
            assert f"{{'hole': '{hole.name}'}}" in str(one.rule), (one.id, hole.name)
            assert hole.operations or hole.default is not None


def test_the_bands_are_a_decision_table() -> None:
    body = template("score-bands-by-role").fill({"retail": 60})
    table = to_table(parse(body).when)
    assert [row.id for row in table.rows] == ["retail", "service", "sales"]
    assert table.columns == ("job.role", "report.overall.score", "report.scores.communication")


def test_what_is_not_there_is_said() -> None:
    with pytest.raises(NotFound):
        template("x")
    with pytest.raises(Invalid) as caught:
        template("look-closer").fill({"x": 1})
    assert caught.value.code == "unknown_hole"


def test_acts_that_two_rules_would_do_twice_are_known_from_the_manifests() -> None:
    twice = once_only({"ats": CONNECTORS["greenhouse"], "refer": CONNECTORS["referral"], "mail": CONNECTORS["email"]})
    assert twice == {("refer", "referral.create")}
