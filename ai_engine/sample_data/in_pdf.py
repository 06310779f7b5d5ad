"""A resume as PDF: `two_column` has a side column on its first page, `one_column` runs straight down."""

from __future__ import annotations

import io
from typing import Any
from xml.sax.saxutils import escape

from hub.domain.errors import Unavailable

_FONT_ZH = "STSong-Light"  # one of Adobe's CID fonts: named in the file, not embedded


def render(person: dict[str, Any]) -> bytes:
    """The bytes of the file. Raises Unavailable (`demo_extra_missing`) without reportlab."""
    try:
        from reportlab.lib.pagesizes import A4
        from reportlab.lib.styles import ParagraphStyle
        from reportlab.pdfbase import pdfmetrics
        from reportlab.pdfbase.cidfonts import UnicodeCIDFont
        from reportlab.platypus import (
            BaseDocTemplate,
            Frame,
            FrameBreak,
            NextPageTemplate,
            PageTemplate,
            Paragraph,
            Spacer,
        )
    except ImportError as error:
        raise Unavailable(
            "sample PDFs need the demo extra: pip install 'hirewire[demo]'", code="demo_extra_missing"
        ) from error
    chinese = person["language"] == "zh"
    if chinese:
        pdfmetrics.registerFont(UnicodeCIDFont(_FONT_ZH))
    font = _FONT_ZH if chinese else "Helvetica"
    wrap = "CJK" if chinese else None
    body = ParagraphStyle("body", fontName=font, fontSize=11, leading=19, wordWrap=wrap, spaceAfter=4)
    heading = ParagraphStyle("heading", parent=body, fontSize=14, leading=24, spaceBefore=10, textColor="#1d4ed8")
    title = ParagraphStyle("title", parent=body, fontSize=22, leading=32)
    names = person["headings"]

    def lines(texts: list[str], style: Any = body) -> list[Any]:
        return [Paragraph(escape(text), style) for text in texts]

    def entries(section: str) -> list[Any]:
        out = lines([names[section]], heading) if person[section] else []
        for entry in person[section]:
            out += lines(
                [
                    f"{entry['period']}   {entry['employer']}   {entry['title']}"
                    if chinese
                    else f"{entry['title']}, {entry['employer']}",
                    *_when(entry, chinese),
                ]
            )
            out += lines([f"\u2022 {point}" for point in entry["points"]])
        return out

    def schools() -> list[Any]:
        texts = [
            f"{e['period']}   {e['school']}   {e['major']}   {e['level']}"
            if chinese
            else f"{e['degree']}, {e['school']}, {e['period']}"
            for e in person["education"]
        ]
        return lines([names["education"]], heading) + lines(texts)

    skills = ["、".join(person["skills"]) if chinese else ", ".join(person["skills"])]
    extras = [
        (names["skills"], skills),
        (names["languages"], person["languages"]),
        (names["certificates"], person["certificates"]),
    ]
    side = [flow for name, texts in extras for flow in lines([name], heading) + lines(texts)]
    top = lines([person["name"]], title) + lines([person["headline"], *person["contact"]])
    main = (
        lines([names["summary"]], heading)
        + lines(person["summary"])
        + entries("experience")
        + entries("projects")
        + schools()
    )

    out = io.BytesIO()
    width, height = A4
    document = BaseDocTemplate(out, pagesize=A4, invariant=1, title="resume", author="")
    whole = Frame(50, 50, width - 100, height - 100, id="whole")
    if person["layout"] == "two_column":
        columns = [Frame(40, 50, 150, height - 100, id="side"), Frame(200, 50, width - 240, height - 100, id="main")]
        document.addPageTemplates([PageTemplate("first", columns), PageTemplate("later", [whole])])
        story = [NextPageTemplate("later"), *top, *side, FrameBreak(), *main]
    else:
        document.addPageTemplates([PageTemplate("only", [whole])])
        story = [*top, *main, Spacer(1, 8), *side]
    document.build(story)
    return out.getvalue()


def _when(entry: dict[str, Any], chinese: bool) -> list[str]:
    return [] if chinese else [entry["period"]]
