"""How far a connector is proven: a tier computed from evidence, never ticked by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, cast

from hub.sdk.folder import Finding, Folder
from hub.sdk.samples import replies
from mappings.documents import Document, Json

TIERS: Final = ("none", "bronze", "silver", "gold")


def _test_operation(folder: Folder) -> bool:
    return "test" in folder.manifest


def _sampled(folder: Folder) -> bool:
    """Every operation that a rule may name has a sample; look-ups appear inside the samples of those."""
    return _writes(folder) <= {str(sample.get("operation")) for _, sample in folder.samples}


def _error_rules(folder: Folder) -> bool:
    """Some sample is answered with a status of every error rule."""
    seen = {r.get("status", r.get("code")) for _, sample in folder.samples for r in replies(sample)}
    return all(seen & set(cast("list[Json]", rule["status"])) for rule in _rules(folder))


def _refused_credentials(folder: Folder) -> bool:
    """A sample shows what happens when the vendor refuses our credentials."""
    seen = {r.get("status", r.get("code")) for _, sample in folder.samples for r in replies(sample)}
    return bool(seen & {401, 403, 530, 535})


def _rate_limit(folder: Folder) -> bool:
    return bool(_object(folder.manifest["defaults"]).get("rate_limit"))


def _repeats(folder: Folder) -> bool:
    """For every read-before-write there is a sample that finds the thing and writes nothing."""
    operations = _object(folder.manifest["operations"])
    looked = {n for n, b in operations.items() if "lookup" in _object(_object(b).get("idempotency"))}
    quiet = {
        str(sample.get("operation"))
        for _, sample in folder.samples
        if "delivered" in _object(sample.get("outcome"))
        and all(_object(_object(turn).get("request")).get("method") == "GET" for turn in _list(sample.get("exchange")))
    }
    return looked <= quiet


def _webhooks(folder: Folder) -> bool:
    return "webhooks" in folder.manifest


def _hook_samples(folder: Folder) -> bool:
    """Every event of `webhooks.events` is reported by some sample."""
    events = _list(_object(folder.manifest.get("webhooks")).get("events"))
    wanted = {str(_object(event)["emit"]) for event in events if "{" not in str(_object(event)["emit"])}
    reported = {
        str(_object(fact).get("type"))
        for _, sample in folder.samples
        if "hook" in sample
        for fact in _list(_object(_object(sample.get("outcome")).get("delivered")).get("reported"))
    }
    return wanted <= reported and (not events or bool(reported))


def _mapped(folder: Folder) -> bool:
    """Every write brings a mapping from our events, or sends the event as it is; an erasure names ids alone."""
    operations, erasing = _object(folder.manifest["operations"]), _object(folder.manifest.get("erasure"))
    wanted = _writes(folder) - ({str(erasing.get("operation"))} if "needs" in erasing else set())
    return all("map" in _object(operations[name]) for name in wanted)


def _readme(folder: Folder) -> bool:
    """The README speaks to integrators in English and in Chinese."""
    chinese = sum("\u4e00" <= c <= "\u9fff" for c in folder.readme)
    return chinese >= 100 and sum(c.isascii() and c.isalpha() for c in folder.readme) >= 400


def _provides(folder: Folder) -> bool:
    return "provides" in folder.manifest


def _custom_fields(folder: Folder) -> bool:
    return "custom_fields" in folder.manifest


CRITERIA: Final[Mapping[str, tuple[str, Callable[[Folder], bool]]]] = MappingProxyType(
    {
        "test": ("bronze", _test_operation),
        "samples": ("bronze", _sampled),
        "error_rules": ("silver", _error_rules),
        "refused_credentials": ("silver", _refused_credentials),
        "rate_limit": ("silver", _rate_limit),
        "repeats": ("silver", _repeats),
        "webhooks": ("silver", _webhooks),
        "hook_samples": ("gold", _hook_samples),
        "mapped": ("gold", _mapped),
        "readme": ("gold", _readme),
        "provides": ("gold", _provides),
        "custom_fields": ("gold", _custom_fields),
    }
)


def evidence(folder: Folder) -> dict[str, bool]:
    """Criterion -> whether the folder itself proves it."""
    return {name: holds(folder) for name, (_, holds) in CRITERIA.items()}


def tier(folder: Folder) -> str:
    """The highest tier whose criteria, and those below it, are all proven or exempt with a reason."""
    proven, claims = evidence(folder), _claims(folder)
    reached = "none"
    for candidate in TIERS[1:]:
        needed = [name for name, (at, _) in CRITERIA.items() if at == candidate]
        if not all(proven[name] or claims.get(name) == "exempt" for name in needed):
            break
        reached = candidate
    return reached


def claims_against_evidence(folder: Folder) -> Iterator[Finding]:
    """A tier that is not reached, a claim of something unknown, or `done` where nothing shows it."""
    where = f"{folder.name}/manifest.yaml:quality"
    claimed, reached = str(_object(folder.manifest["quality"])["tier"]), tier(folder)
    proven = evidence(folder)
    if TIERS.index(claimed) > TIERS.index(reached):
        allowed = TIERS[1 : TIERS.index(claimed) + 1]
        lacking = [
            name
            for name, (at, _) in CRITERIA.items()
            if at in allowed and not proven[name] and _claims(folder).get(name) != "exempt"
        ]
        yield Finding(
            f"{where}.tier", "tier_not_reached", f"{claimed} is claimed, {reached} is shown; lacks {', '.join(lacking)}"
        )
    for name, status in _claims(folder).items():
        if name not in CRITERIA:
            yield Finding(f"{where}.claims.{name}", "unknown_criterion", f"there is no criterion {name}")
        elif status == "done" and not proven[name]:
            yield Finding(f"{where}.claims.{name}", "not_shown", f"{name} is claimed and not shown")
        elif status != "done" and proven[name]:
            yield Finding(f"{where}.claims.{name}", "already_shown", f"{name} is shown: the claim can go")


def _claims(folder: Folder) -> dict[str, str]:
    claims = _object(_object(folder.manifest["quality"]).get("claims"))
    return {name: str(_object(claim)["status"]) for name, claim in claims.items()}


def _writes(folder: Folder) -> set[str]:
    operations = _object(folder.manifest["operations"])
    return {name for name, body in operations.items() if _object(body)["safety"] == "write"}


def _rules(folder: Folder) -> list[Document]:
    rules = [_object(rule) for rule in _list(_object(folder.manifest["defaults"]).get("errors"))]
    for body in _object(folder.manifest["operations"]).values():
        rules += [_object(rule) for rule in _list(_object(body).get("errors"))]
    return [_object(rule["when"]) for rule in rules]


def _object(value: Json) -> Document:
    return value if isinstance(value, dict) else {}


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
