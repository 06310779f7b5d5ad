"""What is sent to a served hub, and what must be answered: the makings of the bad inputs."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hub.adapters.http import standard_webhooks
from tests.edges.served import PARTNER_KEY, WHSEC, Answer, Served, request
from tests.support.hubs import report

SINGLE = "application/cloudevents+json"
CANARY = "c4n4ry"  # stands in inputs; no answer may hold it
LIMIT = 10 * 1024 * 1024


@dataclass(frozen=True)
class Probe:
    """One thing to send and the (status, code) pairs that are right. Code "" is the server's own plain answer."""

    what: str
    send: Callable[[Served], Answer]
    wanted: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Elsewhere:
    """Proved by these tests."""

    tests: tuple[str, ...]


@dataclass(frozen=True)
class Waits:
    """Cannot be sent yet."""

    why: str


@dataclass(frozen=True)
class Input:
    """One line of the study."""

    id: int
    what: str
    how: tuple[Probe, ...] | Elsewhere | Waits
    also: tuple[str, ...] = ()  # tests that prove more of it


def event(**more: Any) -> dict[str, Any]:
    """A report as the engine sends it, changed."""
    told = report(key=str(more.pop("key", "bad-input")))
    base = {"specversion": "1.0", "id": told.key, "source": told.source, "type": told.type, "subject": told.subject}
    return {**base, "data": told.data, **more}


def with_data(path: str, value: Any) -> dict[str, Any]:
    """A report in which one field of the data is this."""
    made = json.loads(json.dumps(event(key=f"bad-{path}")))
    *way, last = path.split(".")
    place = made["data"]
    for step in way:
        place = place[step]
    place[last] = value
    return dict(made)


def raw(body: bytes, path: str = "/v1/events", media: str = SINGLE, method: str = "POST", **headers: str) -> Any:
    return lambda hub: hub.ask(method, path, body, content_type=media, **headers)


def sent(value: Any, path: str = "/v1/events", media: str = SINGLE, method: str = "POST") -> Any:
    return raw(json.dumps(value).encode(), path, media, method)


def plain(raw: bytes) -> Any:
    """These bytes as they are; `TOKEN` is replaced."""
    return lambda hub: hub.send(raw.replace(b"TOKEN", hub.token.encode()))


def get(path: str, **headers: str) -> Any:
    return lambda hub: hub.ask("GET", path, **headers)


def bare(path: str, method: str = "GET", **headers: str) -> Any:
    """Without a token."""
    return lambda hub: hub.send(request(method, path, {k.replace("_", "-"): v for k, v in headers.items()}))


def bearer(text: str) -> Any:
    return lambda hub: hub.send(request("GET", "/v1/events", {"authorization": f"Bearer {text}"}))


def hung(hub: Served) -> Answer:
    """Half a body, and then silence."""
    head = request("POST", "/v1/events", {"authorization": f"Bearer {hub.token}", "content-type": SINGLE})
    head = head.replace(b"content-length: 0", b"content-length: 1000")
    return hub.send(head + b'{"specversion":')


def hook(body: bytes, change: Callable[[dict[str, str]], Mapping[str, str]], connection: str = "hooks") -> Any:
    """A Standard Webhook that is right but for the change."""

    def send(hub: Served) -> Answer:
        now = int(time.time())
        headers = {
            "webhook-id": "msg_1",
            "webhook-timestamp": str(now),
            "webhook-signature": standard_webhooks.sign(WHSEC, "msg_1", now, body),
        }
        return hub.send(request("POST", f"/v1/hooks/{hub.handles[connection]}", change(headers), body))

    return send


def aged(seconds: float) -> Callable[[dict[str, str]], Mapping[str, str]]:
    def change(headers: dict[str, str]) -> Mapping[str, str]:
        then = int(time.time() + seconds)
        signature = standard_webhooks.sign(WHSEC, "msg_1", then, HOOK)
        return headers | {"webhook-timestamp": str(then), "webhook-signature": signature}

    return change


def stamped(text: str) -> Callable[[dict[str, str]], Mapping[str, str]]:
    return lambda headers: headers | {"webhook-timestamp": text}


def signed(text: str) -> Callable[[dict[str, str]], Mapping[str, str]]:
    return lambda headers: headers | {"webhook-signature": text}


def as_ed25519(headers: dict[str, str]) -> Mapping[str, str]:
    return headers | {"webhook-signature": headers["webhook-signature"].replace("v1,", "v1a,")}


def referral(secret: str, age: float = 0) -> Any:
    """A hook of the referral system, signed with this secret."""

    def send(hub: Served) -> Answer:
        stamp = str(int(time.time() - age))
        mac = hmac.digest(secret.encode(), f"{stamp}.".encode() + HOOK, "sha256").hex()
        headers = {"referral-signature": f"t={stamp},v1={mac}"}
        return hub.send(request("POST", f"/v1/hooks/{hub.handles['referrals']}", headers, HOOK))

    return send


def partner(path: str, method: str = "GET", body: bytes = b"", key: str = PARTNER_KEY) -> Any:
    def send(hub: Served) -> Answer:
        proof = base64.b64encode(f"{key}:".encode()).decode()
        headers = {"authorization": f"Basic {proof}", "content-type": "application/json"}
        return hub.send(request(method, f"/v1/partner/{hub.handles['ats']}{path}", headers, body))

    return send


def of_a_stranger(hub: Served) -> Answer:
    """Another tenant asks for an event of ours."""
    made = hub.ask("POST", "/v1/events", json.dumps(event(key="theirs")).encode(), content_type=SINGLE)
    number = json.loads(made.body)["accepted"][0]["event_id"]
    return hub.send(request("GET", f"/v1/events/{number}", {"authorization": f"Bearer {hub.stranger}"}))


def reused(hub: Served) -> Answer:
    hub.ask("POST", "/v1/events", json.dumps(event(key="reused")).encode(), content_type=SINGLE)
    other = event(key="reused", subject="cand_other")
    return hub.ask("POST", "/v1/events", json.dumps(other).encode(), content_type=SINGLE)


HOOK = b'{"id":"whk_1","type":"referral.updated","data":{"id":"ref_9"}}'
DEEP = b"[" * 100_000 + b"]" * 100_000
NESTED = b'{"data":' * 150 + b"1" + b"}" * 150
JWT = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."
NOT_JSON, UNPROVED, UNKNOWN = ((400, "not_json"),), ((401, "bad_token"),), ((404, "not_found"),)
FORGED = ((401, "bad_signature"),)
SERVER = ((400, ""), (400, "bad_header"), (400, "malformed"), (0, ""))
BODIES = ("/v1/events", "/v1/candidates/identify", "/v1/replays", "/v1/deliveries/dlv_1/edit")
METACHARACTERS = ("%25", "_", "%27%20OR%201%3D1--", "%27%3B%20DROP%20TABLE%20event%3B--", "%5C", "%22", "%2A", "%00")
FILTERS = (
    "/v1/events?type=", "/v1/events?subject=", "/v1/events?cursor=", "/v1/deliveries?connection=", "/v1/deliveries?event=",
    "/v1/deliveries?state=", "/v1/runs?candidate=", "/v1/runs?rule=", "/v1/runs?state=", "/v1/runs?cursor=",
    "/v1/rules/", "/v1/candidates/x", "/v1/replays/", "/v1/dead-letters/",
)  # fmt: skip
RULE = {
    "schema": 1,
    "trigger": {"event": "interview.report.completed"},
    "then": [{"kind": "tag", "id": "t", "tag": "x"}],
}


def rule(when: Any) -> Any:
    return sent({"rule": {**RULE, "when": when}}, "/v1/rules/bad/draft", "application/json", "PUT")


def groups(levels: int) -> Any:
    tree: Any = {"kind": "clause", "id": "c", "field": "report.overall.score", "op": "gt", "value": 1}
    for number in range(levels):
        tree = {"kind": "group", "id": f"g{number}", "mode": "all", "items": [tree]}
    return tree
