"""One form for every text: NFKC, full-width folded, look-alike radicals replaced, invisible characters removed."""

from __future__ import annotations

import re
import unicodedata

# CJK Radicals Supplement: PDF fonts map ordinary characters to these, and NFKC leaves them (Unicode 15, block 2E80).
_RADICALS = str.maketrans(
    {
        "⺟": "母", "⺠": "民", "⺢": "水", "⺣": "火", "⺩": "王", "⺫": "目", "⻁": "虎", "⻂": "衣", "⻄": "西", "⻅": "见",
        "⻆": "角", "⻇": "角", "⻉": "贝", "⻋": "车", "⻓": "长", "⻔": "门", "⻘": "青", "⻙": "韦", "⻚": "页", "⻛": "风",
        "⻜": "飞", "⻝": "食", "⻢": "马", "⻣": "骨", "⻤": "鬼", "⻥": "鱼", "⻦": "鸟", "⻧": "卤", "⻨": "麦", "⻩": "黄",
        "⻪": "黾", "⻬": "齐", "⻮": "齿", "⻰": "龙", "⻲": "龟", "⻳": "龟",
    }
)  # fmt: skip
_INVISIBLE = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufffe\uffff"
    "\U000e0000-\U000e007f]"
)
_TAGS = re.compile("[\U000e0020-\U000e007e]")
_WIDE = re.compile(r"[ \t\u00a0]{2,}|\t")


def normal(text: str) -> str:
    """`text` in the one form; columns stay apart as two spaces, line ends are kept."""
    if text.isascii():
        return _WIDE.sub("  ", _INVISIBLE.sub("", text)).strip()
    folded = unicodedata.normalize("NFKC", text).translate(_RADICALS)
    return _WIDE.sub("  ", _INVISIBLE.sub("", folded)).strip()


def invisible_message(text: str) -> str:
    """ASCII text that is spelt in invisible Unicode tag characters, or nothing."""
    return "".join(chr(ord(c) - 0xE0000) for c in _TAGS.findall(text))


def lines_of(text: str) -> list[str]:
    """The non-empty lines of `text` in the one form. A soft hyphen at a line's end joins the word again."""
    joined = text.replace("\ufffe\r\n", "").replace("\ufffe\n", "").replace("\u00ad\n", "")
    return [line for line in (normal(raw) for raw in joined.splitlines()) if line]
