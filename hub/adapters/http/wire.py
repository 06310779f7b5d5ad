"""Reads the protocol part of a manifest for one connection: settings and secrets in their places, hosts, time-outs.

The only place where secrets meet the templates of a manifest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from hub.adapters.http.guard import Guard
from hub.domain.errors import Invalid
from hub.ports.transport import Blocked, Channel, NeedsReauth
from hub.sdk import placeholders
from mappings.documents import Document, Json, PathError

_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")


def fill(template: str, channel: Channel) -> str | None:
    """The template with this connection's settings and secrets, None where an optional value is absent.

    Raises NeedsReauth where a needed value is absent, Blocked (`bad_manifest`) where the template cannot be read.
    """
    if "{" not in template:
        return template
    values = {**channel.connection.config, **channel.secrets}
    scope = {"config": {name: value for name, value in values.items() if value != ""}}
    try:
        filled = placeholders.fill(template, scope)
    except Invalid as error:
        raise NeedsReauth(f"connection {channel.connection.name}: {error}", code="setting_missing") from error
    except PathError as error:
        raise bad_manifest("a template cannot be read") from error
    if isinstance(filled, bool):
        return "true" if filled else "false"
    if filled is None or isinstance(filled, str | int | float):
        return None if filled is None else str(filled)
    raise bad_manifest("a setting is not a text")


def needed(spec: Mapping[str, Json], name: str, channel: Channel) -> str:
    """The filled value of `name` in the spec. Raises NeedsReauth where nothing is set, Blocked where the manifest lacks it."""
    template = spec.get(name)
    if not isinstance(template, str):
        raise bad_manifest(f"{name} is missing")
    value = fill(template, channel)
    if value is None:
        raise NeedsReauth(f"connection {channel.connection.name} has no value for {name}", code="setting_missing")
    return value


def optional(spec: Mapping[str, Json], name: str, channel: Channel) -> str | None:
    """The filled value of `name`, None where the spec or the connection has none."""
    template = spec.get(name)
    return fill(template, channel) if isinstance(template, str) else None


def part(document: Mapping[str, Json], *names: str) -> Document:
    """The object at these names, empty where there is none."""
    found: Json = dict(document)
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def allowed_hosts(channel: Channel, guard: Guard) -> tuple[str, ...]:
    """The hosts this connection may speak to.

    Hosts from settings count where the manifest names no fixed host (self-hosted systems, webhooks), else only
    where the guard lets settings move a vendor.
    """
    entries = channel.wire.get("allowed_hosts")
    if not isinstance(entries, list):
        return ()
    texts = [entry for entry in entries if isinstance(entry, str)]
    fixed = [text for text in texts if "{" not in text]
    if fixed and not guard.allow_config_hosts:
        return tuple(fixed)
    return (*fixed, *(host for text in texts if "{" in text and (host := fill(text, channel))))


def total_timeout(channel: Channel) -> float:
    """Seconds for one whole request with its body and any token call: the smaller of the manifest's and the lane's."""
    default = part(channel.wire, "defaults").get("timeout")
    lane = channel.connection.lane.timeout_s
    return lane if default is None else min(seconds(default), lane)


def seconds(value: Json) -> float:
    """Seconds of a number or an ISO 8601 duration such as PT55M. Raises Blocked (`bad_manifest`)."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
        return float(value)
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    total = (
        sum(float(n or 0) * unit for n, unit in zip(found.groups(), (86400, 3600, 60, 1), strict=True)) if found else 0
    )
    if total <= 0:
        raise bad_manifest("a duration is not a positive ISO 8601 duration")
    return total


def bad_manifest(why: str) -> Blocked:
    """Nothing is sent by a manifest that is not understood."""
    return Blocked(f"the connector's manifest cannot be used: {why}", code="bad_manifest")
