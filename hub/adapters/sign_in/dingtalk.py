"""Sign-in by DingTalk (钉钉): authorisation code, a user token, then the user's own data.

https://open.dingtalk.com/document/orgapp/tutorial-obtaining-user-personal-information
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hub.adapters.sign_in.web import Web, address, get, refused, text
from hub.ports.identity import Elsewhere, Handover
from hub.ports.transport import HttpRequest
from mappings.documents import Document


@dataclass(frozen=True, slots=True)
class DingTalk:
    """`corp_id` in the configuration: only members of that company come in. The platform knows no PKCE."""

    web: Web
    login: str = "https://login.dingtalk.com"
    base: str = "https://api.dingtalk.com"
    needs: tuple[str, ...] = ("client_id", "client_secret", "corp_id")

    async def begin(self, config: Document, back: str, state: str, nonce: str, verifier: str) -> Handover:
        query = {
            "redirect_uri": back,
            "response_type": "code",
            "client_id": text(config, "client_id"),
            "scope": "openid corpid",
            "state": state,
            "prompt": "consent",
            "corpId": text(config, "corp_id"),
        }
        return Handover(address(f"{self.login}/oauth2/auth", query))

    async def end(
        self, config: Document, secret: str, back: str, begun: Document, answer: Mapping[str, str]
    ) -> Elsewhere:
        code = answer.get("authCode") or answer.get("code")
        if not code:
            raise refused()
        exchange: Document = {
            "clientId": text(config, "client_id"),
            "clientSecret": secret,
            "code": code,
            "grantType": "authorization_code",
        }
        token = await self.web.json(
            HttpRequest("POST", f"{self.base}/v1.0/oauth2/userAccessToken", json=exchange, auth="none")
        )
        access = text(token, "accessToken")
        if not access or text(token, "corpId") != text(config, "corp_id"):
            raise refused()
        user = await self.web.json(get(f"{self.base}/v1.0/contact/users/me", x_acs_dingtalk_access_token=access))
        subject, email = text(user, "unionId"), text(user, "email")
        if not subject:
            raise refused()
        return Elsewhere(subject, email or subject, text(user, "nick"), email or None)
