"""For which tenant a group of commands acts."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import click

from hub.domain.ids import DEFAULT_TENANT, TenantId

_KEY = "hirewire.tenant"


def for_tenant(group: Callable[[], None]) -> Callable[[int], None]:
    """A group with the option `--tenant`; its commands ask for `chosen_tenant`."""

    @click.option(
        "--tenant", type=click.IntRange(1, 2**31 - 1), default=DEFAULT_TENANT, show_default=True,
        help="The number of the tenant whose people are meant.",
    )  # fmt: skip
    @wraps(group)
    def remembering(tenant: int) -> None:
        click.get_current_context().meta[_KEY] = tenant

    return remembering


def chosen_tenant() -> TenantId:
    """As the group was called."""
    return TenantId(click.get_current_context().meta.get(_KEY, DEFAULT_TENANT))
