"""The readable page of a person's data, in English and Chinese: the words of the schemas, escaped, without scripts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from html import escape
from typing import Any

from mappings.canonical import UnknownType, event_schema
from mappings.documents import Document, Json

WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("What is held on you", "我们保存的您的数据"),
    "candidate": ("Candidate", "候选人"),
    "made": ("Made at", "生成时间"),
    "events": ("What happened, and what rules decided", "发生的事件与规则的判断"),
    "deliveries": ("Which system was told what, and when", "何时向哪个系统发送了哪些内容"),
    "consents": ("What you agreed to", "您的授权记录"),
    "runs": ("Processes that ran because of it", "由此执行的流程"),
    "tags": ("Marks", "标签"),
    "orders": ("Assessments that were ordered", "已订购的测评"),
    "recordings": ("Recordings", "录音录像"),
    "legal_holds": ("Legal holds", "法律保留"),
    "erasures": ("Erasures", "删除记录"),
    "acts": ("Who did what", "操作记录"),
    "erased": ("This was erased; nobody can read it.", "此内容已删除，无法再读取。"),
    "yes": ("yes", "是"),
    "no": ("no", "否"),
}
_STYLE = "body{font:16px/1.5 sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}"
_STYLE += "dt{font-weight:bold}dd{margin:0 0 .3rem 1rem}article{border-top:1px solid #999;padding:.5rem 0}"


def word(name: str, language: str) -> str:
    """The word in that language; a name that has none stands as it is."""
    english, chinese = WORDS.get(name, (name, name))
    return chinese if language == "zh-CN" else english


def head(subject: str, now: datetime, language: str) -> bytes:
    """Everything up to the first piece."""
    title = escape(word("title", language))
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>"
        f"<p>{escape(word('candidate', language))}: {escape(subject)}<br>"
        f"{escape(word('made', language))}: {now.isoformat(timespec='seconds')}</p>"
    ).encode()


def piece_head(name: str, language: str) -> bytes:
    """The heading of a piece."""
    return f"<h2>{escape(word(name, language))}</h2>".encode()


def told(name: str, one: Document, language: str) -> bytes:
    """One thing of a piece."""
    match name:
        case "events":
            return _article(str(one["type"]), _event(one, language), language)
        case "deliveries":
            fields = {str(f["field"]): f["value"] for f in _objects(one.get("fields"))}
            about = {k: one[k] for k in ("id", "connection", "connector", "state", "ended_at")}
            return _article(str(one["what"]), [*_plain(about, language), *_plain(fields, language)], language)
        case "runs":
            stands = one.get("stands")
            text = stands.get(language, "") if isinstance(stands, dict) else ""
            return _article(str(one.get("rule")), [(str(one["id"]), str(text))], language)
        case _:
            return _article("", _plain(one, language), language)


def tail() -> bytes:
    """The end."""
    return b"</body></html>\n"


def _event(one: Document, language: str) -> list[tuple[str, str]]:
    rows = _plain({"id": one["id"], "received_at": one["received_at"], "source": one["source"]}, language)
    data, said = one.get("data"), one.get("decisions")
    if not isinstance(data, dict):
        return [*rows, ("", word("erased", language))]
    try:
        schema: Any = event_schema(str(one["type"]), int(str(one["version"])))
    except UnknownType:
        schema = {}
    rows += [*_labelled(data, schema, language, "")]
    lines = said.get(language) if isinstance(said, dict) else None
    return rows + [("", str(line)) for line in (lines if isinstance(lines, list) else []) if line]


def _labelled(value: Json, schema: Mapping[str, Any], language: str, path: str) -> Iterator[tuple[str, str]]:
    """Every value with the label that its schema gives it, from the outside in."""
    if isinstance(value, dict):
        known = schema.get("properties", {})
        for name, one in value.items():
            about = known.get(name, {})
            label = str(about.get("x-label", {}).get(language, name))
            yield from _labelled(one, about, language, f"{path} / {label}" if path else label)
    elif isinstance(value, list):
        for one in value:
            yield from _labelled(one, schema.get("items", {}), language, path)
    else:
        yield path, _text(value, language)


def _plain(document: Mapping[str, Json], language: str) -> list[tuple[str, str]]:
    return list(_labelled({**document}, {}, language, ""))


def _text(value: Json, language: str) -> str:
    if isinstance(value, bool):
        return word("yes" if value else "no", language)
    return "-" if value is None else str(value)


def _article(title: str, rows: list[tuple[str, str]], language: str) -> bytes:
    top = f"<h3>{escape(word(title, language))}</h3>" if title else ""
    body = "".join(f"<dt>{escape(label)}</dt><dd>{escape(text)}</dd>" for label, text in rows)
    return f"<article>{top}<dl>{body}</dl></article>".encode()


def _objects(value: Json) -> list[Document]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
