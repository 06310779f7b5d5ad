"""Rules: a typed condition tree that is read, checked, compiled to closures, and explained clause by clause.

    catalogue = Catalogue.newest(event)                what may be asked; `.adding(fields, source)`: what a connector adds
    described(catalogue)                               the same as documents, for an editor
    rule = compile_rule(parse(stored, catalogue))      refused with code, place and the clause's id, or ready to run
    rule.decide(data, now), rule.explain(data, now)    True, False or None (not enough is known); every clause's answer
    sentence(body, catalogue, language)                the rule in words; `explanation_lines` the same for an answer

    AllAtOnce(rules)(data, now)                        the verdicts of many rules of one event type, in their order

For whoever saves or reviews a rule (pure, no clock, a few ms):

    overlaps(new, others, once) -> list[Overlap]
        `new`: CompiledRule; `others`: Mapping of name -> CompiledRule (those in force, without the rule itself);
        `once`: acts (connection, operation) that must not be done twice (hub.app.checks.once_only).
        A rule that is not listed certainly never fires on the same event. Overlap.twice not empty: refuse; else warn.
        Overlap.witness(now, catalogue): data of an event on which both fire, as proof, or None. overlap_line: in words.
    remarks(body.when, catalogue) -> tuple[Remark, ...]
        What can never hold, is never reached, says nothing new or holds always, with the clause's id. remark_line: in words.
    to_table(body.when), from_table(table), grid(table, catalogue, language)
        The tree as a decision table, where it is one (else Invalid `not_a_table` with the place).
    table_document, read_table; to_csv, read_csv; told_like(new, old)
        The table as JSON and as CSV; what somebody brought back gets the ids of what it was, so that nothing else changes.

A region is worked out on first use and kept on the CompiledRule: keep compiled rules, as hub.app.library does.
"""

from hub.domain.rules.asking import AllAtOnce
from hub.domain.rules.catalogue import Catalogue
from hub.domain.rules.checking import check, parse
from hub.domain.rules.compiling import CompiledRule, compile_rule
from hub.domain.rules.explaining import Explanation
from hub.domain.rules.fields import described
from hub.domain.rules.overlapping import Overlap, overlap_line, overlaps
from hub.domain.rules.planning import Decision, LiveRule, RuleIndex, firing, plan
from hub.domain.rules.program import Program, compile_program
from hub.domain.rules.reading import dump
from hub.domain.rules.remarks import Oddity, Remark, remark_line, remarks
from hub.domain.rules.sentences import explanation_lines, sentence
from hub.domain.rules.table_text import read_csv, read_table, table_document, to_csv, told_like
from hub.domain.rules.tables import Row, Table, from_table, grid, to_table
from hub.domain.rules.tree import Action, Op, RuleBody, RunMode, walk_steps

__all__ = [
    "Action",
    "AllAtOnce",
    "Catalogue",
    "CompiledRule",
    "Decision",
    "Explanation",
    "LiveRule",
    "Oddity",
    "Op",
    "Overlap",
    "Remark",
    "Row",
    "Program",
    "RuleBody",
    "RuleIndex",
    "RunMode",
    "Table",
    "check",
    "compile_program",
    "compile_rule",
    "described",
    "dump",
    "explanation_lines",
    "from_table",
    "grid",
    "overlap_line",
    "overlaps",
    "firing",
    "parse",
    "plan",
    "read_csv",
    "read_table",
    "remark_line",
    "remarks",
    "sentence",
    "table_document",
    "to_csv",
    "to_table",
    "told_like",
    "walk_steps",
]
