"""Tokens for programs by client credentials, with the answers that OAuth clients read (RFC 6749, 4.4, 5.1, 5.2)."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

import msgspec
from litestar import Controller, MediaType, Request, Response, post
from litestar.exceptions import HTTPException
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIType

from hub.domain.errors import HubError, Invalid, Unauthorized
from hub.web import dto_people as dto
from hub.web.auth import PUBLIC, hub_of
from hub.web.problems import TITLES, on_http_error, on_hub_error
from hub.web.setup import LONGEST_SECRET

_TEXT = Schema(type=OpenAPIType.STRING, max_length=1000)
_OAUTH = frozenset({"invalid_client", "invalid_scope", "invalid_target", "unsupported_grant_type"})


@dataclass
class TakesForm(Operation):
    """A client's form."""

    request_body: RequestBody | None = field(default=None)

    def __post_init__(self) -> None:
        """One content type, no token."""
        properties = dict.fromkeys(("grant_type", "client_id", "client_secret", "scope", "resource"), _TEXT)
        schema = Schema(type=OpenAPIType.OBJECT, required=["grant_type"], properties={**properties})
        media = {"application/x-www-form-urlencoded": OpenAPIMediaType(schema=schema)}
        self.request_body, self.security = RequestBody(content=media, required=True), []


class TokenError(msgspec.Struct, omit_defaults=True):
    """RFC 6749, 5.2; `code` is ours and says more exactly what is wrong, `at` where."""

    error: str
    error_description: str
    code: str
    at: str = ""


def token_error(request: Request[Any, Any, Any], error: HubError) -> Response[TokenError]:
    """A named error of ours; what cannot be a grant is 400, who is not known 401."""
    plain = on_hub_error(request, error)
    status = 400 if plain.content.status == 422 else plain.content.status
    headers = {**plain.headers} | ({"WWW-Authenticate": 'Basic realm="hirewire"'} if status == 401 else {})
    return _refused(status, error.code, str(error), error.at or "", headers)


def token_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[TokenError]:
    """An error of the framework, without its text."""
    plain = on_http_error(request, error)
    return _refused(plain.content.status, plain.content.code, plain.content.title, "", {**plain.headers})


def _refused(status: int, code: str, says: str, at: str, headers: dict[str, str]) -> Response[TokenError]:
    kind = code if code in _OAUTH else "temporarily_unavailable" if status in (429, 503) else "invalid_request"
    body = TokenError(kind, says, code, at)
    return Response(body, status_code=status, media_type=MediaType.JSON, headers=headers)


_ANSWERS = {
    status: ResponseSpec(data_container=TokenError, description=TITLES[status], generate_examples=False)
    for status in (400, 401, 413, 415, 429, 503)
}


class TokenController(Controller):
    """`/oauth/token`"""

    path = "/oauth/token"
    tags = ("Sign-in",)
    exception_handlers = {HubError: token_error, HTTPException: token_http_error}  # noqa: RUF012 - the framework's type

    @post(
        "/",
        operation_id="issueToken",
        opt=PUBLIC,
        status_code=200,
        operation_class=TakesForm,
        responses=_ANSWERS,
        summary="An access token by client credentials (RFC 6749, 4.4), for five minutes",
    )
    async def issue(self, request: Request[Any, Any, Any]) -> dto.AccessToken:
        """The client authenticates by Basic or in the form; `resource` (RFC 8707) may name this deployment."""
        form = _form(request, await request.body())
        if form.get("grant_type") != "client_credentials":
            raise Invalid("grant_type is client_credentials", code="unsupported_grant_type", at="grant_type")
        id_, secret = _client(request, form)
        issued = await hub_of(request).people.programs.issue(
            id_, secret, form.get("scope", "").split(), form.get("resource") or form.get("audience")
        )
        return dto.AccessToken(issued.token, "Bearer", issued.seconds, " ".join(issued.scopes))


def _form(request: Request[Any, Any, Any], raw: bytes) -> dict[str, str]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Invalid("send a form", code="unsupported_media_type")
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, strict_parsing=bool(raw), max_num_fields=20)
    except ValueError as error:
        raise Invalid("this is not a form", code="not_a_form") from error
    form = dict(pairs)
    if len(form) != len(pairs):
        raise Invalid("a field is said more than once", code="said_twice")
    return form


def _client(request: Request[Any, Any, Any], form: dict[str, str]) -> tuple[str, str]:
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return form.get("client_id", "")[:LONGEST_SECRET], form.get("client_secret", "")[:LONGEST_SECRET]
    try:
        name, _, secret = base64.b64decode(given, validate=True).decode("ascii").partition(":")
    except ValueError as error:
        raise Unauthorized("the client is not known or its secret is wrong", code="invalid_client") from error
    return unquote_plus(name)[:LONGEST_SECRET], unquote_plus(secret)[:LONGEST_SECRET]
