"""Signing in and out, one's own password and factors, the first people, tokens for programs."""

from __future__ import annotations

import base64
from typing import Any

from litestar import Controller, Request, Response, delete, get, post
from litestar.openapi.spec import Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import FromPath

from hub.app.people.factors import Proof
from hub.app.people.rights import AUTHENTICATOR
from hub.app.people.sessions import csrf_token
from hub.app.people.sign_in import Asked, SignedIn
from hub.domain import rfc6238
from hub.domain.errors import Forbidden, Invalid, Unauthorized
from hub.domain.permissions import Reason
from hub.domain.permissions.deciding import STEP_UP
from hub.web import dto_people as dto
from hub.web.auth import COOKIE, PUBLIC, does, hub_of
from hub.web.bodies import json_fields, takes, text_field
from hub.web.problems import may_answer
from hub.web.setup import secret_field, tenant_of
from hub.web.signed import SAYS, must_be_ours, signed_of, subject_of
from mappings.documents import Document

_TEXT = Schema(type=OpenAPIType.STRING, max_length=1000)
_TICKET = Schema(type=OpenAPIType.STRING, max_length=200)
_OBJECT = Schema(type=OpenAPIType.OBJECT)
_PROOF = {"ticket": _TICKET, "code": _TEXT, "assertion": _OBJECT, "recovery": _TEXT}
COOKIE_ATTRIBUTES = "Path=/; Secure; HttpOnly; SameSite=Lax"
_GONE = {
    "Set-Cookie": f"{COOKIE}=; Max-Age=0; {COOKIE_ATTRIBUTES}",
    "Clear-Site-Data": '"cache", "cookies", "storage"',
}


class SignInController(Controller):
    """`/v1/auth`"""

    path = "/v1/auth"
    tags = ("Sign-in",)

    @post(
        "/login",
        operation_id="login",
        opt=PUBLIC,
        status_code=200,
        operation_class=takes({"login": _TEXT, "password": _TEXT}, need=["login", "password"], public=True),
        responses=may_answer(400, 401, 403, 413, 422, 429, 503),
        summary="Sign in with a password; a second factor follows",
    )
    async def login(self, request: Request[Any, Any, Any]) -> Response[dto.LoginView]:
        """The same words and about the same time whatever is wrong."""
        people = hub_of(request).people
        must_be_ours(people, request, None)
        body = await json_fields(request, need=("login", "password"))
        network = request.client.host if request.client else ""
        login, password = secret_field(body, "login"), secret_field(body, "password")
        return login_answer(await people.sign_in.password(tenant_of(request), login, password, network))

    @post(
        "/second-factor",
        operation_id="secondFactor",
        opt=PUBLIC,
        status_code=200,
        operation_class=takes(_PROOF, need=["ticket"], public=True),
        responses=may_answer(400, 401, 403, 413, 422, 429, 503),
        summary="Answer the ticket with a code, an authenticator's assertion, or a recovery code",
    )
    async def second_factor(self, request: Request[Any, Any, Any]) -> Response[dto.LoginView]:
        """A session with a new cookie follows."""
        people = hub_of(request).people
        must_be_ours(people, request, None)
        ticket, proof = await _proof(request)
        return login_answer(await people.sign_in.second(ticket, proof))

    @post(
        "/accept",
        operation_id="acceptInvitation",
        opt=PUBLIC,
        status_code=204,
        operation_class=takes({"ticket": _TICKET, "password": _TEXT}, need=["ticket", "password"], public=True),
        responses=may_answer(400, 401, 403, 413, 422, 503),
        summary="Take up an invitation: set the password",
    )
    async def accept(self, request: Request[Any, Any, Any]) -> None:
        """Then sign in."""
        people = hub_of(request).people
        must_be_ours(people, request, None)
        body = await json_fields(request, need=("ticket", "password"))
        await people.sign_in.accept(secret_field(body, "ticket"), secret_field(body, "password"))

    @get(
        "/session",
        operation_id="getSession",
        opt=does("self.enrol"),
        responses=may_answer(401, 403, 503),
        summary="Who is signed in",
    )
    async def session(self, request: Request[Any, Any, Any]) -> dto.SessionView:
        """With the token that pages send back in X-CSRF-Token."""
        signed, cookie = signed_of(request)
        profile = await hub_of(request).people.sealing.profile(signed.person)
        s = signed.session
        return dto.SessionView(
            s.person, profile.name, profile.locale, sorted({one.role for one in signed.grants}), subject_of(request).whole,
            csrf_token(cookie), s.ends_at, s.stepped_up_at,
        )  # fmt: skip

    @post(
        "/logout",
        operation_id="logout",
        opt=does("self.enrol"),
        status_code=204,
        response_headers=_GONE,
        responses=may_answer(401, 403, 503),
        summary="Sign out",
    )
    async def logout(self, request: Request[Any, Any, Any]) -> None:
        """The session is gone, not only the cookie."""
        signed, _ = signed_of(request)
        await hub_of(request).people.sessions.end(signed.session)

    @post(
        "/step-up",
        operation_id="stepUp",
        opt=does("self.enrol"),
        status_code=200,
        operation_class=takes(_PROOF),
        responses=may_answer(400, 401, 403, 413, 422, 429, 503),
        summary="Prove a second factor again: without a ticket to begin, with it to end",
    )
    async def step_up(self, request: Request[Any, Any, Any]) -> Response[dto.LoginView]:
        """Good for five minutes; the session has a new cookie then."""
        signed, _ = signed_of(request)
        sign_in = hub_of(request).people.sign_in
        if not await request.body():
            return login_answer(await sign_in.begin_step_up(signed))
        ticket, proof = await _proof(request)
        return login_answer(await sign_in.step_up(signed, ticket, proof))

    @post(
        "/password",
        operation_id="changePassword",
        opt=does("self.use"),
        status_code=200,
        operation_class=takes({"old": _TEXT, "new": _TEXT}, need=["old", "new"]),
        responses=may_answer(400, 401, 403, 413, 422, 429, 503),
        summary="Change one's password",
    )
    async def password(self, request: Request[Any, Any, Any]) -> Response[dto.LoginView]:
        """Every other session ends; this one has a new cookie."""
        signed, _ = signed_of(request)
        body = await json_fields(request, need=("old", "new"))
        sign_in = hub_of(request).people.sign_in
        return login_answer(await sign_in.change_password(signed, secret_field(body, "old"), secret_field(body, "new")))


class FactorsController(Controller):
    """`/v1/auth/factors`: one's own. To add or drop one where there are some, step up first."""

    path = "/v1/auth/factors"
    tags = ("Sign-in",)

    @get(
        "/",
        operation_id="listFactors",
        opt=does("self.enrol"),
        responses=may_answer(401, 403, 503),
        summary="One's second factors",
    )
    async def every(self, request: Request[Any, Any, Any]) -> list[dto.FactorView]:
        """Recovery codes that are left count too."""
        signed, _ = signed_of(request)
        found = await hub_of(request).people.factors.of(signed.person.tenant, signed.person.id)
        return [dto.FactorView.of(one) for one in found if not one.used]

    @post(
        "/",
        operation_id="beginFactor",
        opt=does("self.enrol"),
        status_code=200,
        operation_class=takes({"kind": Schema(type=OpenAPIType.STRING, enum=["totp", "webauthn"])}, need=["kind"]),
        responses=may_answer(400, 401, 403, 413, 422, 503),
        summary="Begin to enrol a second factor",
    )
    async def begin(self, request: Request[Any, Any, Any]) -> dto.EnrolView:
        """A secret for an app, or options for an authenticator; nothing is in force before it is confirmed."""
        signed, _ = signed_of(request)
        people, person = hub_of(request).people, signed.person
        await _may_change_factors(request)
        body = await json_fields(request, need=("kind",))
        profile = await people.sealing.profile(person)
        if body["kind"] == "totp":
            secret = people.factors.new_secret()
            content: Document = {"secret": secret.hex()}
            ticket = await people.tickets.open(person.tenant, "enrol_totp", content, person=person.id)
            words = base64.b32encode(secret).decode().rstrip("=")
            return dto.EnrolView(ticket, words, rfc6238.address(secret, "Hirewire", profile.login))
        if body["kind"] != "webauthn":
            raise Invalid("kind is totp or webauthn", code="enum", at="kind")
        asked = await people.factors.begin_webauthn(person.tenant, person.id, profile.login)
        ticket = await people.tickets.open(person.tenant, "enrol_webauthn", {"state": asked.state}, person=person.id)
        return dto.EnrolView(ticket, options={**asked.options})

    @post(
        "/confirm",
        operation_id="confirmFactor",
        opt=does("self.enrol"),
        status_code=200,
        operation_class=takes({"ticket": _TICKET, "name": _TEXT, "code": _TEXT, "answer": _OBJECT}, need=["ticket"]),
        responses=may_answer(400, 401, 403, 413, 422, 503),
        summary="Confirm a second factor: the session has it from now on, under a new cookie",
    )
    async def confirm(self, request: Request[Any, Any, Any]) -> Response[dto.LoginView]:
        """`code` for an app, `answer` for an authenticator."""
        signed, _ = signed_of(request)
        people, person = hub_of(request).people, signed.person
        body = await json_fields(request, need=("ticket",), may=("name", "code", "answer"))
        name, code, answer = text_field(body, "name") or "", text_field(body, "code"), body.get("answer")
        if len(name) > 100 or not (name.isprintable() or not name):
            raise Invalid("a name has at most 100 characters", code="bad_name", at="name")
        purpose = "enrol_totp" if code is not None else "enrol_webauthn"
        seen, content = await people.tickets.look(secret_field(body, "ticket"), purpose)
        if seen.person != person.id:
            raise Unauthorized("this is over or was never begun; begin again", code="bad_ticket")
        state = content.get("state")
        if code is not None:
            secret = bytes.fromhex(str(content["secret"]))
            made = await people.factors.enrol_totp(person.tenant, person.id, name, secret, code)
        elif isinstance(answer, dict) and isinstance(state, dict):
            made = await people.factors.enrol_webauthn(person.tenant, person.id, name, state, answer)
        else:
            raise Invalid("send the code or the authenticator's answer", code="missing", at="code")
        await people.tickets.close(seen)
        session, token = await people.sessions.turn(signed.session, factor=made.kind)
        return login_answer(SignedIn(session, token))

    @post(
        "/recovery",
        operation_id="makeRecoveryCodes",
        opt=does("self.use"),
        status_code=200,
        responses=may_answer(401, 403, 503),
        summary="Ten recovery codes, told once; older ones are worth nothing then",
    )
    async def recovery(self, request: Request[Any, Any, Any]) -> dto.CodesView:
        """Each stands in for a second factor once."""
        signed, _ = signed_of(request)
        await _may_change_factors(request)
        person = signed.person
        return dto.CodesView(await hub_of(request).people.factors.make_recovery(person.tenant, person.id))

    @delete(
        "/{factor_id:str}",
        operation_id="dropFactor",
        opt=does("self.use"),
        responses=may_answer(401, 403, 404, 422, 503),
        summary="Drop a second factor; the last one stays",
    )
    async def drop(self, request: Request[Any, Any, Any], factor_id: FromPath[str]) -> None:
        """Step up first."""
        signed, _ = signed_of(request)
        await _may_change_factors(request)
        person = signed.person
        await hub_of(request).people.factors.drop(person.tenant, person.id, factor_id, person.id)


async def _may_change_factors(request: Request[Any, Any, Any]) -> None:
    """Who has a factor proves one before another comes or goes; who has none has just given the password."""
    signed, _ = signed_of(request)
    people = hub_of(request).people
    kinds = await people.factors.kinds(signed.person.tenant, signed.person.id)
    if not kinds:
        return
    at, now = signed.session.stepped_up_at, people.clock.now()
    if not signed.session.full or at is None or now - at > STEP_UP:
        raise Forbidden("prove a second factor again", code="step_up_needed")
    proved = {AUTHENTICATOR, "recovery"} & {*signed.session.factors}
    if people.rights.needs_authenticator(signed) and AUTHENTICATOR in kinds and not proved:
        # else whoever knows password and app would add an authenticator of his own
        raise Forbidden(SAYS[Reason.AUTHENTICATOR_MISSING], code=str(Reason.AUTHENTICATOR_MISSING))


async def _proof(request: Request[Any, Any, Any]) -> tuple[str, Proof]:
    body = await json_fields(request, need=("ticket",), may=("code", "assertion", "recovery"))
    assertion = body.get("assertion")
    if assertion is not None and not isinstance(assertion, dict):
        raise Invalid("assertion is an object", code="type", at="assertion")
    return secret_field(body, "ticket"), Proof(text_field(body, "code"), assertion, text_field(body, "recovery"))


def login_answer(outcome: Asked | SignedIn) -> Response[dto.LoginView]:
    """Where a sign-in stands, with the cookie of a session."""
    headers = {}
    if isinstance(outcome, SignedIn):
        headers["Set-Cookie"] = f"{COOKIE}={outcome.token}; {COOKIE_ATTRIBUTES}"
    return Response(dto.LoginView.of(outcome), status_code=200, headers=headers)
