"""The next page of a read: link header (RFC 8288), page number or cursor."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urljoin, urlsplit

from hub.domain.errors import Invalid
from hub.ports.transport import HttpRequest, HttpResponse
from hub.sdk.manifest import Paging
from mappings.documents import Json, Missing, walk

_LINK = re.compile(r"<([^<>]*)>\s*((?:;[^,<>]*)*)")


def first_page(paging: Paging | None, request: HttpRequest) -> HttpRequest:
    """The request for the first page."""
    if paging is None or paging.kind != "page":
        return request
    size = {paging.size_param: str(paging.size)} if paging.size_param else {}
    return replace(request, query={**request.query, **size, paging.param: str(paging.start)})


def next_page(
    paging: Paging | None, request: HttpRequest, response: HttpResponse, page: Sequence[Json]
) -> HttpRequest | None:
    """The request for the page after this one, None at the end. Raises Invalid for a link to another host."""
    match paging:
        case Paging(kind="link_header"):
            return _linked(paging, request, response)
        case Paging(kind="page"):
            if len(page) < paging.size:
                return None
            number = int(request.query[paging.param]) + 1
            return replace(request, query={**request.query, paging.param: str(number)})
        case Paging(kind="cursor"):
            token = walk(response.json(), paging.next)
            if isinstance(token, Missing | bool | dict | list) or token is None or token == "":
                return None
            return replace(request, query={**request.query, paging.param: str(token)})
        case _:
            return None


def _linked(paging: Paging, request: HttpRequest, response: HttpResponse) -> HttpRequest | None:
    for target, parameters in _LINK.findall(response.headers.get("link", "")):
        relations = re.search(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,]+))', parameters, re.IGNORECASE)
        if relations is None or paging.rel not in (relations[1] or relations[2]).split():
            continue
        url = urljoin(request.url, target)
        if urlsplit(url)[:2] != urlsplit(request.url)[:2]:
            raise Invalid("the next page is at another host", code="pagination_elsewhere", at="link")
        return replace(request, url=url, query={} if paging.drop_query else request.query)
    return None
