"""What configuration must satisfy before it is taken: settings fit, rules name things that are there."""

from __future__ import annotations

from collections.abc import Mapping as Dict

from hub.domain.errors import Invalid, Rejected
from hub.domain.rules import Catalogue, parse
from hub.ports.connector import Connector
from mappings.canonical import UnknownType, events
from mappings.canonical.check import problems
from mappings.documents import Document
from mappings.engine import MappingFault, compile_mapping

RULE_STATES = ("draft", "observe", "live", "paused")


def check_settings(connector: Connector, body: Document, at: str, *, has_secrets: bool) -> None:
    """A connection's `config` and `secrets` against the connector's schema. Raises Invalid; values are not repeated."""
    unknown = body.keys() - {"connector", "config", "secrets", "lane"}
    if unknown:
        raise Invalid(
            f"a connection has no {sorted(unknown)[0]!r}", code="unknown_field", at=f"{at}.{sorted(unknown)[0]}"
        )
    config, secrets = body.get("config") or {}, body.get("secrets") or {}
    if not isinstance(config, dict) or not isinstance(secrets, dict):
        raise Invalid("config and secrets are objects", code="type", at=at)
    schema = connector.config_schema
    properties = schema.get("properties")
    fields = properties if isinstance(properties, dict) else {}
    for name, value in secrets.items():
        field = fields.get(name)
        if not isinstance(field, dict) or not field.get("x-secret"):
            raise Invalid("the connector has no such secret", code="unknown_field", at=f"{at}.secrets.{name}")
        if value != {"keep": True} and not isinstance(value, str):
            raise Invalid("a secret is text, or `keep: true`", code="type", at=f"{at}.secrets.{name}")
    for name in config:
        field = fields.get(name)
        if isinstance(field, dict) and field.get("x-secret"):
            raise Invalid("a secret belongs under secrets", code="secret_in_config", at=f"{at}.config.{name}")
    given = {**config, **{n: v for n, v in secrets.items() if isinstance(v, str)}}
    for place, code, message in problems(schema, given):
        name = place.split(".")[-1]
        field = fields.get(name)
        secret = isinstance(field, dict) and bool(field.get("x-secret"))
        if code == "missing" and secret and (has_secrets or (isinstance(field, dict) and field.get("x-generate"))):
            continue
        part = "secrets" if secret else "config"
        raise Invalid(message, code=code, at=f"{at}.{part}.{place}" if place else f"{at}.{part}")


def check_mapping(body: Document, at: str) -> None:
    """Raises Invalid where the mapping does not compile."""
    try:
        compile_mapping(body)
    except MappingFault as fault:
        raise Invalid(str(fault), code="mapping", at=f"{at}.{fault.at}") from fault


def check_rule(body: Document, at: str, connectors: Dict[str, Connector], mappings: Dict[str, Document]) -> None:
    """A rule with its state: parsed against the field catalogue of its event; each step names what is there."""
    unknown = body.keys() - {"state", "rule"}
    if unknown:
        raise Invalid("a rule entry has state and rule", code="unknown_field", at=f"{at}.{sorted(unknown)[0]}")
    if body.get("state", "live") not in RULE_STATES:
        raise Invalid(f"state is one of {', '.join(RULE_STATES)}", code="enum", at=f"{at}.state")
    stored = body.get("rule")
    if not isinstance(stored, dict):
        raise Invalid("a rule entry has a rule", code="missing", at=f"{at}.rule")
    try:
        parsed = parse(stored, catalogue_of(stored))
    except Rejected as error:
        raise Invalid(str(error), code=error.code, at=f"{at}.rule.{error.at}" if error.at else f"{at}.rule") from error
    for index, step in enumerate(parsed.then):
        where = f"{at}.rule.then.{index}"
        connector = connectors.get(step.connection)
        if connector is None:
            raise Invalid(
                f"there is no connection {step.connection!r}", code="unknown_connection", at=f"{where}.connection"
            )
        operation = connector.operations.get(step.operation)
        if operation is None:
            known = ", ".join(sorted(connector.operations))
            raise Invalid(f"{connector.name} has {known}", code="unknown_operation", at=f"{where}.operation")
        if operation.safety != "write":
            raise Invalid("a rule runs writing operations only", code="read_operation", at=f"{where}.operation")
        if step.mapping is not None and step.mapping not in connector.mappings and step.mapping not in mappings:
            raise Invalid(f"there is no mapping {step.mapping}", code="unknown_mapping", at=f"{where}.mapping")


def catalogue_of(stored: Document) -> Catalogue:
    """The field catalogue of the rule's event. Raises Invalid where the trigger names none."""
    trigger = stored.get("trigger")
    name = trigger.get("event") if isinstance(trigger, dict) else None
    if not isinstance(name, str):
        raise Invalid("a rule names the event it waits for", code="missing", at="trigger.event")
    versions = [version for type_, version in events() if type_ == name]
    if not versions:
        raise Invalid(f"there is no event type {name}", code="unknown_type", at="trigger.event")
    try:
        return Catalogue.of_event(name, max(versions))
    except UnknownType as error:
        raise Invalid(f"there is no event type {name}", code="unknown_type", at="trigger.event") from error
