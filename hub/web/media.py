"""Recordings in and out: numbered parts that may be sent again, ranges that were verified before they are served."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

import msgspec
from litestar import Controller, Request, delete, get, post, put
from litestar.openapi.spec import Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import FromPath, FromQuery
from litestar.response import Stream

from hub.domain.audit import Grade
from hub.domain.errors import Invalid
from hub.web.auth import caller_of, hub_of, scope
from hub.web.bodies import json_fields, takes, text_field, whole_field
from hub.web.problems import may_answer

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


class LinkView(msgspec.Struct):
    """A link that plays the recording for a minute, to its maker alone."""

    url: str
    expires_at: str


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
        """Exactly the parts 1 to `parts`. Again is the same."""
        count = whole_field(await json_fields(request, need=["parts"]), "parts")
        medium = await hub_of(request).media.complete(caller_of(request).tenant, media_id, count or 0)
        return MediumView(medium.id, medium.subject, medium.content_type, medium.size, len(medium.parts))

    @post(
        "/{media_id:str}/links",
        operation_id="linkMedia",
        opt=scope("media:read", reads="video.link", grade=Grade.SENSITIVE),
        responses=may_answer(401, 403, 404, 409, 503),
        summary="A link that plays a recording for 60 seconds",
    )
    async def link(self, request: Request[Any, Any, Any], media_id: FromPath[str]) -> LinkView:
        """It plays for the session, or the program, that asked for it and for nobody else. People say what for: X-Purpose."""
        caller = caller_of(request)
        token, ends = await hub_of(request).media.link(caller.tenant, media_id, caller.bound_to)
        return LinkView(f"/v1/media/{media_id}/content?link={token}", ends.isoformat())

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
        caller, media = caller_of(request), hub_of(request).media
        medium = await media.follow(caller.tenant, media_id, link, caller.bound_to)
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
        pieces = media.play(medium, start, length)
        status = 200 if wanted is None else 206
        return Stream(pieces, media_type=medium.content_type, status_code=status, headers=headers)

    @delete(
        "/{media_id:str}",
        operation_id="deleteMedia",
        opt=scope("media:write", reads="video.delete", grade=Grade.SENSITIVE),
        responses=may_answer(401, 403, 404, 503),
        summary="Remove a recording",
    )
    async def remove(self, request: Request[Any, Any, Any], media_id: FromPath[str]) -> None:
        """All of it, whether complete or not."""
        await hub_of(request).media.delete(caller_of(request).tenant, media_id)


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
