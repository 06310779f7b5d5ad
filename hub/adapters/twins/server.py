"""A twin over HTTP: the vendor's endpoints with faults on order, and the control endpoints under `/_twin/`."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from aiohttp import web

from hub.adapters.twins.control import Control
from hub.adapters.twins.faults import Do, Faults
from hub.adapters.twins.gate import TokenRefused
from hub.adapters.twins.ledger import Journal
from hub.adapters.twins.outbound import Outbound
from hub.adapters.twins.spec import EndpointSpec
from hub.adapters.twins.vendor import Answer, Call, Vendor
from hub.ports.clock import Clock

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
LARGEST_BODY = 64 * 1024 * 1024


class Server:
    """The application of one twin."""

    def __init__(self, vendor: Vendor, outbound: Outbound, faults: Faults, requests: Journal, clock: Clock) -> None:
        self.vendor, self.faults, self.requests, self.clock = vendor, faults, requests, clock
        self.control = Control(vendor, outbound, faults, requests)
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port."""
        app = web.Application(client_max_size=LARGEST_BODY)
        self.control.mount(app)
        if self.vendor.gate.gives_tokens:
            app.router.add_post(self.vendor.file.token_path, self._logged(self._token))
        for endpoint in self.vendor.file.endpoints:
            path = endpoint.path if endpoint.root else self.vendor.file.base_path + endpoint.path
            app.router.add_route(endpoint.method, path, self._logged(self._serve(endpoint)))
        app.router.add_route("*", "/{tail:.*}", self._logged(self._nowhere))
        # a body that is still coming when a twin stops is not waited for long: nobody loses anything by it
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def close(self) -> None:
        """Answer what is held, then stop listening."""
        self.faults.release()
        if self._runner is not None:
            await self._runner.cleanup()

    def _logged(self, handler: Handler) -> Handler:
        """Apply the fault that is due and note the request."""

        async def logged(request: web.Request) -> web.StreamResponse:
            fault = self.faults.take(request.method, request.path)
            try:
                response = await self._faulty(fault, handler, request)
            except web.HTTPRequestEntityTooLarge:
                response = _response(self.vendor.refuse("bad_body", "the body is too large", status=413))
            cut = request.transport is None or request.transport.is_closing()
            self.requests.append(
                {
                    "at": self.clock.now().isoformat(timespec="milliseconds"),
                    "n": len(self.requests.lines) + 1,
                    "method": request.method,
                    "path": request.path,
                    "status": None if cut else response.status,
                    "fault": None if fault is None else fault.name,
                }
            )
            return response

        return logged

    async def _faulty(self, fault: Do | None, handler: Handler, request: web.Request) -> web.StreamResponse:
        if fault is None:
            return await handler(request)
        await self.clock.sleep(fault.delay_ms / 1000)
        if fault.status is not None:
            return _scripted(self.vendor, fault, fault.status)
        if fault.refuse:
            return _cut(request)
        response = await handler(request)
        if fault.drop or (fault.hold and not await self.faults.held(fault.timeout_s)):
            return _cut(request)
        return response

    def _serve(self, endpoint: EndpointSpec) -> Handler:
        async def serve(request: web.Request) -> web.StreamResponse:
            return _response(self.vendor.answer(endpoint, await _call(request)))

        return serve

    async def _token(self, request: web.Request) -> web.StreamResponse:
        call = await _call(request)
        try:
            return web.json_response(
                self.vendor.gate.token(call.headers, call.body), headers={"cache-control": "no-store"}
            )
        except TokenRefused as refused:
            headers = {"www-authenticate": "Basic"} if refused.status == 401 else {}
            return web.json_response({"error": refused.code}, status=refused.status, headers=headers)

    async def _nowhere(self, request: web.Request) -> web.StreamResponse:
        others = {e.method for e in self.vendor.file.endpoints if self.vendor.file.base_path + e.path == request.path}
        return _response(
            self.vendor.refuse("method", "Method not allowed")
            if others
            else self.vendor.refuse("not_found", "Resource not found")
        )


async def _call(request: web.Request) -> Call:
    return Call(
        method=request.method,
        path=request.path,
        url=str(request.url.with_query(None)),
        query=[(k, v) for k, v in request.query.items()],
        params=dict(request.match_info),
        headers={k.lower(): v for k, v in request.headers.items()},
        body=await request.read(),
    )


def _response(answer: Answer) -> web.Response:
    if answer.body is None:
        return web.Response(status=answer.status, headers=dict(answer.headers))
    content = json.dumps(answer.body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
    return web.Response(
        body=content, content_type="application/json", status=answer.status, headers=dict(answer.headers)
    )


def _scripted(vendor: Vendor, fault: Do, status: int) -> web.Response:
    kind = {429: "rate_limited", 401: "unauthorized", 404: "not_found"}.get(status, "unavailable")
    answer = vendor.refuse(kind, "Service unavailable" if status >= 500 else "Request refused", status=status)
    headers = dict(answer.headers)
    if fault.retry_after is not None:
        headers["retry-after"] = f"{fault.retry_after:g}"
    return _response(Answer(status, answer.body, headers))


def _cut(request: web.Request) -> web.Response:
    """End the connection without an answer, as a network does."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=503)
