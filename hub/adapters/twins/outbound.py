"""What the vendor sends by itself: signed webhooks and, in the partner role, calls to our endpoints; with its own retries."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Coroutine, Mapping

import aiohttp

from hub.adapters.twins.acts import Acts
from hub.adapters.twins.ledger import Journal
from hub.adapters.twins.signing import setting, sign
from hub.adapters.twins.spec import Scenario, Step
from hub.adapters.twins.templates import as_text, render, values_at
from hub.ports.clock import Clock
from mappings.documents import Document, Json

_ANSWER_WITHIN = aiohttp.ClientTimeout(total=20)


class PartnerFailed(Exception):
    """Our side did not answer a partner call as the vendor wants it, not even after the retries."""


class Outbound:
    """Runs plans and sends hooks; both survive a restart because the state remembers them."""

    def __init__(self, acts: Acts, sent: Journal, clock: Clock, speed: float) -> None:
        self.acts, self.sent, self.clock, self.speed = acts, sent, clock, speed
        self.hook_url: str | None = None
        self.partner_url: str | None = None
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._early: dict[str, asyncio.Event] = {}

    def start(self) -> None:
        """Take up what an earlier run left open, then whatever comes."""
        self._session = aiohttp.ClientSession(timeout=_ANSWER_WITHIN, trust_env=False)
        self.acts.on_plan, self.acts.on_hook = self._plan, self._hook
        for key in list(self.acts.state.plans):
            self._plan(key)
        for key in list(self.acts.state.outbox):
            self._hook(key)

    async def close(self) -> None:
        """Stop; what is open stays in the state."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def play(self, scenario: str | None, id: str | None) -> int:
        """Run waiting plans now instead of when they are due; returns how many."""
        chosen = [
            key
            for key, plan in self.acts.state.plans.items()
            if scenario in (None, plan["scenario"]) and id in (None, key.split("/")[1])
        ]
        for key in chosen:
            self._early.setdefault(key, asyncio.Event()).set()
        return len(chosen)

    def waiting(self) -> list[Json]:
        """What the vendor still means to do."""
        plans: list[Json] = [{"plan": key, "scenario": p["scenario"]} for key, p in self.acts.state.plans.items()]
        return plans + [{"hook": key, "name": h["name"]} for key, h in self.acts.state.outbox.items()]

    def forget(self) -> None:
        """Drop all plans and hooks under way."""
        for task in self._tasks:
            task.cancel()
        self._early.clear()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._note("broken", None, 1, None, type(error).__name__)
            raise error  # the loop tells it: a twin that is wrong must not be quiet

    def _plan(self, key: str) -> None:
        self._early.setdefault(key, asyncio.Event())
        self._spawn(self._run(key))

    def _hook(self, key: str) -> None:
        self._spawn(self._deliver(key))

    async def _run(self, key: str) -> None:
        state = self.acts.state
        plan = state.plans.get(key)
        if plan is None:
            return
        scenario = next((s for s in self.acts.spec.file.scenarios if s.name == plan["scenario"]), None)
        if scenario is not None:
            await self._until_due(key, scenario.after_s)
            try:
                while (step := int(str(plan["step"]))) < len(scenario.steps):
                    plan = await self._step(scenario, scenario.steps[step], plan, step)
                    state.plan(key, plan)
                    state.commit()
            except PartnerFailed:
                pass  # `sent.jsonl` has each try; a vendor gives up here too
        state.plan(key, None)
        state.commit()
        self._early.pop(key, None)

    async def _until_due(self, key: str, after_s: float | None) -> None:
        early = self._early.setdefault(key, asyncio.Event())
        if after_s is None:
            await early.wait()
            return
        due = asyncio.ensure_future(self.clock.sleep(after_s / self.speed))
        called = asyncio.ensure_future(early.wait())
        try:
            await asyncio.wait((due, called), return_when=asyncio.FIRST_COMPLETED)
        finally:
            due.cancel()
            called.cancel()

    async def _step(self, scenario: Scenario, step: Step, plan: Document, number: int) -> Document:
        scope = self.acts.scene(scenario, plan)
        bound = plan["bound"]
        bound = dict(bound) if isinstance(bound, dict) else {}
        if step.partner is not None:
            answer = await self._partner(step, scope)
            if step.bind is not None:
                bound[step.bind] = {"value": answer}
        else:
            touched = self.acts.perform(step, scope)
            if step.bind is not None and touched is not None:
                bound[step.bind] = {"item": [touched[0], touched[1]]}
        return {**plan, "step": number + 1, "bound": bound}

    async def _deliver(self, key: str) -> None:
        """Send one hook until it is accepted or the vendor's patience ends."""
        state = self.acts.state
        hook = state.outbox.get(key)
        if hook is None:
            return
        content = json.dumps(hook["body"], ensure_ascii=self.acts.spec.file.json_ascii, separators=(",", ":")).encode()
        verify = self.acts.spec.verify
        for number, delay in enumerate([0.0, *self.acts.spec.file.hook_delays_s], start=1):
            await self.clock.sleep(delay / self.speed)
            if self.hook_url is None:
                self._note(f"hook.{hook['name']}", key, number, None, "no hook address is set")
                break
            now_s = int(self.clock.now().timestamp())
            extra = hook["headers"]
            headers = {name: as_text(value) for name, value in extra.items()} if isinstance(extra, dict) else {}
            headers |= sign(verify, self.acts.config, content, key, now_s) | {"content-type": "application/json"}
            status, _ = await self._send("POST", self.hook_url, headers, content)
            self._note(f"hook.{hook['name']}", key, number, status)
            if status is not None and 200 <= status < 300:
                break
        state.post(key, None)
        state.commit()

    async def _partner(self, step: Step, scope: Mapping[str, Json]) -> Json:
        """Call the endpoint of ours that serves `step.partner`; complain to us where its answer lacks something."""
        method, path = self._endpoint(step.partner or "")
        body = render(step.body, scope)
        query = render(dict(step.query), scope)
        asked = {k: as_text(v) for k, v in query.items()} if isinstance(query, dict) else {}
        why = "no partner address is set"
        for number, delay in enumerate([0.0, *self.acts.spec.file.hook_delays_s], start=1):
            await self.clock.sleep(delay / self.speed)
            if self.partner_url is None:
                break
            content = None if body is None else json.dumps(body).encode()
            headers = {"authorization": self._partner_auth(), "content-type": "application/json"}
            status, answer = await self._send(method, self.partner_url + path, headers, content, asked)
            missing = [name for name in step.expect if not any(v is not None for v in values_at(answer, name))]
            why = (
                "" if status == 200 and not missing else f"missing: {', '.join(missing)}" if status == 200 else "status"
            )
            self._note(f"partner.{step.partner}", None, number, status, why or None)
            if not why:
                return answer
            if status == 200:
                await self._complain(step.partner or "", missing)
        raise PartnerFailed(why)

    async def _complain(self, call: str, missing: list[str]) -> None:
        method, path = self._endpoint("order_error")
        complaint = {"api_call": call, "errors": [f"{name} is missing" for name in missing]}
        headers = {"authorization": self._partner_auth(), "content-type": "application/json"}
        status, _ = await self._send(method, f"{self.partner_url}{path}", headers, json.dumps(complaint).encode())
        self._note("partner.order_error", None, 1, status)

    def _endpoint(self, serve: str) -> tuple[str, str]:
        provides = self.acts.spec.manifest.get("provides")
        endpoints = provides.get("endpoints") if isinstance(provides, dict) else None
        for endpoint in endpoints if isinstance(endpoints, list) else []:
            if isinstance(endpoint, dict) and endpoint.get("serve") == serve:
                return str(endpoint["method"]), str(endpoint["path"])
        raise PartnerFailed(f"the manifest serves no {serve}")

    def _partner_auth(self) -> str:
        provides = self.acts.spec.manifest.get("provides")
        auth = provides.get("auth") if isinstance(provides, dict) else None
        terms: Document = auth if isinstance(auth, dict) else {}
        user, password = (setting(terms.get(name), self.acts.config) for name in ("username", "password"))
        return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    async def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes | None,
        query: Mapping[str, str] | None = None,
    ) -> tuple[int | None, Json]:
        """Status and JSON body; (None, None) where no answer came."""
        if self._session is None:
            return None, None
        try:
            async with self._session.request(
                method, url, headers=headers, data=content, params=query, allow_redirects=False
            ) as response:
                raw = await response.read()
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None, None
        try:
            return status, json.loads(raw)
        except ValueError:
            return status, None

    def _note(self, kind: str, id: str | None, number: int, status: int | None, why: str | None = None) -> None:
        ok = status is not None and 200 <= status < 300 and why is None
        self.sent.append(
            {
                "at": self.clock.now().isoformat(timespec="milliseconds"),
                "kind": kind,
                "id": id,
                "try": number,
                "status": status,
                "ok": ok,
                "why": why,
            }
        )
