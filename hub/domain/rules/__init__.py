"""Rules: a typed condition tree that is read, checked, compiled to closures, and explained clause by clause."""

from hub.domain.rules.catalogue import Catalogue
from hub.domain.rules.checking import check, parse
from hub.domain.rules.compiling import CompiledRule, compile_rule
from hub.domain.rules.explaining import Explanation
from hub.domain.rules.overlapping import Overlap, overlap_line, overlaps
from hub.domain.rules.planning import Decision, LiveRule, RuleIndex, plan
from hub.domain.rules.reading import dump
from hub.domain.rules.remarks import Oddity, Remark, remark_line, remarks
from hub.domain.rules.sentences import explanation_lines, sentence
from hub.domain.rules.tables import Row, Table, from_table, grid, to_table
from hub.domain.rules.tree import Action, RuleBody, RunMode

__all__ = [
    "Action",
    "Catalogue",
    "CompiledRule",
    "Decision",
    "Explanation",
    "LiveRule",
    "Oddity",
    "Overlap",
    "Remark",
    "Row",
    "RuleBody",
    "RuleIndex",
    "RunMode",
    "Table",
    "check",
    "compile_rule",
    "dump",
    "explanation_lines",
    "from_table",
    "grid",
    "overlap_line",
    "overlaps",
    "parse",
    "plan",
    "remark_line",
    "remarks",
    "sentence",
    "to_table",
]
