"""Sign-in by WeCom (企业微信): a code that only the company's own token can turn into a member.

https://developer.work.weixin.qq.com/document/path/98151 and 98176
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hub.adapters.sign_in.web import Web, address, get, refused, text
from hub.ports.identity import Elsewhere, Handover
from mappings.documents import Document


@dataclass(frozen=True, slots=True)
class WeCom:
    """The company's token is fetched for each sign-in: rare enough, and nothing is kept. The platform knows no PKCE."""

    web: Web
    login: str = "https://login.work.weixin.qq.com"
    base: str = "https://qyapi.weixin.qq.com"
    needs: tuple[str, ...] = ("corp_id", "agent_id", "client_secret")

    async def begin(self, config: Document, back: str, state: str, nonce: str, verifier: str) -> Handover:
        query = {
            "login_type": "CorpApp",
            "appid": text(config, "corp_id"),
            "agentid": text(config, "agent_id"),
            "redirect_uri": back,
            "state": state,
        }
        return Handover(address(f"{self.login}/wwlogin/sso/login", query))

    async def end(
        self, config: Document, secret: str, back: str, begun: Document, answer: Mapping[str, str]
    ) -> Elsewhere:
        if not answer.get("code"):
            raise refused()
        corp = text(config, "corp_id")
        token = await self._ask("gettoken", {"corpid": corp, "corpsecret": secret})
        access = text(token, "access_token")
        who = await self._ask("auth/getuserinfo", {"access_token": access, "code": answer["code"]})
        member = text(who, "userid", "UserId")  # others than members have an openid alone: they are nobody here
        if not member:
            raise refused()
        user = await self._ask("user/get", {"access_token": access, "userid": member})
        email = text(user, "biz_mail", "email")
        return Elsewhere(f"{corp}/{member}", email or member, text(user, "name") or member, email or None)

    async def _ask(self, path: str, query: Mapping[str, str]) -> Document:
        told = await self.web.json(get(f"{self.base}/cgi-bin/{path}", query))
        if told.get("errcode", 0) != 0:
            raise refused()
        return told
