"""Names to addresses: every address of an answer is checked, and only checked addresses are connected to."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from hub.adapters.http.guard import Guard
from hub.ports.transport import Blocked, NotSent

Lookup = Callable[[str], Awaitable[Sequence[str]]]


class RefusedAddress(OSError):
    """A refusal of the guard on its way through a library that only expects OSError."""


async def system_lookup(host: str) -> Sequence[str]:
    """All addresses of the name by this machine's resolver, in its order. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class GuardedResolver(AbstractResolver):
    """aiohttp's resolver. A name that answers one public and one private address is refused as a whole (DNS rebinding)."""

    def __init__(self, guard: Guard, lookup: Lookup = system_lookup) -> None:
        self._guard = guard
        self._lookup = lookup

    async def addresses(self, host: str) -> Sequence[str]:
        """The checked addresses of a host name or IP literal. Raises Blocked, OSError."""
        if self._guard.host(host) is not None:
            return [host]
        found = await self._lookup(host)
        if not found:
            raise OSError("the name has no address")
        for address in found:
            self._guard.address(address)
        return found

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """What aiohttp connects to: numeric addresses only, so nothing is looked up a second time."""
        found = [(address, _family(address)) for address in await self.addresses(host)]
        numeric = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        return [
            ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=numeric)
            for address, kind in found
            if family in (socket.AF_UNSPEC, kind)
        ]

    async def close(self) -> None:
        """Nothing is held."""

    def make_socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        """A socket for this address: the last check, where literal addresses pass that no resolver ever saw."""
        family, kind, proto, _, address = info
        try:
            self._guard.address(str(address[0]))
        except Blocked as error:
            raise RefusedAddress(str(error)) from error
        return socket.socket(family, kind, proto)

    def socket_for(self, address: str) -> socket.socket:
        """A socket that may be connected to this address and waits for nothing. Raises Blocked."""
        self._guard.address(address)
        sock = socket.socket(_family(address), socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    async def connect(self, host: str, port: int) -> socket.socket:
        """A connected socket to the first checked address that answers. Raises Blocked, NotSent."""
        try:
            found = await self.addresses(host)
        except OSError as error:
            raise NotSent("the host name could not be resolved", code="dns_failed") from error
        failure: OSError | None = None
        for address in found:
            sock = socket.socket(_family(address), socket.SOCK_STREAM)
            sock.setblocking(False)
            try:
                await asyncio.get_running_loop().sock_connect(sock, (address, port))
            except OSError as error:
                sock.close()
                failure = error
            except BaseException:
                sock.close()
                raise
            else:
                return sock
        raise NotSent("no address of the host accepts connections", code="connect_failed") from failure


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET
