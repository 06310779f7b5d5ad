"""Signing in by chat platforms: one exchange each, over the guarded way out."""

from hub.adapters.sign_in.dingtalk import DingTalk
from hub.adapters.sign_in.feishu import Feishu
from hub.adapters.sign_in.web import Web
from hub.adapters.sign_in.wecom import WeCom

__all__ = ["DingTalk", "Feishu", "WeCom", "Web"]
