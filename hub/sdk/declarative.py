"""A connector that is its manifest: the generic interpreter behind every folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hub.domain.deliveries import Refused
from hub.domain.errors import Invalid
from hub.ports.connector import Endpoint, Erases, Exchange, Hook, HookIdentity, Job, Operation
from hub.sdk import hooks, partner
from hub.sdk.conversation import Conversation, Run, unfilled
from hub.sdk.mail import Templates
from hub.sdk.manifest import Manifest
from mappings.documents import Document, Json
from mappings.engine import Mapping as Compiled
from mappings.engine import compile_mapping


@dataclass(frozen=True, slots=True)
class Declarative:
    """A connector that is its manifest, its mappings and its texts. Conditions subclass nothing: they wrap `run`."""

    manifest: Manifest
    mappings: Mapping[str, Document] = field(default_factory=dict)
    templates: Templates = field(default_factory=dict)
    operations: Mapping[str, Operation] = field(init=False)
    endpoints: Sequence[Endpoint] = field(init=False)
    _compiled: dict[str, Compiled] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """What every delivery asks for is made once."""
        calls = self.manifest.calls
        object.__setattr__(self, "operations", {name: call.promise for name, call in calls.items()})
        object.__setattr__(self, "endpoints", [served.endpoint for served in self.manifest.served])

    @property
    def name(self) -> str:
        return self.manifest.id

    @property
    def version(self) -> str:
        return self.manifest.version

    @property
    def label(self) -> Mapping[str, str]:
        return self.manifest.name

    @property
    def categories(self) -> tuple[str, ...]:
        return self.manifest.categories

    @property
    def wire(self) -> Document:
        return self.manifest.wire

    @property
    def config_schema(self) -> Document:
        return self.manifest.config

    @property
    def adds(self) -> Mapping[str, Document]:
        return self.manifest.adds

    @property
    def takes_hooks(self) -> bool:
        return self.manifest.hooks is not None

    @property
    def erases(self) -> Erases | None:
        return self.manifest.erases

    def run(self, job: Job) -> Exchange:
        """Carry out an operation; what the manifest cannot fill is Refused and names the placeholder."""
        call = self.manifest.calls.get(job.operation)
        if call is None:
            return Refused("unknown_operation", retry=True)
        run = Run(job, {name: {"id": external} for name, external in job.refs.items()})
        try:
            return (yield from Conversation(self.manifest, self.templates).carry_out(call, run))
        except Invalid as error:
            return unfilled(error)

    def identify(self, hook: Hook) -> HookIdentity:
        """Name a verified webhook. Raises Invalid."""
        return hooks.identify(self.manifest, hook)

    def read(self, hook: Hook, job: Job) -> Exchange:
        """Read a stored webhook into reported facts."""
        conversation = Conversation(self.manifest, self.templates)
        try:
            return (yield from hooks.read(conversation, self.mapped, hook, job))
        except Invalid as error:
            return unfilled(error)

    def mapped(self, name: str, document: Json) -> Document:
        """`document` through the connector's own mapping `name@version`. Raises MappingFailed."""
        if name not in self._compiled:
            self._compiled[name] = compile_mapping(self.mappings[name])
        return self._compiled[name].apply(document if isinstance(document, dict) else {})

    def order(self, endpoint: Endpoint, query: Mapping[str, str], body: Json) -> Document:
        """A partner call in our words. Raises Invalid."""
        return partner.order(self.manifest, endpoint, query, body)

    def answer(self, endpoint: Endpoint, context: Document) -> Json:
        """Our answer in the vendor's words."""
        return partner.answer(self.manifest, endpoint, context)
