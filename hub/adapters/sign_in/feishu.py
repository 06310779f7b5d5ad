"""Sign-in by Feishu (飞书): authorisation code with PKCE, then the user's own data.

https://open.feishu.cn/document/common-capabilities/sso/api/obtain-oauth-code and its two followers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hub.adapters.oauth.rfc7636 import s256
from hub.adapters.sign_in.web import Web, address, get, refused, text
from hub.ports.identity import Elsewhere, Handover
from hub.ports.transport import HttpRequest
from mappings.documents import Document


@dataclass(frozen=True, slots=True)
class Feishu:
    """`tenant_key` in the configuration: only members of that company come in."""

    web: Web
    accounts: str = "https://accounts.feishu.cn"
    base: str = "https://open.feishu.cn"
    needs: tuple[str, ...] = ("client_id", "client_secret", "tenant_key")

    async def begin(self, config: Document, back: str, state: str, nonce: str, verifier: str) -> Handover:
        query = {
            "client_id": text(config, "client_id"),
            "response_type": "code",
            "redirect_uri": back,
            "state": state,
            "code_challenge": s256(verifier),
            "code_challenge_method": "S256",
        }
        return Handover(address(f"{self.accounts}/open-apis/authen/v1/authorize", query), {"verifier": verifier})

    async def end(
        self, config: Document, secret: str, back: str, begun: Document, answer: Mapping[str, str]
    ) -> Elsewhere:
        if not answer.get("code"):
            raise refused()
        exchange: Document = {
            "grant_type": "authorization_code",
            "client_id": text(config, "client_id"),
            "client_secret": secret,
            "code": answer["code"],
            "redirect_uri": back,
            "code_verifier": str(begun["verifier"]),
        }
        token = await self.web.json(
            HttpRequest("POST", f"{self.base}/open-apis/authen/v2/oauth/token", json=exchange, auth="none")
        )
        access = text(token, "access_token")
        if token.get("code") != 0 or not access:
            raise refused()
        told = await self.web.json(get(f"{self.base}/open-apis/authen/v1/user_info", authorization=f"Bearer {access}"))
        user = told.get("data")
        if told.get("code") != 0 or not isinstance(user, dict) or not text(user, "union_id"):
            raise refused()
        if text(user, "tenant_key") != text(config, "tenant_key"):
            raise refused()
        email = text(user, "enterprise_email", "email")
        return Elsewhere(text(user, "union_id"), email or text(user, "union_id"), text(user, "name"), email or None)
