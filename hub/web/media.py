"""Recordings in and out: numbered parts that may be sent again, ranges that were verified before they are served."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime
from typing import Any

import msgspec
from litestar import Controller, Request, delete, get, post, put
from litestar.openapi.spec import Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import FromPath, FromQuery
from litestar.response import Stream

from hub.app.media.watching import LONGEST_S, MARK_S, STATES, Viewer, Watch
from hub.app.people.sessions import Signed
from hub.domain.audit import Grade
from hub.domain.errors import Invalid
from hub.ports.accounts import View
from hub.web.auth import caller_of, hub_of, scope
from hub.web.bodies import TakesBytes, json_fields, takes, text_field, whole_field
from hub.web.problems import may_answer
from hub.web.signed import PURPOSE

_DIGEST = re.compile(r"sha-256=:([A-Za-z0-9+/=]{44}):")
_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})")
_TEXT = Schema(type=OpenAPIType.STRING, min_length=1, max_length=128)


class MediaBegun(msgspec.Struct):
    """A recording on its way in."""

    id: str


class PartView(msgspec.Struct):
    """One part that is there."""

    number: int
    size: int
    sha256: str


class PartsView(msgspec.Struct):
    """The parts that are there."""

    parts: list[PartView]


class MediumView(msgspec.Struct):
    """A complete recording."""

    id: str
    subject: str | None
    content_type: str
    size: int
    parts: int
    state: str  # ready | quarantined: it waits for the malware scanner


class WatermarkView(msgspec.Struct):
    """What the player draws over the picture, all the time: `text` as a whole, or its parts."""

    text: str
    user: str
    user_id: str
    at: datetime
    view: str


class LinkView(msgspec.Struct):
    """A link that plays the recording for a minute, to its maker alone, and what the player owes for it.

    Every `mark_every_s` seconds, and at the end, it says at `marks` how far it is; the answer has the next link.
    """

    url: str | None
    expires_at: datetime | None
    view: str
    state: str
    marks: str
    mark_every_s: int
    watermark: WatermarkView

    @classmethod
    def of(cls, one: Watch) -> LinkView:
        """From the use case."""
        at = f"/v1/media/{one.view.media}"
        mark = WatermarkView(one.watermark, one.viewer.name, one.viewer.id, one.at, one.view.id)
        url = None if one.link is None else f"{at}/content?link={one.link}"
        return cls(url, one.link_ends, one.view.id, one.view.state, f"{at}/views/{one.view.id}", MARK_S, mark)


class ViewView(msgspec.Struct):
    """Somebody watched: who, what for, from when to when, how far."""

    id: str
    viewer: str
    purpose: str | None
    state: str
    opened_at: datetime
    seen_at: datetime
    position_s: int
    marks: int
    reads: int

    @classmethod
    def of(cls, one: View) -> ViewView:
        """From the record."""
        return cls(
            one.id, one.viewer, one.purpose, one.state, one.opened_at, one.seen_at, one.position_s, one.marks, one.reads
        )  # fmt: skip


class ViewsView(msgspec.Struct):
    """Who watched, oldest first."""

    items: list[ViewView]


class MediaController(Controller):
    """`/v1/media`"""

    path = "/v1/media"
    tags = ("Media",)

    @post(
        operation_id="beginMedia",
        opt=scope("media:write"),
        operation_class=takes({"subject": _TEXT, "content_type": _TEXT}, need=["content_type"]),
        responses=may_answer(400, 401, 403, 413, 422, 503),
        summary="Begin a recording",
    )
    async def begin(self, request: Request[Any, Any, Any]) -> MediaBegun:
        """Then send its parts, in any order and as often as needed, and complete it."""
        body = await json_fields(request, need=["content_type"], may=["subject"])
        kind, subject = text_field(body, "content_type"), text_field(body, "subject")
        return MediaBegun(await hub_of(request).media.begin(caller_of(request).tenant, subject, kind or ""))

    @put(
        "/{media_id:str}/parts/{number:int}",
        operation_id="putMediaPart",
        operation_class=TakesBytes,
        opt=scope("media:write"),
        request_max_body_size=None,  # counted while it comes: 16 MiB a part
        responses=may_answer(400, 401, 403, 404, 409, 413, 422, 503),
        summary="Send one part of a recording",
    )
    async def part(self, request: Request[Any, Any, Any], media_id: FromPath[str], number: FromPath[int]) -> PartView:
        """The raw bytes, at most 16 MiB, with `Content-Digest: sha-256=:...:` (RFC 9530) if it shall be checked."""
        digest = _digest(request.headers.get("content-digest"))
        media, tenant = hub_of(request).media, caller_of(request).tenant
        part = await media.put_part(tenant, media_id, number, request.stream(), digest)
        return PartView(part.number, part.size, part.sha256)

    @get(
        "/{media_id:str}/parts",
        operation_id="listMediaParts",
        opt=scope("media:write"),
        responses=may_answer(401, 403, 404, 409, 503),
        summary="The parts that are there already",
    )
    async def parts(self, request: Request[Any, Any, Any], media_id: FromPath[str]) -> PartsView:
        """After an interruption: send the others."""
        found = await hub_of(request).media.parts(caller_of(request).tenant, media_id)
        return PartsView([PartView(part.number, part.size, part.sha256) for part in found])

    @post(
        "/{media_id:str}/complete",
        operation_id="completeMedia",
        opt=scope("media:write"),
        status_code=200,
        operation_class=takes({"parts": Schema(type=OpenAPIType.INTEGER, minimum=1, maximum=99_999)}, need=["parts"]),
        responses=may_answer(400, 401, 403, 404, 409, 413, 422, 503),
        summary="Complete a recording",
    )
    async def complete(self, request: Request[Any, Any, Any], media_id: FromPath[str]) -> MediumView:
        """Exactly the parts 1 to `parts`. Again is the same. `quarantined`: it waits for the malware scanner."""
        count = whole_field(await json_fields(request, need=["parts"]), "parts")
        hub = hub_of(request)
        medium = await hub.media.complete(caller_of(request).tenant, media_id, count or 0)
        state = "ready" if await hub.quarantine.received(medium) else "quarantined"
        return MediumView(medium.id, medium.subject, medium.content_type, medium.size, len(medium.parts), state)

    @post(
        "/{media_id:str}/links",
        operation_id="linkMedia",
        opt=scope("media:read", reads="video.link", grade=Grade.SENSITIVE),
        responses=may_answer(401, 403, 404, 409, 503),
        summary="A link that plays a recording for 60 seconds",
    )
    async def link(self, request: Request[Any, Any, Any], media_id: FromPath[str]) -> LinkView:
        """It plays for the session, or the program, that asked for it and for nobody else. All say what for: X-Purpose.
        The player draws the watermark over the picture and marks how far it is."""
        purpose, tenant = request.headers.get(PURPOSE), caller_of(request).tenant
        return LinkView.of(await hub_of(request).watching.open(tenant, media_id, await _viewer(request), purpose))

    @post(
        "/{media_id:str}/views/{view_id:str}",
        operation_id="markView",
        opt=scope("media:read", "video.watch"),
        status_code=200,
        operation_class=takes(
            {
                "state": Schema(type=OpenAPIType.STRING, enum=[*STATES]),
                "position_s": Schema(type=OpenAPIType.INTEGER, minimum=0, maximum=LONGEST_S),
            },
            need=["state", "position_s"],
        ),
        responses=may_answer(400, 401, 403, 404, 409, 413, 422, 503),
        summary="How far the player is, each half minute and at the end",
    )
    async def mark(self, request: Request[Any, Any, Any], media_id: FromPath[str], view_id: FromPath[str]) -> LinkView:
        """While it plays, the answer has the next link."""
        body = await json_fields(request, need=["state", "position_s"])
        state, position = text_field(body, "state") or "", whole_field(body, "position_s") or 0
        viewer, tenant = await _viewer(request), caller_of(request).tenant
        return LinkView.of(await hub_of(request).watching.mark(tenant, media_id, view_id, viewer, state, position))

    @get(
        "/{media_id:str}/views",
        operation_id="listViews",
        opt=scope("audit:read", "video.views"),
        responses=may_answer(401, 403, 404, 503),
        summary="Who watched a recording",
    )
    async def views(self, request: Request[Any, Any, Any], media_id: FromPath[str]) -> ViewsView:
        """Accounts, times and purposes; nothing of what is seen."""
        found = await hub_of(request).watching.views(caller_of(request).tenant, media_id)
        return ViewsView([ViewView.of(one) for one in found])

    @get(
        "/{media_id:str}/content",
        operation_id="playMedia",
        opt=scope("media:read", "video.stream", reads="video.play", grade=Grade.SENSITIVE),
        status_code=200,
        responses=may_answer(400, 401, 403, 404, 409, 416, 503),
        summary="Play a recording, or a range of it",
    )
    async def content(self, request: Request[Any, Any, Any], media_id: FromPath[str], link: FromQuery[str]) -> Stream:
        """Every byte was verified before it is sent. One range (`Range: bytes=0-1023`) is answered with 206."""
        caller, watching = caller_of(request), hub_of(request).watching
        medium = await watching.follow(caller.tenant, media_id, link, caller.bound_to)
        wanted = _range(request.headers.get("range"), medium.size)
        start, length = wanted or (0, medium.size)
        headers = {
            "Accept-Ranges": "bytes",
            "Content-Length": str(length),
            "Content-Disposition": "inline",
            "X-Content-Type-Options": "nosniff",
        }
        if wanted is not None:
            headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{medium.size}"
        pieces = watching.play(medium, start, length)
        status = 200 if wanted is None else 206
        return Stream(pieces, media_type=medium.content_type, status_code=status, headers=headers)

    @delete(
        "/{media_id:str}",
        operation_id="deleteMedia",
        opt=scope("media:write", reads="video.delete", grade=Grade.SENSITIVE),
        responses=may_answer(401, 403, 404, 409, 503),
        summary="Remove a recording",
    )
    async def remove(self, request: Request[Any, Any, Any], media_id: FromPath[str]) -> None:
        """All of it, whether complete or not."""
        await hub_of(request).media.delete(caller_of(request).tenant, media_id)


async def _viewer(request: Request[Any, Any, Any]) -> Viewer:
    """Who watches: a person by name, a program by its id."""
    caller, signed = caller_of(request), request.state.get("signed")
    if not isinstance(signed, Signed):
        return Viewer(caller.id, caller.id, caller.bound_to)
    profile = await hub_of(request).people.sealing.profile(signed.person)
    return Viewer(caller.id, profile.name, caller.bound_to)


def _digest(header: str | None) -> bytes | None:
    """The SHA-256 in a Content-Digest. Raises Invalid (`bad_header`)."""
    if header is None:
        return None
    match = _DIGEST.fullmatch(header.strip())
    try:
        if match is not None and len(found := base64.b64decode(match[1], validate=True)) == 32:
            return found
    except binascii.Error:
        pass
    raise Invalid("Content-Digest is sha-256=:<base64>:", code="bad_header", at="content-digest")


def _range(header: str | None, size: int) -> tuple[int, int] | None:
    """(start, length) of a single byte range, None for the whole. Raises Invalid (`bad_range`)."""
    if header is None:
        return None
    match = _RANGE.fullmatch(header.strip())
    first, last = (match[1], match[2]) if match else ("", "")
    refused = Invalid("one range of bytes within the recording can be asked for", code="bad_range", at="range")
    if not first and not last:
        raise refused
    if not first:
        length = min(int(last), size)
        if not length:
            raise refused
        return size - length, length
    start, end = int(first), min(int(last), size - 1) if last else size - 1
    if start > end:
        raise refused
    return start, end - start + 1
