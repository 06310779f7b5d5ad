"""Cuts a resume into sections by its headings, Chinese or English."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ai_engine.vocabulary import vocabulary

_EDGE = re.compile(
    r"^[\s#*=\-_•·●■◆▪○➢▶【\[<《|]*(?:[一二三四五六七八九十]+[、.]|\d{1,2}[、.])?\s*|[\s:*=\-_】\]>》|]*$"
)
_LABEL = re.compile(r"^([^:|]{2,24})\s*[:|]\s*(\S.*)$")
BULLET = re.compile(r"^\s*(?:[-•·●■◆▪*○➢▶‣∙–—]|\(?\d{1,2}[.)、](?!\d)|[①-⑳])\s*")


_COLUMN = re.compile(
    r"(?:起止|起始)?(?:时间|日期|年月)|学校(?:名称)?|院校|专业|学历|学位|公司(?:名称)?|单位|职位|岗位|职务|部门|工作内容|"
    r"dates?|period|school|degree|major|company|employer|position|title|location",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line, its number in the resume (from 1) and the section it stands in."""

    number: int
    text: str
    section: str


def heading(text: str) -> str | None:
    """The section that a heading line opens, or None."""
    if len(text) > 60:
        return None
    known = vocabulary().headings
    core = _EDGE.sub("", text).lower()
    if core in known:
        return known[core]
    if core.replace(" ", "") in known:  # 教 育 背 景
        return known[core.replace(" ", "")]
    parts = [part for part in re.split(r"\s*[/|&(]\s*|\s*\)\s*|(?<=[一-鿿])\s*(?=[a-z])", core) if part]
    sections = {known.get(part) for part in parts}
    only = sections.pop() if len(sections) == 1 else None
    return only if len(parts) > 1 else None


def _head_row(text: str) -> bool:
    """The head row of a table: two and more column names and nothing else."""
    cells = [cell for cell in re.split(r"[\s|]+", text) if cell]
    return len(cells) >= 2 and all(_COLUMN.fullmatch(cell) for cell in cells)


def cut(lines: tuple[str, ...]) -> list[Line]:
    """Every line that is neither a heading nor the head row of a table, with its section (`top` before the first heading)."""
    section = "top"
    found = []
    for number, text in enumerate(lines, 1):
        opened = heading(text)
        if opened:
            section = opened
            continue
        if _head_row(text):
            continue
        label = _LABEL.match(text)
        inline = heading(label.group(1)) if label else None
        if label and inline in ("skills", "languages", "certificates", "summary"):
            section_of_line = inline
            found.append(Line(number, label.group(2), section_of_line))
        else:
            found.append(Line(number, text, section))
    return found
