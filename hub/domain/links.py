"""How far a way to another machine is protected, read from its address. Pure."""

from __future__ import annotations

from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import parse_qs, urlsplit


class Link(StrEnum):
    """The weakest last."""

    HERE = "on this machine"
    VERIFIED = "TLS, certificate checked"
    ENCRYPTED = "TLS, certificate not checked"
    OPEN = "may be plain"


_MODES = {"verify-full": Link.VERIFIED, "verify-ca": Link.VERIFIED, "require": Link.ENCRYPTED}


def database_link(address: str) -> Link:
    """Of `sqlite:///...` or `postgresql://...`; `sslmode` and several hosts as in PostgreSQL's connection URIs (libpq 34.1)."""
    parts = urlsplit(address)
    query = parse_qs(parts.query)
    named = parts.netloc.rpartition("@")[2].split(",") + [
        one for value in query.get("host", []) for one in value.split(",")
    ]
    if parts.scheme.startswith("sqlite") or all(is_here(host_of(one)) for one in named):
        return Link.HERE
    return _MODES.get(query.get("sslmode", [""])[-1], Link.OPEN)


def plain_link(address: str) -> Link:
    """Of `unix:///path` or `tcp://host:port`, which knows no TLS."""
    parts = urlsplit(address)
    return Link.HERE if parts.scheme == "unix" or is_here(parts.hostname or "") else Link.OPEN


def is_here(host: str) -> bool:
    """Whether what is called so does not leave this machine; "" and a path are sockets."""
    if host in ("", "localhost") or host.startswith("/"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def host_of(written: str) -> str:
    """Without its port: `db:5432`, `[::1]:5432`."""
    return written[1:].partition("]")[0] if written.startswith("[") else written.partition(":")[0]
