"""What must hold of every decision, whoever asks for whatever."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hub.domain.ids import TenantId
from hub.domain.permissions import ACTIONS, Context, Grant, Kind, Object, Reason, Role, Subject, decide
from hub.domain.permissions.deciding import MASKED_UP_TO, OWN, PURPOSES

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PATHS = st.sampled_from(["/", "/org_1/", "/org_1/org_2/", "/org_3/"])
GRANTS = st.builds(
    Grant, st.sampled_from(list(Role)), PATHS, st.sampled_from([None, NOW, NOW + timedelta(hours=1)]),
    st.sampled_from([frozenset(), frozenset({"cand_1"}), frozenset({"cand_2"})]),
)  # fmt: skip
SUBJECTS = st.builds(
    Subject, st.just("usr_1"), st.just(TenantId(1)), st.just(Kind.PERSON), st.lists(GRANTS, max_size=3).map(tuple),
    clearance=st.integers(1, 4), second_factor=st.booleans(),
)  # fmt: skip
OBJECTS = st.builds(
    Object, st.sampled_from([TenantId(1), TenantId(2)]), PATHS.map(lambda one: frozenset({one})),
    st.sampled_from([None, "cand_1"]), st.sampled_from([frozenset(), frozenset({"usr_1"})]), st.integers(0, 4),
)  # fmt: skip
CONTEXTS = st.builds(
    Context, st.just(NOW), st.sampled_from([None, "curiosity", *PURPOSES]),
    st.sampled_from([None, NOW, NOW - timedelta(minutes=5), NOW - timedelta(minutes=6), NOW + timedelta(1)]),
    st.booleans(), st.booleans(),
)  # fmt: skip
NAMES = st.sampled_from([*ACTIONS, "rule.unknown"])


@given(SUBJECTS, NAMES, OBJECTS, CONTEXTS)
def test_nothing_is_allowed_that_was_not_granted_here_and_now(
    subject: Subject, action: str, object: Object, context: Context
) -> None:
    told = decide(subject, action, object, context)
    assert told == decide(subject, action, object, context)
    assert told.allow == (told.reason is Reason.GRANTED)
    if not told.allow or action in OWN:
        return
    assert subject.tenant == object.tenant
    assert subject.second_factor
    about = ACTIONS[action]
    assert told.by is not None
    letters = about.cells[told.by].letters
    [*found] = [one for one in subject.grants if one.role is told.by and one.holds(NOW)]
    assert found
    assert not letters & {"v"}
    assert told.show <= subject.clearance
    if "m" in letters:
        assert told.show <= MASKED_UP_TO
    else:
        assert max(about.data_class, object.data_class) <= subject.clearance
    if "a" in letters:
        assert "usr_1" in object.assigned or any("cand_1" in one.candidates for one in found)
    if "s" in letters:
        assert context.stepped_up_at in (NOW, NOW - timedelta(minutes=5))
    if "p" in letters:
        assert told.purpose in PURPOSES
    if letters & {"2", "q"} and not about.reviewed:
        assert context.approved


@given(SUBJECTS, NAMES, OBJECTS, CONTEXTS)
def test_a_lower_clearance_never_shows_more(subject: Subject, action: str, object: Object, context: Context) -> None:
    told = decide(subject, action, object, context)
    less = decide(replace(subject, clearance=max(subject.clearance - 1, 1)), action, object, context)
    assert less.show <= told.show or not told.allow
    assert told.allow or not less.allow


@given(SUBJECTS, GRANTS, NAMES, OBJECTS, CONTEXTS)
def test_one_more_role_never_takes_anything_away(
    subject: Subject, more: Grant, action: str, object: Object, context: Context
) -> None:
    told = decide(subject, action, object, context)
    wider = decide(replace(subject, grants=(*subject.grants, more)), action, object, context)
    assert wider.allow or not told.allow
    if told.allow and not told.outcome_only and not wider.outcome_only:
        assert wider.show >= told.show


@given(st.sets(st.sampled_from(sorted({a.scope for a in ACTIONS.values() if a.scope}))), NAMES, OBJECTS)
def test_a_program_does_what_its_scopes_say_and_its_column_allows(
    scopes: set[str], action: str, object: Object
) -> None:
    service = Subject("svc_1", TenantId(1), Kind.SERVICE, scopes=frozenset(scopes), clearance=4)
    told = decide(service, action, object, Context(NOW))
    about = ACTIONS.get(action)
    may = about is not None and about.scope in scopes and "k" in about.cells[Role.CLIENT_SYSTEM].letters
    assert told.allow == (may and object.tenant == 1)


def test_the_matrix_keeps_the_three_powers_apart_and_the_video_to_one_role() -> None:
    def may(action: str) -> set[Role]:
        return {role for role, cell in ACTIONS[action].cells.items() if cell.letters and "v" not in cell.letters}

    assert may("video.play") == may("video.stream") == {Role.HR_MANAGER}
    assert may("grant.any") == {Role.SECURITY_ADMIN}
    assert may("audit.settings") == {Role.AUDITOR}
    assert Role.SYSTEM_ADMIN not in may("grant.any") | may("grant.business") | may("audit.read") | may("event.payload")
    for action in ("event.payload", "candidate.read", "resume.read", "report.read", "check.read"):
        assert not may(action) & {Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDITOR}, action
    assert may("secret.write") == {Role.INTEGRATOR}
    assert not any(ACTIONS[name].cells[Role.OPS].letters == {"y"} for name in ACTIONS if ACTIONS[name].data_class > 2)
