"""A small manifest to vary, and a voice for the vendor."""

import copy
import json

import pytest

from hub.domain.deliveries import Outcome
from hub.ports.transport import HttpResponse
from hub.sdk import Declarative, Job
from hub.sdk.manifest import read_manifest

MANIFEST = {
    "manifest": 1,
    "id": "acme",
    "version": "1.0.0",
    "name": {"en": "Acme", "zh-CN": "示例"},
    "categories": ["ats"],
    "vendor": {"api": "v1", "docs": "https://api.acme.example/docs"},
    "roles": ["client"],
    "config": {
        "type": "object",
        "required": ["token"],
        "properties": {
            "token": {"type": "string", "x-label": {"en": "Token", "zh-CN": "令牌"}, "x-secret": True},
            "team": {"type": "string", "x-label": {"en": "Team", "zh-CN": "团队"}},
        },
    },
    "base_url": "https://api.acme.example/v1",
    "allowed_hosts": ["api.acme.example"],
    "auth": {"mode": "bearer", "token": "{config.token}"},
    "defaults": {"timeout": "PT20S", "rate_limit": [{"limit": 60, "per": "PT1M"}]},
    "operations": {
        "find_person": {
            "safety": "read",
            "entity": "person",
            "request": {"method": "GET", "path": "/people", "query": {"email": "{doc.email}"}},
            "records": "items",
        },
        "person.create": {
            "label": {"en": "Create", "zh-CN": "新建"},
            "safety": "write",
            "entity": "person",
            "idempotency": {
                "mode": "read_before_write",
                "lookup": "find_person",
                "match": {"path": "email", "equals": "{doc.email}"},
            },
            "request": {"method": "POST", "path": "/people", "body": {"email": "{doc.email}", "phone": "{doc.phone?}"}},
            "response": {"external_id": "id"},
        },
        "note.add": {
            "label": {"en": "Note", "zh-CN": "备注"},
            "safety": "write",
            "entity": "note",
            "requires": ["person.create"],
            "idempotency": {"mode": "header", "name": "idempotency-key", "key": "{key}"},
            "request": {"method": "POST", "path": "/people/{ext.person.id}/notes", "body": {"text": "{doc.text}"}},
            "response": {"external_id": "id"},
        },
    },
    "quality": {"tier": "none", "owner": "Acme"},
}


class Vendor:
    """Holds one exchange, answer by answer."""

    def __init__(self, exchange):
        self.exchange, self.requests, self.outcome = exchange, [], None
        self._step(lambda: next(exchange))

    def _step(self, go):
        try:
            self.requests.append(go())
        except StopIteration as done:
            self.outcome = done.value
            assert isinstance(self.outcome, Outcome)

    def answers(self, status, body=None, **headers):
        """The vendor answers the request that is open."""
        assert self.outcome is None, self.outcome
        raw = b"" if body is None else json.dumps(body).encode()
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        self._step(lambda: self.exchange.send(HttpResponse(status, names, raw)))
        return self

    @property
    def asked(self):
        """The request that is open or was the last."""
        return self.requests[-1]


@pytest.fixture
def manifest():
    """A fresh copy to change."""
    return copy.deepcopy(MANIFEST)


@pytest.fixture
def run(manifest):
    """Run an operation of the (changed) manifest and speak for its vendor."""

    def start(operation="person.create", doc=None, **job):
        connector = Declarative(read_manifest(manifest))
        filled = {"email": "lin.yue@example.com", "text": "hello"} if doc is None else doc
        return Vendor(connector.run(Job(operation, filled, job.pop("config", {}), job.pop("key", "k" * 32), **job)))

    return start
