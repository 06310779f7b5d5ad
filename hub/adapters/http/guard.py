"""The egress guard: which addresses of the network a connection may speak to.

One parser (yarl, the one that also sends) reads every URL; what it understood must be what was written.
Host names are checked again after DNS by `resolver`, addresses once more when the socket is made.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from yarl import URL

from hub.ports.transport import Blocked

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Written out because ipaddress.is_global calls several of these global (IANA special-purpose registries, Azure's wire server).
_DENIED_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
# Global unicast is 2000::/3; everything else (mapped, NAT64, link and site local, 5f00::) is refused by not being in it.
_UNICAST_V6 = IPv6Network("2000::/3")
_DENIED_V6 = tuple(IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
_LOOPBACK: tuple[Network, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))

_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")  # WHATWG URL: a host whose last label is a number is an IPv4 address
_LITERAL = re.compile(r"[0-9.]+|[0-9a-fA-F:.]*:.*")  # what may be an address at all; parsing is dear
_BARE_HEX = re.compile(r"[0-9a-f]+")
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")
MAIL_PORTS = frozenset({25, 465, 587, 2525})


@dataclass(frozen=True, slots=True)
class Guard:
    """What is open. The defaults are those of production: https to public addresses on port 443.

    `allow_loopback` opens this machine on any port (twins, demo, tests), `allow_http` plain HTTP. `networks` opens private
    networks of the company, `ports` are the ports of hosts elsewhere. `allow_config_hosts` lets a connection's own
    settings move a vendor whose manifest names fixed hosts: without it a changed address cannot carry a stored
    secret to another host.
    """

    allow_loopback: bool = False
    allow_http: bool = False
    allow_config_hosts: bool = False
    networks: tuple[Network, ...] = ()
    ports: frozenset[int] = frozenset({443})

    def url(self, text: str, hosts: Collection[str]) -> URL:
        """The URL that may be asked. `hosts` are those of the manifest: names, or `*.name` for one level or more below.

        Raises Blocked; the message never repeats the URL, which may hold personal data.
        """
        if len(text) > 8192 or _UNSAFE.search(text):
            raise Blocked("the address holds white space, a control character or a backslash", code="bad_url")
        try:
            url = URL(text)
            host, port = url.raw_host, url.port
        except ValueError as error:
            raise Blocked("the address is not a URL", code="bad_url") from error
        if url.scheme not in ("http", "https") or not host or port is None:
            raise Blocked("the address is not an absolute http(s) URL", code="bad_url")
        if url.scheme == "http" and not self.allow_http:
            raise Blocked("plain http is not allowed", code="http_refused")
        # User info, look-alike characters, encoded names: each makes what is written differ from what is understood.
        name = f"[{host}]" if ":" in host else host
        written = f"{url.scheme}://{name}" + ("" if url.explicit_port is None else f":{url.explicit_port}")
        rest = text[len(written) :]
        if not text.lower().startswith(written) or (rest and rest[0] not in "/?#"):
            raise Blocked("the host is not written as a plain ASCII name", code="bad_url")
        literal = self.host(host)
        here = self._is_here(host, literal)
        if not here and not _listed(host, hosts):
            raise Blocked(f"host {host} is not one of the connector's allowed hosts", code="host_refused")
        self._port(port, self.ports, here)
        return url

    def mail_host(self, host: str, port: int) -> None:
        """Whether a mail server may be spoken to. Raises Blocked."""
        literal = self.host(host)
        self._port(port, MAIL_PORTS, self._is_here(host, literal))

    def host(self, name: str) -> Address | None:
        """Check the spelling of a host; an IP literal is checked as an address and returned. Raises Blocked."""
        if _LITERAL.fullmatch(name):
            with contextlib.suppress(ValueError):
                literal = ip_address(name)
                self.address(name)
                return literal
        labels = name.lower().split(".")
        number = _NUMBER.fullmatch(labels[-1]) or (len(labels) == 1 and _BARE_HEX.fullmatch(labels[0]))
        if number or len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
            raise Blocked("the host is not a plain host name", code="bad_url")
        return None

    def address(self, text: str) -> None:
        """Whether this IP address may be connected to. Raises Blocked."""
        try:
            address = ip_address(text)
        except ValueError as error:
            raise Blocked("not an IP address", code="address_refused") from error
        if getattr(address, "scope_id", None) is None:
            if self.allow_loopback and _inside(address, _LOOPBACK):
                return
            if _inside(address, self.networks) or is_public(address):
                return
        raise Blocked(f"address {address} is not public", code="address_refused")

    def opens(self, address: Address) -> bool:
        """Whether the address is this machine or a network opened by the settings, where unencrypted mail may go."""
        return (self.allow_loopback and _inside(address, _LOOPBACK)) or _inside(address, self.networks)

    def _is_here(self, host: str, literal: Address | None) -> bool:
        """An opened loopback name: twins live on arbitrary ports of this machine and in no manifest."""
        if not self.allow_loopback:
            return False
        return host.lower() == "localhost" if literal is None else _inside(literal, _LOOPBACK)

    @staticmethod
    def _port(port: int, allowed: frozenset[int], here: bool) -> None:
        if not (0 < port < 65536) or (not here and port not in allowed):
            raise Blocked(f"port {port} is not allowed", code="port_refused")


def is_public(address: Address) -> bool:
    """Whether the address is a public unicast address by our own lists."""
    if isinstance(address, IPv4Address):
        return not _inside(address, _DENIED_V4)
    return address in _UNICAST_V6 and not _inside(address, _DENIED_V6)


def networks_of(text: str) -> tuple[Network, ...]:
    """Networks of a settings value such as `10.1.0.0/16, fd00::/8`. Raises ValueError."""
    return tuple(ip_network(part) for part in text.replace(",", " ").split())


def _inside(address: Address, networks: Collection[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _listed(host: str, hosts: Collection[str]) -> bool:
    name = host.lower()
    return any(
        name == entry or (entry.startswith("*.") and name.endswith(entry[1:])) for entry in map(str.lower, hosts)
    )
