"""Errors as RFC 9457 problem details: one table from error to status, nothing echoed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.openapi.datastructures import ResponseSpec

from hub.domain.errors import (
    Conflict,
    Forbidden,
    HubError,
    Invalid,
    NotFound,
    PreconditionFailed,
    Rejected,
    TooMany,
    Unauthorized,
    Unavailable,
)

PROBLEM_JSON = "application/problem+json"

STATUS: tuple[tuple[type[HubError], int], ...] = (
    (Invalid, 422),
    (Unauthorized, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (Conflict, 409),
    (TooMany, 429),
    (PreconditionFailed, 412),
    (Rejected, 400),
    (Unavailable, 503),
)

TITLES = {
    400: "The request cannot be read",
    401: "Not authenticated",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    408: "Too slow",
    409: "Conflict",
    412: "Changed meanwhile",
    413: "Too large",
    415: "Unsupported content type",
    416: "No such range",
    422: "The content is not acceptable",
    429: "Too many requests",
    500: "Internal error",
    503: "Try later",
}
_CODES = {
    400: "malformed",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
}
STATUS_OF = {  # codes that HTTP has a status of its own for, whatever class of error they are
    **dict.fromkeys(("not_json", "duplicate_key", "too_deep", "cut_off"), 400),
    **dict.fromkeys(("bad_cursor", "bad_limit", "bad_id", "bad_header"), 400),
    **dict.fromkeys(("invalid_scope", "invalid_target", "unsupported_grant_type", "not_a_form"), 400),  # RFC 6749, 5.2
    "too_slow": 408,
    "part_too_large": 413,
    "unsupported_media_type": 415,
    "bad_range": 416,
    "rate_limited": 429,
}


class Problem(msgspec.Struct, omit_defaults=True):
    """RFC 9457. `code` is stable; `at` is the place in the input that is wrong."""

    type: str
    title: str
    status: int
    code: str
    detail: str = ""
    at: str = ""


def problem(
    status: int, code: str, detail: str = "", at: str = "", headers: dict[str, str] | None = None
) -> Response[Problem]:
    """A problem response."""
    body = Problem(f"urn:hirewire:problem:{code}", TITLES.get(status, "Error"), status, code, detail, at)
    return Response(body, status_code=status, media_type=PROBLEM_JSON, headers=headers)


def status_of(kind: type[HubError], code: str) -> int:
    """The HTTP status of a named error."""
    return STATUS_OF.get(code) or next(status for one, status in STATUS if issubclass(kind, one))


def on_hub_error(request: Request[Any, Any, Any], error: HubError) -> Response[Problem]:
    """A named error of ours."""
    status = status_of(type(error), error.code)
    headers = {"Connection": "close"} if status == 408 else {}  # what is still to come is no next request
    if isinstance(error, Unavailable | TooMany):
        headers["Retry-After"] = str(max(1, round(error.after or 1)))
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return problem(status, error.code, str(error), error.at or "", headers)


def on_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    """An error of the framework: its text may repeat input, so only the status is used."""
    headers = {name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"}
    return problem(error.status_code, _CODES.get(error.status_code, "http_error"), headers=headers)


def on_any_error(log: Callable[[str], None]) -> Callable[[Request[Any, Any, Any], Exception], Response[Problem]]:
    """Whatever else: the class name is logged, nothing is told."""

    def handle(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
        log(type(error).__name__)
        return problem(500, "internal")

    return handle


_SPECS = {
    status: ResponseSpec(data_container=Problem, media_type=PROBLEM_JSON, description=title, generate_examples=False)
    for status, title in TITLES.items()
}


class _Answers(dict[int, ResponseSpec]):
    """The framework copies every handler to the ground at start; these never change, so one of each will do."""

    def __deepcopy__(self, memo: object) -> _Answers:
        return self


def may_answer(*statuses: int) -> dict[int, ResponseSpec]:
    """The problem responses of a handler, for the OpenAPI document; whoever is known or proves something has a limit."""
    statuses = (*statuses, 429) if 401 in statuses else statuses
    return _Answers({status: _SPECS[status] for status in statuses})
