"""Signing in elsewhere: a real OpenID provider, and the chat platforms played as their documents say."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlsplit

import httpx
import pytest
from litestar.testing import AsyncTestClient

from hub.adapters.clock import ManualClock, SystemClock
from hub.adapters.http.guard import Guard
from hub.adapters.http.router import Router
from hub.adapters.oauth.oidc import Oidc
from hub.adapters.oauth.rfc7636 import s256
from hub.adapters.sign_in import DingTalk, Feishu, Web, WeCom
from hub.domain.ids import TenantId
from hub.domain.permissions import Role
from hub.web.elsewhere import BEGUN
from tests.support import oidc_provider
from tests.support.hubs import SITE, TENANT, bench
from tests.support.one_app import app_over
from tests.support.visitors import Visitor, employ, seated


@dataclass
class Platforms:
    """Feishu, DingTalk and WeCom on one port: each code is good once, for the app it was given to."""

    url: str = ""
    seen: list[str] = field(default_factory=list)
    challenge: str = ""
    member: bool = True
    tenant: str = "tk_1"

    def answer(self, path: str, query: dict[str, str], headers: Any, body: dict[str, Any]) -> dict[str, Any]:
        """As the platforms' documents have it."""
        self.seen.append(path)
        match path:
            case "/open-apis/authen/v2/oauth/token":
                fits = body["code"] == "fs-code" and s256(body["code_verifier"]) == self.challenge
                good = fits and (body["client_id"], body["client_secret"]) == ("cli_1", "fs-secret")
                return {"code": 0, "access_token": "u-1"} if good else {"code": 20003, "error": "invalid_grant"}
            case "/open-apis/authen/v1/user_info":
                data = {
                    "union_id": "on_1",
                    "name": "林悦",
                    "enterprise_email": "lin@hr.example",
                    "tenant_key": self.tenant,
                }
                return {"code": 0, "data": data} if headers["authorization"] == "Bearer u-1" else {"code": 99991668}
            case "/v1.0/oauth2/userAccessToken":
                good = (body["clientId"], body["clientSecret"], body["code"]) == ("ding1", "dt-secret", "dt-code")
                return {"accessToken": "dt-1", "corpId": "ding-corp"} if good else {"code": "invalidParameter.authCode"}
            case "/v1.0/contact/users/me":
                assert headers["x-acs-dingtalk-access-token"] == "dt-1"
                return {"unionId": "du_1", "nick": "王强", "email": "wang@hr.example"}
            case "/cgi-bin/gettoken":
                good = (query["corpid"], query["corpsecret"]) == ("ww1", "wc-secret")
                return {"errcode": 0, "access_token": "wc-1"} if good else {"errcode": 40001}
            case "/cgi-bin/auth/getuserinfo":
                if query["code"] != "wc-code":
                    return {"errcode": 40029}
                return {"errcode": 0, "userid": "zhao"} if self.member else {"errcode": 0, "openid": "o_1"}
            case "/cgi-bin/user/get":
                return {"errcode": 0, "userid": "zhao", "name": "赵敏", "biz_mail": "zhao@hr.example"}
        raise AssertionError(path)


@pytest.fixture
def platforms() -> Iterator[Platforms]:
    played = Platforms()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            split = urlsplit(self.path)
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
            told = played.answer(split.path, dict(parse_qsl(split.query)), self.headers, json.loads(raw or b"{}"))
            sent = json.dumps(told).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_POST = do_GET  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    played.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield played
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
async def site(platforms: Platforms) -> AsyncIterator[Visitor]:
    """A stranger in front of a hub whose way out leads to this machine; its clock shows the real time."""
    clock = ManualClock(datetime.now(UTC))
    transport = Router.build(Guard(allow_loopback=True, allow_http=True, allow_config_hosts=True), SystemClock())
    web, url = Web(transport), platforms.url
    providers = {
        "oidc": Oidc(web.json, clock),
        "feishu": Feishu(web, accounts=url, base=url),
        "dingtalk": DingTalk(web, login=url, base=url),
        "wecom": WeCom(web, login=url, base=url),
    }
    b = bench(clock=clock, providers=providers)
    await b.hub.vault.prepare(TENANT)
    async with AsyncTestClient(app_over(b.hub)) as client:
        yield Visitor(client, b)
    await transport.close()


async def configure(site: Visitor, id: str, body: dict[str, Any]) -> None:
    security = await seated(site.client, site.bench, f"security-{id}", Role.SECURITY_ADMIN)
    told = await security.json("PUT", f"/v1/sign-in-providers/{id}", body)
    assert "client_secret" not in told["config"]


async def begin(site: Visitor, id: str) -> str:
    """The browser's way; the cookie of the begun sign-in is kept apart."""
    answer = await site.call("POST", f"/v1/auth/elsewhere/{id}")
    assert answer.status_code == 200, answer.text
    site.headers = {"cookie": f"{BEGUN}={site.cookie}"}
    site.cookie = None
    return str(answer.json()["url"])


async def end(site: Visitor, id: str, answer: dict[str, str]) -> Any:
    path = f"/v1/auth/elsewhere/{id}/callback"
    query = "&".join(f"{name}={value}" for name, value in answer.items())
    return await site.call("GET", f"{path}?{query}")


def state_of(url: str) -> str:
    return dict(parse_qsl(urlsplit(url).query))["state"]


FEISHU = {"kind": "feishu", "client_id": "cli_1", "client_secret": "fs-secret", "tenant_key": "tk_1", "create": True}
DINGTALK = {
    "kind": "dingtalk",
    "client_id": "ding1",
    "client_secret": "dt-secret",
    "corp_id": "ding-corp",
    "create": True,
}
WECOM = {"kind": "wecom", "corp_id": "ww1", "agent_id": "1000002", "client_secret": "wc-secret", "create": True}
CHATS = {"feishu": (FEISHU, "fs-code"), "dingtalk": (DINGTALK, "dt-code"), "wecom": (WECOM, "wc-code")}


@pytest.mark.parametrize("kind", CHATS)
async def test_a_member_signs_in_by_a_chat_platform(site: Visitor, platforms: Platforms, kind: str) -> None:
    config, code = CHATS[kind]
    await configure(site, kind, config)
    url = await begin(site, kind)
    platforms.challenge = dict(parse_qsl(urlsplit(url).query)).get("code_challenge", "")
    assert url.startswith(platforms.url)
    refused = await end(site, kind, {"code": "other", "state": "x"})
    assert refused.json()["code"] == "bad_ticket"
    name = "authCode" if kind == "dingtalk" else "code"
    told = await end(site, kind, {name: code, "state": state_of(url)})
    assert told.json()["state"] == "enrol", told.text
    again = await end(site, kind, {name: code, "state": state_of(url)})
    assert again.json()["code"] == "bad_ticket"
    site.headers = {}
    await site.enrol_totp()
    first = (await site.json("GET", "/v1/auth/session"))["person_id"]
    url = await begin(site, kind)
    platforms.challenge = dict(parse_qsl(urlsplit(url).query)).get("code_challenge", "")
    told = (await end(site, kind, {name: code, "state": state_of(url)})).json()
    assert told["state"] == "second_factor"
    done = {"ticket": told["ticket"], "code": site.code()}
    assert (await site.json("POST", "/v1/auth/second-factor", done))["person_id"] == first


@pytest.mark.parametrize("kind", CHATS)
async def test_a_wrong_code_and_a_stranger_to_the_company_are_refused(
    site: Visitor, platforms: Platforms, kind: str
) -> None:
    config, code = CHATS[kind]
    await configure(site, kind, config)
    url = await begin(site, kind)
    wrong = await end(site, kind, {"code": "guess", "state": state_of(url)})
    assert (wrong.status_code, wrong.json()["code"]) == (401, "sign_in_refused")
    platforms.member, platforms.tenant = False, "tk_2"
    if kind == "dingtalk":
        await configure(site, "other", {**config, "corp_id": "another-corp"})
        kind = "other"
    url = await begin(site, kind)
    platforms.challenge = dict(parse_qsl(urlsplit(url).query)).get("code_challenge", "")
    stranger = await end(site, kind, {"code": code, "state": state_of(url)})
    assert stranger.json()["code"] == "sign_in_refused"


async def test_another_browser_cannot_end_what_this_one_began(site: Visitor, platforms: Platforms) -> None:
    await configure(site, "feishu", FEISHU)
    url = await begin(site, "feishu")
    mine = site.headers
    other = Visitor(site.client, site.bench)
    assert (await end(other, "feishu", {"code": "fs-code", "state": state_of(url)})).json()["code"] == "bad_ticket"
    await begin(other, "feishu")
    swapped = await end(other, "feishu", {"code": "fs-code", "state": state_of(url)})
    assert swapped.json()["code"] == "bad_ticket"
    ticket = mine["cookie"].partition(".")[0]
    other.headers = {"cookie": f"{ticket}.{'0' * 64}"}
    assert (await end(other, "feishu", {"code": "fs-code", "state": state_of(url)})).json()["code"] == "bad_ticket"
    site.bench.clock.advance(301)
    assert (await end(site, "feishu", {"code": "fs-code", "state": state_of(url)})).json()["code"] == "bad_ticket"


async def test_a_provider_speaks_for_logins_only_where_it_is_trusted_to(site: Visitor, platforms: Platforms) -> None:
    known = await employ(site.bench, "lin@hr.example", Role.RECRUITER)
    for options, status in (({"create": True}, 403), ({"create": False}, 403), ({"create": False, "link": True}, 200)):
        await configure(site, "feishu", {**FEISHU, **options})
        url = await begin(site, "feishu")
        platforms.challenge = dict(parse_qsl(urlsplit(url).query))["code_challenge"]
        told = await end(site, "feishu", {"code": "fs-code", "state": state_of(url)})
        assert told.status_code == status, options
        await _forget(site, "security-feishu")
    assert told.json()["person_id"] == known.id


TWO = TenantId(2)


async def come_in(site: Visitor, platforms: Platforms, id: str) -> Any:
    """By Feishu, as `lin`, from the first step to the answer."""
    site.headers, site.cookie, site.csrf = {}, None, None
    url = await begin(site, id)
    platforms.challenge = dict(parse_qsl(urlsplit(url).query))["code_challenge"]
    answer = await end(site, id, {"code": "fs-code", "state": state_of(url)})
    site.headers = {}
    return answer


async def test_whose_people_sign_in_is_settled_by_the_provider_s_name(site: Visitor, platforms: Platforms) -> None:
    """Two tenants with the same application at the same platform, and one person who says the same to both."""
    people = site.bench.hub.people
    await configure(site, "mine", FEISHU)
    await people.elsewhere.put(TWO, "theirs", FEISHU, "test")
    found = {}
    for id, tenant in (("mine", TENANT), ("theirs", TWO)):
        told = await come_in(site, platforms, id)
        assert told.json()["state"] == "enrol", told.text
        signed = await people.sessions.check(str(site.cookie))
        assert {signed.session.tenant, signed.person.tenant} == {tenant}
        found[id] = signed.person.id
        await people.rights.grant(tenant, signed.person.id, Role.SYSTEM_ADMIN, "test")  # the session ends
        await come_in(site, platforms, id)
        await site.enrol_totp()
        assert (await site.json("GET", "/v1/auth/session"))["person_id"] == found[id]
        listed = {one["id"] for one in (await site.json("GET", "/v1/people"))["items"]}
        assert (found[id] in listed, listed & {*found.values()}) == (True, {found[id]})
    assert found["mine"] != found["theirs"]
    assert (await site.call("GET", f"/v1/people/{found['mine']}")).status_code == 404
    again = (await come_in(site, platforms, "theirs")).json()
    answer = {"ticket": again["ticket"], "code": site.code()}
    assert (await site.json("POST", "/v1/auth/second-factor", answer))["person_id"] == found["theirs"]
    assert (await people.sessions.check(str(site.cookie))).session.tenant == TWO


async def test_what_began_at_one_tenant_s_provider_does_not_end_at_another_s(
    site: Visitor, platforms: Platforms
) -> None:
    elsewhere = site.bench.hub.people.elsewhere
    await elsewhere.put(TENANT, "mine", FEISHU, "test")
    await elsewhere.put(TWO, "theirs", FEISHU, "test")
    for here, there in (("mine", "theirs"), ("theirs", "mine")):
        url = await begin(site, here)
        platforms.challenge = dict(parse_qsl(urlsplit(url).query))["code_challenge"]
        answer = await end(site, there, {"code": "fs-code", "state": state_of(url)})
        assert (answer.status_code, answer.json()["code"]) == (401, "bad_ticket")
    url = await begin(site, "mine")  # and then the name changes hands
    platforms.challenge = dict(parse_qsl(urlsplit(url).query))["code_challenge"]
    await elsewhere.remove(TENANT, "mine", "test")
    await elsewhere.put(TWO, "mine", FEISHU, "test")
    answer = await end(site, "mine", {"code": "fs-code", "state": state_of(url)})
    assert (answer.status_code, answer.json()["code"]) == (401, "bad_ticket")
    assert not [path for path in platforms.seen if path.endswith("/token")]


async def test_a_provider_of_another_tenant_is_neither_seen_nor_taken_nor_spoken_for(
    site: Visitor, platforms: Platforms
) -> None:
    await site.bench.hub.people.elsewhere.put(TWO, "theirs", FEISHU, "test")
    await employ(site.bench, "lin@hr.example", Role.RECRUITER, tenant=TWO)
    security = await seated(site.client, site.bench, "security", Role.SECURITY_ADMIN)
    taken = await security.call("PUT", "/v1/sign-in-providers/theirs", FEISHU)
    assert (taken.status_code, taken.json()["code"]) == (409, "name_taken")
    assert (await security.call("DELETE", "/v1/sign-in-providers/theirs")).status_code == 404
    assert await security.json("GET", "/v1/sign-in-providers") == []
    assert await site.json("GET", "/v1/auth/elsewhere") == []
    await security.json("PUT", "/v1/sign-in-providers/mine", {**FEISHU, "create": False, "link": True})
    stranger = await come_in(site, platforms, "mine")
    assert (stranger.status_code, stranger.json()["code"]) == (403, "not_known")
    assert (await come_in(site, platforms, "theirs")).status_code == 403  # it may not speak for logins that are there


async def _forget(site: Visitor, login: str) -> None:
    roster = site.bench.hub.people.roster
    person = await roster.by_login(TENANT, login)
    assert person is not None
    await roster.remove(person, "test")


@pytest.mark.timeout(180)
async def test_a_real_openid_provider_signs_people_in_with_roles_by_its_groups(site: Visitor) -> None:
    back = f"{SITE}/v1/auth/elsewhere/corp/callback"
    with oidc_provider.provider("hirewire", back) as issuer:
        config = {
            "kind": "oidc", "issuer": issuer, "client_id": "hirewire", "client_secret": "provider-test-client",
            "create": True, "groups": {"HR Managers": "hr_manager", "Auditors": {"role": "auditor"}}, "clearance": 4,
        }  # fmt: skip
        await configure(site, "corp", config)
        assert [way["id"] for way in await site.json("GET", "/v1/auth/elsewhere")] == ["corp"]
        url = await begin(site, "corp")
        answer = oidc_provider.walk(url, "ada")
        assert answer["iss"] == issuer
        other = await end(site, "corp", {**answer, "iss": "https://evil.example"})
        assert other.json()["code"] == "sign_in_refused"
        url = await begin(site, "corp")
        told = await end(site, "corp", oidc_provider.walk(url, "ada"))
        assert told.json()["state"] == "enrol", told.text
        site.headers = {}
        await site.enrol_totp()
        session = await site.json("GET", "/v1/auth/session")
        assert (session["name"], session["roles"]) == ("Ada Sample", ["hr_manager"])
        eve = Visitor(site.client, site.bench)
        url = await begin(eve, "corp")
        stolen = oidc_provider.walk(url, "eve")
        assert (await end(eve, "corp", stolen)).json()["state"] == "enrol"
        replayed = await end(eve, "corp", stolen)
        assert replayed.json()["code"] == "bad_ticket"
        await _groups_go(site, config)


async def _groups_go(site: Visitor, config: dict[str, Any]) -> None:
    """A role that the provider's groups do not give any more is gone at the next sign-in."""
    await _forget(site, "security-corp")
    await configure(site, "corp", {**config, "groups": {"Staff": "recruiter"}})
    url = await begin(site, "corp")
    told = (await end(site, "corp", oidc_provider.walk(url, "ada"))).json()
    site.headers = {}
    await site.json("POST", "/v1/auth/second-factor", {"ticket": told["ticket"], "code": site.code()})
    assert (await site.json("GET", "/v1/auth/session"))["roles"] == ["recruiter"]


@pytest.mark.timeout(180)
async def test_a_code_is_good_once_for_the_browser_it_was_given_to(site: Visitor) -> None:
    """Bad input 34: twice at once, again later, and in a sign-in that somebody else began."""
    with oidc_provider.provider("hirewire", BACK) as issuer:
        await configure(site, "corp", _corp(issuer))
        answer = oidc_provider.walk(await begin(site, "corp"), "ada")
        twice = await asyncio.gather(*(end(site, "corp", answer) for _ in range(5)))
        assert sorted(told.json().get("state") or told.json()["code"] for told in twice) == ["bad_ticket"] * 4 + [
            "enrol"
        ]
        eve = Visitor(site.client, site.bench)
        theirs = await begin(eve, "corp")
        injected = await end(eve, "corp", {**answer, "state": state_of(theirs)})
        assert (injected.status_code, injected.json()["code"]) == (401, "sign_in_refused")
        fresh = oidc_provider.walk(await begin(site, "corp"), "ada")
        theirs = await begin(eve, "corp")
        stolen = await end(eve, "corp", {**fresh, "state": state_of(theirs)})  # unused, but of another's challenge
        assert (stolen.status_code, stolen.json()["code"]) == (401, "sign_in_refused")
        assert fresh["code"] not in injected.text + stolen.text


@pytest.mark.timeout(180)
async def test_where_the_browser_comes_back_to_is_one_address_to_the_letter(site: Visitor) -> None:
    """Bad input 35: no header of ours changes it, and a provider that keeps to the letter takes ours and no other."""
    with oidc_provider.provider("hirewire", BACK) as issuer:
        await configure(site, "corp", _corp(issuer))
        for headers in ({"host": "evil.example"}, {"x-forwarded-host": "evil.example"}, {"x-forwarded-proto": "http"}):
            site.headers = headers
            url = await begin(site, "corp")
            assert dict(parse_qsl(urlsplit(url).query))["redirect_uri"] == BACK
        whole = f"redirect_uri={quote_plus(BACK)}"
        assert whole in url
        for other in (
            f"{BACK}/",
            f"{BACK}#x",
            f"{BACK}?x=1",
            BACK.replace(SITE, f"{SITE}:8443"),
            BACK.replace("/v1", "//v1"),
        ):
            answer = httpx.get(url.replace(whole, f"redirect_uri={quote_plus(other)}"), timeout=30)
            assert (answer.status_code, "location" in answer.headers) == (400, False), other
        for path in (f"{BACK}/x", BACK.replace("/v1", "//v1"), f"{BACK}%23x", BACK.replace("corp", "corp%2Fx")):
            strange = await site.call("GET", path.removeprefix(SITE) + "?code=c&state=s")
            assert strange.status_code in (401, 404), path
            assert strange.json()["code"] in ("bad_ticket", "not_found", "bad_token"), path


BACK = f"{SITE}/v1/auth/elsewhere/corp/callback"


def _corp(issuer: str) -> dict[str, Any]:
    return {
        "kind": "oidc",
        "issuer": issuer,
        "client_id": "hirewire",
        "client_secret": "provider-test-client",
        "create": True,
    }
