"""Lists: which items match the query, and how the vendor cuts them into pages."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlencode

from hub.adapters.twins.bodies import Refusal
from hub.adapters.twins.spec import EndpointSpec, Filter, Paging
from hub.adapters.twins.templates import as_text, render, values_at
from mappings.documents import Document, Json

Query = Sequence[tuple[str, str]]


def page(
    endpoint: EndpointSpec, paging: Paging, items: Iterable[Document], url: str, query: Query
) -> tuple[Json, dict[str, str]]:
    """Body and headers of one page. `url` is the address without its query. Raises Refusal (`bad_query`, `bad_cursor`)."""
    asked = dict(query)
    if len(asked) != len(query):
        raise Refusal("bad_query", "a query parameter is given twice")
    if endpoint.bare:
        return list(_matching(endpoint.filters, items, asked)), {}
    if paging.kind == "page":
        return _numbered(endpoint, paging, items, url, asked)
    return _by_cursor(endpoint, paging, items, url, asked)


def _numbered(
    endpoint: EndpointSpec, paging: Paging, items: Iterable[Document], url: str, asked: dict[str, str]
) -> tuple[Json, dict[str, str]]:
    number = _number(asked, "page", 1, 1_000_000)
    size = _number(asked, paging.size_param, paging.size, paging.most)
    _refuse_unknown(endpoint, paging, asked, ("page",))
    found = list(_matching(endpoint.filters, items, asked))
    start = (number - 1) * size

    def link(to: int) -> str:
        return f"{url}?{urlencode({**asked, 'page': str(to), paging.size_param: str(size)})}"

    scope: dict[str, Json] = {
        "items": list(found[start : start + size]),
        "total": len(found),
        "next_url": link(number + 1) if start + size < len(found) else None,
        "previous_url": link(number - 1) if number > 1 else None,
    }
    return render(paging.envelope, scope), {}


def _by_cursor(
    endpoint: EndpointSpec, paging: Paging, items: Iterable[Document], url: str, asked: dict[str, str]
) -> tuple[Json, dict[str, str]]:
    start, where = 0, asked
    if "cursor" in asked:
        if paging.kind == "link_header" and len(asked) > 1:
            raise Refusal("bad_cursor", "cursor must be the only query parameter")
        start, where = _read_cursor(endpoint, asked["cursor"])
    size = _number(where, paging.size_param, paging.size, paging.most)
    _refuse_unknown(endpoint, paging, where, ())
    found = list(_matching(endpoint.filters, items, where))
    more = start + size < len(found)
    cursor = _write_cursor(endpoint, start + size, where) if more else None
    cut: list[Json] = list(found[start : start + size])
    if paging.kind == "link_header":
        headers = {"link": f'<{url}?{urlencode({"cursor": cursor})}>; rel="next"'} if cursor else {}
        return cut, headers
    return render(paging.envelope, {"items": cut, "total": len(found), "next_cursor": cursor}), {}


def _write_cursor(endpoint: EndpointSpec, start: int, where: Mapping[str, str]) -> str:
    text = json.dumps([endpoint.name, start, dict(where)], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_cursor(endpoint: EndpointSpec, cursor: str) -> tuple[int, dict[str, str]]:
    try:
        name, start, where = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, TypeError) as error:
        raise Refusal("bad_cursor", "the cursor cannot be read", "cursor") from error
    if name != endpoint.name or not isinstance(start, int) or not isinstance(where, dict):
        raise Refusal("bad_cursor", "the cursor belongs to another list", "cursor")
    return start, where


def _number(asked: Mapping[str, str], name: str, usual: int, most: int) -> int:
    text = asked.get(name, str(usual))
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:9]) <= most:
        raise Refusal("bad_query", f"must be a number from 1 to {most}", name)
    return int(text)


def _refuse_unknown(endpoint: EndpointSpec, paging: Paging, asked: Mapping[str, str], own: tuple[str, ...]) -> None:
    if paging.unknown_query == "ignore":
        return
    strange = [n for n in asked if n not in endpoint.filters and n not in (*own, paging.size_param)]
    if strange:
        raise Refusal("bad_query", f"Invalid query params: {', '.join(strange)}", strange[0])


def _matching(filters: Mapping[str, Filter], items: Iterable[Document], asked: Mapping[str, str]) -> Iterable[Document]:
    wanted: list[tuple[str, set[str]]] = []
    for name, terms in filters.items():
        if name not in asked:
            continue
        values = asked[name].split(",") if terms.many else [asked[name]]
        if len(values) > terms.most:
            raise Refusal("bad_query", f"holds more than {terms.most} values", name)
        wanted.append((terms.field, {v.strip().casefold() for v in values}))
    for item in items:
        if all(
            any(as_text(value).casefold() in any_of for value in values_at(item, field)) for field, any_of in wanted
        ):
            yield item
