"""`hirewire top`: the lanes as they are now, second by second."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import click

from hub.app.hub import Hub
from hub.cli.context import with_hub
from hub.cli.words import as_json, cut, lines, pad, width_of
from hub.domain.connections import ConnectionState
from hub.domain.errors import Unavailable
from hub.domain.ids import DEFAULT_TENANT as TENANT
from hub.ports.lanes import Pace
from hub.ports.store import LaneStats

WINDOW = timedelta(seconds=10)  # what a rate is the mean of
WIDE = 200  # columns of an output that is no terminal
TROUBLE_S = 60.0  # due for so long: somebody should look
OPEN, HOME, REST, CLOSE = "\x1b[?1049h\x1b[?25l", "\x1b[H", "\x1b[J", "\x1b[?25h\x1b[?1049l"
END = "\x1b[K\r\n"
TEXTS = 3  # columns that stand at the left; numbers stand at the right
HEADS = {
    "en": (
        "CONNECTION",
        "STATE",
        "BREAKER",
        "READY",
        "LEASED",
        "WAITING",
        "HELD",
        "OLDEST",
        "SENT/S",
        "FAILED/S",
        "BACK IN",
    ),
    "zh-CN": (
        "连接",
        "状态",
        "熔断器",
        "待发",
        "处理中",
        "排队",
        "搁置",
        "最早到期",
        "送达/秒",
        "失败/秒",
        "恢复倒计时",
    ),
}
WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "all": "all", "lane": "lane", "lanes": "lanes", "none": "no connections yet", "more": "{} more",
        "away": "the store is away: {}",
        "active": "active", "paused": "paused", "disabled": "disabled", "needs_reauth": "needs_reauth",
        "closed": "closed", "open": "open", "half_open": "half-open",
    },
    "zh-CN": {
        "all": "合计", "lane": "条通道", "lanes": "条通道", "none": "还没有连接", "more": "另有 {} 条",
        "away": "存储不可用：{}",
        "active": "启用", "paused": "暂停", "disabled": "停用", "needs_reauth": "需重新授权",
        "closed": "闭合", "open": "断开", "half_open": "试探",
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One lane: what waits, how old it is, how fast it goes, when it may go on."""

    connection: str
    state: str
    breaker: str
    ready: int
    leased: int
    waiting: int
    held: int
    oldest_due_s: float
    delivered_per_s: float
    failed_per_s: float
    held_back_s: float

    @property
    def troubled(self) -> bool:
        """Off, held back, or with something that has been due for long."""
        return self.state != ConnectionState.ACTIVE or self.held_back_s > 0 or self.oldest_due_s > TROUBLE_S


@click.command()
@click.option("--once", is_flag=True, help="Show it once and end; so it is too where the output is no terminal.")
@click.option(
    "--every", default=1.0, show_default=True, type=click.FloatRange(0.1, 3600), help="Seconds between looks."
)
@click.option("--language", default="en", show_default=True, type=click.Choice(["en", "zh-CN"]))
@as_json
def top(once: bool, every: float, language: str, json_: bool) -> None:
    """The lanes, live: what is ready, under way, waiting, held; how old, how fast, and when it goes on.

    Troubled lanes come first. Rates are means over 10 seconds and count all processes. With --json each lane is a line.
    """
    live = not once and (json_ or sys.stdout.isatty())

    async def act(hub: Hub) -> None:
        over = _when_told() if live and not json_ else asyncio.Event()
        while not over.is_set():
            try:
                rows, trouble = await look(hub), ""
            except Unavailable as error:
                if not live:
                    raise
                rows, trouble = [], WORDS[language]["away"].format(error.code)
            now = hub.clock.now()
            if json_:
                lines([{"at": now, **asdict(row)} for row in rows])
            elif live:
                _paint([*frame(rows, now, language, *shutil.get_terminal_size()), *([trouble] if trouble else [])])
            else:
                click.echo("\n".join(frame(rows, now, language, WIDE, len(rows) + 4)))
            if not live:
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), every)

    if not live or json_:
        with_hub(act)
        return
    click.echo(OPEN, nl=False)
    try:
        with_hub(act)
    finally:
        click.echo(CLOSE, nl=False)


def _when_told() -> asyncio.Event:
    """Set at Ctrl-C or SIGTERM: that is how it ends, and never in the middle of a question to the store."""
    over = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    return over


def _paint(shown: Sequence[str]) -> None:
    click.echo(HOME + END.join(shown) + "\x1b[K" + REST, nl=False)


async def look(hub: Hub) -> list[Row]:
    """All lanes now, the troubled first, then the busy."""
    now = hub.clock.now()
    async with hub.store.look() as look:
        lanes = await look.lanes(TENANT)
        paces = await look.pace(now - WINDOW)
    rows = [_row(lane, paces.get(lane.connection, Pace()), now) for lane in lanes]
    return sorted(
        rows, key=lambda row: (not row.troubled, -row.oldest_due_s, -(row.ready + row.waiting), row.connection)
    )


def _row(lane: LaneStats, pace: Pace, now: datetime) -> Row:
    seconds = WINDOW.total_seconds()
    return Row(
        connection=lane.name,
        state=lane.state.value,
        breaker=lane.breaker(now),
        ready=lane.ready,
        leased=lane.leased,
        waiting=lane.waiting,
        held=lane.held,
        oldest_due_s=max(0.0, (now - lane.oldest_due).total_seconds()) if lane.oldest_due else 0.0,
        delivered_per_s=pace.delivered / seconds,
        failed_per_s=pace.failed / seconds,
        held_back_s=max(0.0, (lane.held_until - now).total_seconds()) if lane.held_until else 0.0,
    )


def frame(rows: Sequence[Row], now: datetime, language: str, width: int, height: int) -> list[str]:
    """The screen, line by line: a head, a line per lane as far as there is room, and the sums."""
    words = WORDS[language]
    head = f"hirewire top  {now:%Y-%m-%d %H:%M:%S}Z  {len(rows)} {words['lane' if len(rows) == 1 else 'lanes']}"
    if not rows:
        return [cut(head, width), "", cut(words["none"], width)]
    room = max(1, height - 4)
    shown = rows if len(rows) <= room else rows[: room - 1]
    texts = [list(HEADS[language]), *(_texts(row, words) for row in shown), _sums(rows, words)]
    widths = [max(width_of(line[n]) for line in texts) for n in range(len(texts[0]))]
    made = [cut(_line(line, widths), width) for line in texts]
    if len(shown) < len(rows):
        made.insert(-1, cut(words["more"].format(len(rows) - len(shown)), width))
    return [cut(head, width), *made]


def _line(texts: Sequence[str], widths: Sequence[int]) -> str:
    cells = [pad(text, widths[n], right=n >= TEXTS) for n, text in enumerate(texts)]
    return "  ".join(cells).rstrip()


def _texts(row: Row, words: Mapping[str, str]) -> list[str]:
    counts = [str(count) if count else "-" for count in (row.ready, row.leased, row.waiting, row.held)]
    rates = [f"{rate:.1f}" if rate else "-" for rate in (row.delivered_per_s, row.failed_per_s)]
    return [
        row.connection,
        words[row.state],
        words[row.breaker],
        *counts,
        span(row.oldest_due_s),
        *rates,
        span(row.held_back_s),
    ]


def _sums(rows: Sequence[Row], words: Mapping[str, str]) -> list[str]:
    whole = Row(
        words["all"], "active", "closed", sum(r.ready for r in rows), sum(r.leased for r in rows), sum(r.waiting for r in rows),
        sum(r.held for r in rows), max(r.oldest_due_s for r in rows), sum(r.delivered_per_s for r in rows),
        sum(r.failed_per_s for r in rows), 0.0,
    )  # fmt: skip
    return [words["all"], "", "", *_texts(whole, words)[TEXTS:-1], ""]


def span(seconds: float) -> str:
    """Seconds in three or four characters."""
    if seconds < 0.5:
        return "-"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds / size:.1f}{unit}" if seconds < 10 * size else f"{seconds / size:.0f}{unit}"
    return f"{seconds:.0f}s"
