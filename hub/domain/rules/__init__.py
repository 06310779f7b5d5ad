"""Rules: a typed condition tree that is read, checked, compiled to closures, and explained clause by clause."""

from hub.domain.rules.catalogue import Catalogue
from hub.domain.rules.checking import check, parse
from hub.domain.rules.compiling import CompiledRule, compile_rule
from hub.domain.rules.explaining import Explanation
from hub.domain.rules.planning import Decision, LiveRule, RuleIndex, firing, plan
from hub.domain.rules.program import Program, compile_program
from hub.domain.rules.reading import dump
from hub.domain.rules.sentences import explanation_lines, sentence
from hub.domain.rules.tree import Action, RuleBody, RunMode, walk_steps

__all__ = [
    "Action",
    "Catalogue",
    "CompiledRule",
    "Decision",
    "Explanation",
    "LiveRule",
    "Program",
    "RuleBody",
    "RuleIndex",
    "RunMode",
    "check",
    "compile_program",
    "compile_rule",
    "dump",
    "explanation_lines",
    "firing",
    "parse",
    "plan",
    "sentence",
    "walk_steps",
]
