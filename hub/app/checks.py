"""What configuration must satisfy before it is taken: settings fit, rules name things that are there."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as Dict

from hub.app.fieldbook import catalogue_on, trigger_of
from hub.domain.errors import Invalid, Rejected
from hub.domain.rules import Action, parse, walk_steps
from hub.domain.rules.checking import check_condition
from hub.domain.rules.compiling import call_of
from hub.domain.rules.tree import Branch, Condition, Emit, Gate, Step, Wait
from hub.ports.connector import Connector
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
        parsed = parse(stored, catalogue_on(trigger_of(stored), connectors.values()))
    except Rejected as error:
        raise Invalid(str(error), code=error.code, at=f"{at}.rule.{error.at}" if error.at else f"{at}.rule") from error
    for place, step in walk_steps(parsed.then, f"{at}.rule.then"):
        call = call_of(step)
        if call is not None:
            _check_call(call, place, connectors, mappings)
        elif isinstance(step, Emit) and step.mapping is not None and step.mapping not in mappings:
            raise Invalid(f"there is no mapping {step.mapping}", code="unknown_mapping", at=f"{place}.mapping")
    _check_flow(parsed.then, frozenset({parsed.on}), f"{at}.rule.then", connectors.values())


def _check_call(call: Action, at: str, connectors: Dict[str, Connector], mappings: Dict[str, Document]) -> None:
    connector = connectors.get(call.connection)
    if connector is None:
        raise Invalid(f"there is no connection {call.connection!r}", code="unknown_connection", at=f"{at}.connection")
    operation = connector.operations.get(call.operation)
    if operation is None:
        known = ", ".join(sorted(connector.operations))
        raise Invalid(f"{connector.name} has {known}", code="unknown_operation", at=f"{at}.operation")
    if operation.safety != "write":
        raise Invalid("a rule runs writing operations only", code="read_operation", at=f"{at}.operation")
    if call.mapping is not None and call.mapping not in connector.mappings and call.mapping not in mappings:
        raise Invalid(f"there is no mapping {call.mapping}", code="unknown_mapping", at=f"{at}.mapping")


def _check_flow(
    steps: tuple[Step, ...], standing: frozenset[str], at: str, connectors: Iterable[Connector]
) -> frozenset[str]:
    """Every branch asks what each event that the run may stand at can answer; returns the events at the end."""
    for number, step in enumerate(steps):
        here = f"{at}.{number}"
        match step:
            case Wait(event=event, late=late):
                _check_flow(late, standing, f"{here}.on_timeout", connectors)
                _known_event(event, f"{here}.for")
                standing = frozenset({event})
            case Branch(when=when, then=then, otherwise=otherwise):
                for event in sorted(standing):
                    _check_condition(when, event, f"{here}.when", connectors)
                standing = _check_flow(then, standing, f"{here}.then", connectors) | _check_flow(
                    otherwise, standing, f"{here}.else", connectors
                )
            case Gate(rejected=rejected, late=late):
                _check_flow(rejected, standing, f"{here}.rejected", connectors)
                _check_flow(late, standing, f"{here}.on_timeout", connectors)
            case Emit(event=event):
                _known_event(event, f"{here}.event")
            case _:
                pass
    return standing


def _check_condition(when: Condition, event: str, at: str, connectors: Iterable[Connector]) -> None:
    try:
        check_condition(when, catalogue_on(event, connectors), "when")
    except Rejected as error:
        place = (error.at or "when").removeprefix("when")
        raise Invalid(f"{event}: {error}", code=error.code, at=f"{at}{place}") from error


def _known_event(name: str, at: str) -> None:
    try:
        catalogue_on(name, ())
    except Rejected as error:
        raise Invalid(str(error), code=error.code, at=at) from error


def once_only(
    connectors: Dict[str, Connector], modes: tuple[str, ...] = ("header", "none_manual_review")
) -> frozenset[tuple[str, str]]:
    """(connection, operation) of every act that two rules would do twice: nothing in it sees that it was done before."""
    return frozenset(
        (connection, operation.name)
        for connection, connector in connectors.items()
        for operation in connector.operations.values()
        if operation.safety == "write" and operation.idempotency in modes
    )
