"""The web application: routes, guard, problems and the OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from hub.app.hub import Hub
from hub.domain.errors import HubError
from hub.web.audit import AuditController
from hub.web.auth import PUBLIC, guard
from hub.web.backtests import BacktestsController
from hub.web.border import BorderController
from hub.web.bounds import Bounds, bounded, safely
from hub.web.candidate_files import CandidateFilesController
from hub.web.candidates import CandidatesController
from hub.web.connections import ConnectionsController
from hub.web.consents import ConsentsController
from hub.web.deliveries import DeliveriesController
from hub.web.elsewhere import ElsewhereController, ProvidersController
from hub.web.events import EventsController
from hub.web.evidence import EvidenceController
from hub.web.health import HealthController, Render
from hub.web.hooks import HooksController
from hub.web.inflow import Inflow
from hub.web.measured import measured
from hub.web.media import MediaController
from hub.web.oauth_token import TokenController
from hub.web.organisation import GroupsController, OrganisationController, ServicesController
from hub.web.people import PeopleController
from hub.web.permissions import ApprovalsController, BreakGlassController, PermissionsController
from hub.web.problems import on_any_error, on_http_error, on_hub_error
from hub.web.replays import DeadLettersController, ReplaysController
from hub.web.retention import RetentionController
from hub.web.rule_tables import TablesController
from hub.web.rules import RulesController
from hub.web.rules_compared import ComparisonsController
from hub.web.rules_lifecycle import LifecycleController, SwitchController
from hub.web.runs import RunsController
from hub.web.scim import ScimController
from hub.web.setup import SetupController
from hub.web.sign_in import FactorsController, SignInController
from hub.web.subjects import ErasuresController, HoldsController, SubjectsController

BODY_LIMIT = 10 * 1024 * 1024  # bytes
FOR_VENDORS = (HooksController, HealthController)
FOR_US = (
    SignInController,
    FactorsController,
    SetupController,
    TokenController,
    ElsewhereController,
    ProvidersController,
    ScimController,
    GroupsController,
    PeopleController,
    OrganisationController,
    ServicesController,
    PermissionsController,
    ApprovalsController,
    BreakGlassController,
    EventsController,
    DeliveriesController,
    ReplaysController,
    DeadLettersController,
    CandidatesController,
    CandidateFilesController,
    ConsentsController,
    SubjectsController,
    ErasuresController,
    HoldsController,
    RulesController,
    RunsController,
    LifecycleController,
    TablesController,
    ComparisonsController,
    SwitchController,
    BacktestsController,
    ConnectionsController,
    RetentionController,
    BorderController,
    EvidenceController,
    MediaController,
    AuditController,
)
Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]


def create_app(
    hub: Hub,
    metrics: Render,
    version: str,
    lifespan: list[Lifespan] | None = None,
    bounds: Bounds = Bounds(),
    vendors_only: bool = False,
) -> Litestar:
    """The ASGI application over these use cases."""
    return Litestar(
        route_handlers=[*FOR_VENDORS, *([] if vendors_only else FOR_US)],
        guards=[guard],
        middleware=[measured(hub.meter, hub.clock), bounded(bounds)],
        state=State({"hub": hub, "metrics": metrics, "inflow": Inflow(partial(hub.meter.refused, "memory"))}),
        exception_handlers={
            HubError: on_hub_error,
            HTTPException: on_http_error,
            Exception: on_any_error(lambda name: hub.meter.note("web.internal_error", error=name)),
        },
        before_send=[safely(bounds)],
        request_max_body_size=BODY_LIMIT,
        openapi_config=None if vendors_only else openapi(version),
        lifespan=lifespan or [],
        logging_config=None,
    )


def openapi(version: str) -> OpenAPIConfig:
    """OpenAPI 3.1 at /schema (JSON), public like the product's documentation."""
    return OpenAPIConfig(
        title="Hirewire",
        version=version,
        description="Events in, rules, deliveries out, answers back. Errors are RFC 9457 problem details.",
        components=Components(security_schemes={"token": SecurityScheme(type="http", scheme="bearer")}),
        security=[{"token": []}],
        path="/schema",
        render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        openapi_router=Router(path="/schema", route_handlers=[], opt=PUBLIC, include_in_schema=False),
    )
