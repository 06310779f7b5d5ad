"""What every answer carries."""

from __future__ import annotations

from typing import Any

from litestar import Response

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}


async def with_headers(response: Response[Any]) -> Response[Any]:
    """The answer with these headers, unless it has them already."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response
