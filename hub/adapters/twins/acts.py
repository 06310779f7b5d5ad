"""What the vendor does to its own records: creating, changing, and planning what comes of it later."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hub.adapters.twins.spec import Scenario, Step, TwinSpec
from hub.adapters.twins.state import State
from hub.adapters.twins.templates import render
from hub.ports.clock import Clock
from mappings.documents import Document, Json

Link = tuple[str, Json]


class Acts:
    """Carries out the steps that need no network; hands over plans and hooks to whoever runs them."""

    def __init__(self, spec: TwinSpec, config: Mapping[str, Json], state: State, clock: Clock) -> None:
        self.spec, self.config, self.state, self.clock = spec, dict(config), state, clock
        self.address: Document = {"url": ""}
        self.on_plan: Callable[[str], None] = lambda _: None
        self.on_hook: Callable[[str], None] = lambda _: None

    def scope(self) -> dict[str, Json]:
        """What every template may speak of."""
        now = self.clock.now()
        stamp = now.isoformat(timespec="seconds").replace("+00:00", "Z")
        scope: dict[str, Json] = {"now": stamp, "today": stamp[:10], "config": dict(self.config)}
        return scope | self.address

    def connection(self) -> Document:
        """What a connection to this twin has to be told, secrets left out."""
        told = render(dict(self.spec.file.config), self.scope())
        return told if isinstance(told, dict) else {}

    def create(
        self, collection: str, body: Document, settings: Mapping[str, Json], scope: Mapping[str, Json]
    ) -> Document:
        """A new item: its id, then what was sent, then what the vendor adds, who calls it `new`."""
        item: Document = {"id": self.state.next_id(collection)}
        item |= body
        added = render(dict(settings), {"item": item, **scope, "new": item})
        item |= added if isinstance(added, dict) else {}
        self.state.put(collection, item)
        return item

    def change(
        self,
        collection: str,
        before: Document,
        body: Document,
        settings: Mapping[str, Json],
        scope: Mapping[str, Json],
    ) -> tuple[Document, bool]:
        """The changed item, and whether anything but time stamps is different now."""
        added = render(dict(settings), {**scope, "item": before})
        item = {**before, **body, **(added if isinstance(added, dict) else {}), "id": before["id"]}
        stamps = {name for name, template in settings.items() if template in ("{now}", "{today}")}
        fresh = any(item.get(name) != before.get(name) for name in item if name not in stamps)
        if fresh:
            self.state.put(collection, item)
        return (item if fresh else before), fresh

    def linked(self, link: Link, scope: Mapping[str, Json]) -> Json:
        """The item a link points at, or None."""
        return self.state.get(link[0], render(link[1], scope))

    def perform(self, step: Step, scope: dict[str, Json]) -> tuple[str, Json] | None:
        """Carry out a create, change or hook; returns (collection, id) of what was touched and binds it in `scope`."""
        inner = dict(scope)
        for name, link in step.links.items():
            inner[name] = self.linked(link, inner)
        if render(step.only_if, inner) is not True:
            return None
        if step.hook is not None:
            self.post(step.hook, inner)
            return None
        if step.create is not None:
            item = self.create(step.create, {}, step.set, inner)
            touched, what = (step.create, item["id"]), f"{step.create}.create"
        else:
            collection = step.change or ""
            before = self.state.get(collection, render(step.id, inner))
            if before is None:
                return None
            item, _ = self.change(collection, before, {}, step.set, inner)
            touched, what = (collection, item["id"]), f"{collection}.change"
        if step.bind is not None:
            scope[step.bind] = item
        self.happened(what, touched[0], touched[1])
        return touched

    def post(self, name: str, scope: Mapping[str, Json]) -> str:
        """Put a hook into the outbox, its body fixed now; returns its event id."""
        hook = self.spec.file.hooks[name]
        event_id = str(self.state.next_id("hook"))
        full: dict[str, Json] = {**scope, "hook": {"id": event_id, "name": name}}
        self.state.post(
            event_id,
            {
                "name": name,
                "id": event_id,
                "body": render(hook.body, full),
                "headers": render(dict(hook.headers), full),
            },
        )
        self.on_hook(event_id)
        return event_id

    def happened(self, what: str, collection: str | None, id: Json) -> None:
        """Plan every scenario that waits for `what`."""
        for scenario in self.spec.file.scenarios:
            if scenario.upon != what or collection is None:
                continue
            scope = self._scene(scenario, collection, id)
            if render(scenario.only_if, scope) is True:
                key = f"{scenario.name}/{id}/{self.state.next_id('plan')}"
                self.state.plan(key, {"scenario": scenario.name, "of": [collection, id], "step": 0, "bound": {}})
                self.on_plan(key)

    def scene(self, scenario: Scenario, plan: Document) -> dict[str, Json]:
        """The scope of a plan as it stands: its item, its links, and what earlier steps bound."""
        of = plan["of"]
        collection, id = of if isinstance(of, list) else ("", None)
        scope = self._scene(scenario, str(collection), id)
        bound = plan["bound"]
        for name, value in bound.items() if isinstance(bound, dict) else ():
            if isinstance(value, dict) and "item" in value:
                where = value["item"]
                scope[name] = self.state.get(str(where[0]), where[1]) if isinstance(where, list) else None
            elif isinstance(value, dict):
                scope[name] = value.get("value")
        return scope

    def _scene(self, scenario: Scenario, collection: str, id: Json) -> dict[str, Json]:
        scope = self.scope() | {"item": self.state.get(collection, id)}
        for name, link in scenario.links.items():
            scope[name] = self.linked(link, scope)
        return scope
