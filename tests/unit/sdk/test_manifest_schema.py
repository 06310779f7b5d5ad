"""What a manifest may not say: typos, unsafe shapes, and everything the schema cannot see."""

import copy

import pytest
from jsonschema import Draft202012Validator

from hub.adapters.catalog import FolderCatalog
from hub.sdk.faults import faults
from hub.sdk.folder import Folder
from hub.sdk.manifest import manifest_schema
from mappings.canonical.check import problems


def changed(manifest, path, value=None):
    """The manifest with one thing set, or removed where the value is `...`."""
    out = copy.deepcopy(manifest)
    *steps, last = [int(s) if s.isdigit() else s for s in path.split("/")]
    place = out
    for step in steps:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return out


def test_the_schema_is_a_schema():
    Draft202012Validator.check_schema(manifest_schema())


def test_the_small_manifest_is_clean(manifest):
    assert faults(Folder("acme", manifest)) == []


WRITE = "operations/person.create"
GREENHOUSE = FolderCatalog().folder("greenhouse").manifest


@pytest.mark.parametrize(
    ("path", "value", "at"),
    [
        ("manifest", 2, "manifest"),
        ("id", "Acme ATS", "id"),
        ("version", "1", "version"),
        ("name", {"en": "Acme"}, "name.zh-CN"),
        ("surprise", 1, "surprise"),
        ("vendor/docs", ..., "vendor.docs"),
        ("vendor/docs", "http://docs.example", "vendor.docs"),
        ("roles", ["client", "provider"], "provides"),
        ("config/properties/token/x-secrets", True, "config.properties.token.x-secrets"),
        ("config/properties/token/x-secret", False, "config.properties.token.x-secret"),
        ("config/properties/token/x-label", ..., "config.properties.token.x-label"),
        ("auth/mode", "magic", "auth.mode"),
        ("auth/tokn", "x", "auth.tokn"),
        ("auth/token", ..., "auth.token"),
        ("auth", {"mode": "oauth2_client_credentials"}, "auth.token"),
        ("allowed_hosts", [], "allowed_hosts"),
        ("defaults/timeout", "20s", "defaults.timeout"),
        ("defaults/errors", [{"when": {"status": [500]}, "do": "pray"}], "defaults.errors.0.do"),
        ("defaults/errors", [{"when": {"status": [500]}, "do": "fail"}], "defaults.errors.0.class"),
        ("defaults/errors", [{"when": {"state": [500]}, "do": "retry"}], "defaults.errors.0.when.state"),
        (f"{WRITE}/idempotency", ..., "operations.person.create.idempotency"),
        (f"{WRITE}/idempotency", {"mode": "hope"}, "operations.person.create.idempotency.mode"),
        (f"{WRITE}/idempotency", {"mode": "header"}, "operations.person.create.idempotency.key"),
        (f"{WRITE}/idempotency", {"mode": "read_before_write"}, "operations.person.create.idempotency.lookup"),
        (f"{WRITE}/idempotency/match", {"path": "x"}, "operations.person.create.idempotency.match"),
        (f"{WRITE}/label", ..., "operations.person.create.label"),
        (f"{WRITE}/request/metod", "POST", "operations.person.create.request.metod"),
        (f"{WRITE}/request/method", "TRACE", "operations.person.create.request.method"),
        (f"{WRITE}/request/path", "people", "operations.person.create.request.path"),
        (f"{WRITE}/request/url", "https://api.acme.example", "operations.person.create.request"),
        (f"{WRITE}/map", "person_out", "operations.person.create.map"),
        (f"{WRITE}/if", {"doc.x": 1}, "operations.person.create.if"),
        (f"{WRITE}/paginate", {"kind": "page"}, "operations.person.create.paginate"),
        ("operations/find_person/idempotency", {"mode": "natural"}, "operations.find_person.idempotency"),
        ("operations/find_person/consent", "recording", "operations.find_person.consent"),
        (
            "operations/find_person/paginate",
            {"kind": "cursor", "param": "c", "next": "n"},
            "operations.find_person.paginate.stop_on_repeat",
        ),
        (
            "operations/find_person/paginate",
            {"kind": "cursor", "param": "c", "next": "n", "stop_on_repeat": False},
            "operations.find_person.paginate.stop_on_repeat",
        ),
        (
            "operations/find_person/cursor",
            {"field": "updated_at", "format": "rfc3339", "on_unparsed": "skip"},
            "operations.find_person.cursor.on_unparsed",
        ),
        (
            "operations/find_person/cursor",
            {"field": "updated_at", "format": "rfc3339"},
            "operations.find_person.cursor.on_unparsed",
        ),
        ("quality/tier", "diamond", "quality.tier"),
        ("quality/claims", {"test": {"status": "exempt"}}, "quality.claims.test.why"),
        ("custom_fields", {"discover": {"op": "find_person"}}, "custom_fields.discover.key"),
    ],
)
def test_a_broken_manifest_is_refused_at_its_place(manifest, path, value, at):
    found = faults(Folder("acme", changed(manifest, path, value)))
    assert at in [finding.where.removeprefix("acme/manifest.yaml:") for finding in found]


@pytest.mark.parametrize(
    ("path", "value", "at"),
    [
        ("webhooks/verify/required", False, "webhooks.verify.required"),
        ("webhooks/verify/required", ..., "webhooks.verify.required"),
        ("webhooks/verify", ..., "webhooks.verify"),
        ("webhooks/verify/scheme", "none", "webhooks.verify.scheme"),
        ("webhooks/verify/key", ..., "webhooks.verify.key"),
        ("webhooks/verify/format", "sha256", "webhooks.verify.format"),
        ("webhooks/verify/header", "Signature", "webhooks.verify.header"),
        ("webhooks/events/0/then", {"refetch": "get_application", "if": 1}, "webhooks.events.0.then.if"),
        ("webhooks/events/0/map", ..., "webhooks.events.0"),
        ("webhooks/dedupe", {}, "webhooks.dedupe"),
        ("webhooks/handshake/reply/status", 302, "webhooks.handshake.reply.status"),
        ("provides/auth", {"scheme": "none"}, "provides.auth.scheme"),
        ("provides/endpoints/0/serve", "everything", "provides.endpoints.0.serve"),
        ("roles", ["client"], "provides"),
    ],
)
def test_a_webhook_or_partner_without_proof_cannot_be_said(path, value, at):
    found = [finding[0] for finding in problems(manifest_schema(), changed(GREENHOUSE, path, value))]
    assert at in found


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("id", "other", "wrong_name"),
        ("config/required", ["token", "nothing"], "unknown_setting"),
        ("test", {"op": "nobody", "expect": {"path": "id", "exists": True}}, "unknown_operation"),
        ("test", {"op": "person.create", "expect": {"path": "id", "exists": True}}, "not_a_read"),
        (f"{WRITE}/idempotency/lookup", "nobody", "unknown_operation"),
        (f"{WRITE}/idempotency/lookup", "note.add", "not_a_read"),
        (f"{WRITE}/requires", ["nobody"], "unknown_operation"),
        (f"{WRITE}/requires", ["note.add"], "cycle"),
        (f"{WRITE}/requires", ["person.create"], "cycle"),
        (f"{WRITE}/entity", ..., "no_entity"),
        (f"{WRITE}/map", "person_out@1", "unknown_mapping"),
        (f"{WRITE}/request/auth", "partner", "unknown_auth"),
        (f"{WRITE}/request/body", {"x": "{doc.email"}, "bad_template"),
        (f"{WRITE}/request/body", {"x": "{doc.email | python}"}, "bad_template"),
        (f"{WRITE}/request/body", {"x": "{secrets.token}"}, "bad_template"),
        (f"{WRITE}/request/body", {"x": "{config.token}"}, "secret_outside"),
        (f"{WRITE}/request/headers", {"x-a": "{doc.x | default:config.token}"}, "secret_outside"),
        ("base_url", "https://api.acme.example/{config.token}", "secret_outside"),
        (f"{WRITE}/request/body", {"x": "{config.nothing}"}, "unknown_setting"),
        (f"{WRITE}/request/body", {"x": "{ext.ghost.id}"}, "unknown_entity"),
        (f"{WRITE}/request/body", {"x": "{pkg.id}"}, "undeclared_root"),
        (f"{WRITE}/request/body", {"x": "{hook.id}"}, "undeclared_root"),
        ("operations/note.add/request/body", {"x": "{found.id}"}, "undeclared_root"),
        ("auth/token", "{doc.token}", "undeclared_root"),
        ("base_url", ..., "no_base_url"),
        ("base_url", "https://elsewhere.example/v1", "host_not_allowed"),
        ("base_url", "{config.team}", "host_not_allowed"),
        ("base_url", "{config.team | default:'https://elsewhere.example'}", "host_not_allowed"),
        ("operations/note.add/idempotency", {"mode": "natural"}, "not_natural"),
    ],
)
def test_what_the_schema_cannot_see(manifest, path, value, code):
    assert code in [finding.code for finding in faults(Folder("acme", changed(manifest, path, value)))]


def test_a_mail_needs_its_text_in_both_languages(manifest):
    mail = {"to": ["{doc.email}"], "template": "hello", "language": "en", "message_id": "<{key}@acme.example>"}
    manifest["operations"]["note.add"] |= {"idempotency": {"mode": "natural"}, "mail": mail}
    del manifest["operations"]["note.add"]["request"]
    assert [f.code for f in faults(Folder("acme", manifest))] == ["no_template"]
    english = {"subject": "Hello", "text": "{doc.text}"}
    only = Folder("acme", manifest, templates={"hello": {"en": english}})
    assert [f.code for f in faults(only)] == ["no_text"]
    both = Folder("acme", manifest, templates={"hello": {"en": english, "zh-CN": english}})
    assert faults(both) == []
    odd = {"subject": "Hello", "text": "{hook.text}"}
    assert [f.code for f in faults(Folder("acme", manifest, templates={"hello": {"en": odd, "zh-CN": odd}}))] == [
        "undeclared_root"
    ] * 2


def test_an_enum_table_is_total_or_says_what_becomes_of_the_rest(manifest):
    def mapping(table):
        field = {"to": "advice", "fn": "enum", "from": "report.overall.recommendation", "table": table}
        return {"name": "out", "version": 1, "source": "interview.report.completed@1", "fields": [field]}

    total = mapping({"recommend": "yes", "hold": "maybe", "reject": "no"})
    assert faults(Folder("acme", manifest, {"out@1": total})) == []
    partial = mapping({"recommend": "yes"})
    assert [f.code for f in faults(Folder("acme", manifest, {"out@1": partial}))] == ["not_total"]
    partial["fields"][0]["unknown"] = "drop"
    assert faults(Folder("acme", manifest, {"out@1": partial})) == []


def test_problems_never_repeat_a_value():
    schema = {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"enum": ["x"]}},
        "additionalProperties": False,
    }
    found = problems(schema, {"a": "secret-text", "b": "secret-text", "c": "secret-text"})
    assert [(at, code) for at, code, _ in found] == [("a", "type"), ("b", "enum"), ("c", "unknown_field")]
    assert "secret-text" not in str(found)


ADDED = {"type": "integer", "x-label": {"en": "Turnaround", "zh-CN": "处理用时"}, "x-sensitivity": 2}
SEX = {"type": "string", "x-label": {"en": "Sex", "zh-CN": "性别"}, "x-sensitivity": 4}


@pytest.mark.parametrize(
    ("event", "path", "field", "code"),
    [
        ("offer.created", "offer.custom.days", ADDED, None),
        ("offer.created", "candidate.custom.gender", {**SEX, "x-usable-in-rules": False}, None),
        ("offer.created", "candidate.custom.gender", SEX, "protected_field"),
        ("offer.created", "offer.days", ADDED, "unknown_field"),
        ("moon.landed", "moon.custom.days", ADDED, "unknown_event"),
    ],
)
def test_a_vendor_adds_fields_where_events_take_them(manifest, event, path, field, code):
    found = faults(Folder("acme", {**manifest, "custom_fields": {"adds": {event: {path: field}}}}))
    assert [finding.code for finding in found] == ([] if code is None else [code])


def test_an_added_field_has_names_and_a_class(manifest):
    adds = {"offer.created": {"offer.custom.days": {"type": "integer"}}}
    found = faults(Folder("acme", {**manifest, "custom_fields": {"adds": adds}}))
    assert {finding.where.rpartition(".")[2] for finding in found} == {"x-label", "x-sensitivity"}
