"""The partner role: a vendor calls endpoints that we serve, in its own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from hub.domain.errors import Invalid
from hub.ports.connector import Endpoint
from hub.sdk.manifest import Manifest, Served
from hub.sdk.placeholders import fill
from mappings.documents import Document, Json, Missing, lookup


def order(manifest: Manifest, endpoint: Endpoint, query: Mapping[str, str], body: Json) -> Document:
    """What the call says in our words: `package_id`, `candidate`, `callback_url`, `order_id`. Raises Invalid (`missing`)."""
    said: Document = body if isinstance(body, dict) else {}
    if not said:
        said = dict(query)
    asked: Document = {}
    for ours, theirs in _served(manifest, endpoint).asks.items():
        value = _said(str(theirs), said, query)
        if value is not None:
            _put(asked, ours.split("."), value)
    return asked


def answer(manifest: Manifest, endpoint: Endpoint, context: Document) -> Json:
    """Our answer in the vendor's words. `context` holds `packages` or `order`, as the use case knows them."""
    served = _served(manifest, endpoint)
    match served.respond:
        case {"each": str(name), "item": item}:
            things = context.get(name)
            return [fill(item, {"pkg": thing}) for thing in things] if isinstance(things, list) else []
        case respond:
            return fill(respond, {"order": _order(served, context)})


def _said(theirs: str, said: Document, query: Mapping[str, str]) -> Json:
    if "{" in theirs:
        return fill(theirs, {"hook": said, "query": query})
    value = lookup(said, theirs.removesuffix("?"))
    if isinstance(value, Missing) or value is None:
        if theirs.endswith("?"):
            return None
        raise Invalid(f"{theirs} is needed and not there", code="missing", at=theirs)
    return value


def _put(document: Document, steps: list[str], value: Json) -> None:
    for step in steps[:-1]:
        document = cast("Document", document.setdefault(step, {}))
    document[steps[-1]] = value


def _order(served: Served, context: Document) -> Document:
    found = context.get("order")
    order = dict(found) if isinstance(found, dict) else {}
    status = str(order.get("status", ""))
    order["vendor_status"] = served.statuses.get(status, status)
    order["flat_attributes"] = _flat(order)
    return order


def _flat(order: Document) -> Json:
    """Scores and advice as one flat object of plain values, the form that ATSs show; None before there is a result."""
    scores = order.get("scores")
    flat: Document = dict(scores) if isinstance(scores, dict) else {}
    for name in ("recommendation", "report_id"):
        if order.get(name):
            flat[name] = order[name]
    return {name: value for name, value in flat.items() if not isinstance(value, dict | list)} or None


def _served(manifest: Manifest, endpoint: Endpoint) -> Served:
    for served in manifest.served:
        if served.endpoint == endpoint:
            return served
    raise Invalid("this connector serves no such endpoint", code="no_endpoint", at=endpoint.path)
