"""Our signatures against the official library, and its signatures against ours."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, tzinfo

import pytest
import standardwebhooks
from yarl import URL

from hub.adapters.clock import ManualClock
from hub.adapters.http.auth import signer
from hub.adapters.http.message import compose
from hub.adapters.http.signatures import VendorSignatures
from hub.adapters.http.standard_webhooks import BadSecret, keys, sign
from hub.domain.errors import Unauthorized
from hub.ports.transport import HttpRequest, NeedsReauth

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + base64.b64encode(b"the other secret, 24 bytes or more").decode()
BODY = '{"type":"interview.report.completed","data":{"name":"林悦"}}'
NOW = datetime.now(UTC).replace(microsecond=0)


class Still(datetime):
    """The clock that the official library looks at, which stands still as ours does."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return NOW.astimezone(tz)


@pytest.fixture(autouse=True)
def _still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("standardwebhooks.webhooks.datetime", Still)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def verify(channel, clock):
    def run(headers: dict[str, str], body: str = BODY, secret: str = SECRET) -> bool:
        wire = {"webhooks": {"verify": {"scheme": "standard_webhooks", "key": "{config.secret}", "required": True}}}
        try:
            VendorSignatures(clock).verify(channel(wire, {}, {"secret": secret}), headers, body.encode())
        except Unauthorized:
            return False
        return True

    return run


def official(secret: str = SECRET, at: datetime = NOW, id: str = "msg_1", body: str = BODY) -> dict[str, str]:
    signature = standardwebhooks.Webhook(secret).sign(id, at, body)
    return {"webhook-id": id, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}


def sent(channel, clock, secret: str, key: str | None = "k1", **request: object):
    out = compose(HttpRequest("POST", "https://api.example/", key=key, **request), URL("https://api.example/"))
    spec = {"mode": "standard_webhooks", "secret": "{config.secret}"}
    return signer(spec, channel({}, {}, {"secret": secret}), clock)(out, key, None)


def test_the_official_library_accepts_what_we_send(channel, clock):
    out = sent(channel, clock, SECRET, json={"name": "林悦", "n": 1.5})
    assert standardwebhooks.Webhook(SECRET).verify(out.body.decode(), out.headers) == {"name": "林悦", "n": 1.5}
    assert out.headers["webhook-id"] == "k1"
    assert out.again


def test_while_one_secret_replaces_another_both_accept(channel, clock):
    out = sent(channel, clock, f"{SECRET} {OTHER}", json={"a": 1})
    assert len(out.headers["webhook-signature"].split(" ")) == 2
    for secret in (SECRET, OTHER):
        assert standardwebhooks.Webhook(secret).verify(out.body.decode(), out.headers) == {"a": 1}


def test_an_empty_body_and_a_secret_without_prefix(channel, clock):
    out = sent(channel, clock, SECRET.removeprefix("whsec_"))
    assert out.headers["webhook-signature"] == sign(SECRET, "k1", int(NOW.timestamp()), b"")


def test_we_accept_what_the_official_library_signs(verify):
    assert verify(official())
    assert verify(official(OTHER), secret=f"{SECRET} {OTHER}")


@pytest.mark.parametrize("late", [-301, 301, 10**6])
def test_old_and_early_webhooks_are_refused(verify, late):
    assert not verify(official(at=datetime.fromtimestamp(NOW.timestamp() - late, UTC)))
    assert verify(official(at=datetime.fromtimestamp(NOW.timestamp() - 300, UTC)))


def test_none_two_and_sixty_four_signatures(verify):
    good = official()
    signature, other = good["webhook-signature"], official(OTHER)["webhook-signature"]
    assert verify(good | {"webhook-signature": f"{other} {signature}"})
    assert verify(good | {"webhook-signature": f"v1a,AAAA v2,xx v1, v1,%% {signature}"})
    for bad in (
        "",
        " ",
        "v1,",
        other,
        signature.removeprefix("v1,"),
        "v1a," + signature[3:],
        " ".join([signature] * 64),
    ):
        assert not verify(good | {"webhook-signature": bad})


SECONDS = str(int(NOW.timestamp()))


@pytest.mark.parametrize(
    "time",
    [
        "NaN",
        "1e20",
        "",
        "-5",
        "0",
        pytest.param(SECONDS + ".0", id="a fraction"),
        pytest.param(" " + SECONDS, id="a blank"),
        "٣",
    ],
)
def test_times_that_are_none(verify, time):
    assert not verify(official() | {"webhook-timestamp": time})


def test_anything_changed_or_missing_is_refused(verify):
    good = official()
    for name in good:
        assert not verify({key: value for key, value in good.items() if key != name})
    assert not verify(good, BODY + " ")
    assert not verify(good | {"webhook-id": "msg_2"})
    assert not verify(good | {"webhook-timestamp": str(int(NOW.timestamp()) + 1)})
    assert not verify(official(OTHER))
    assert not verify(official(id="x" * 257))
    assert not verify(good, secret="")


@pytest.mark.parametrize("secret", ["", " ", "whsec_", "whsec_!!!!", "whsec_c2hvcnQ=", "林", SECRET + " whsec_x"])
def test_secrets_that_are_none(channel, clock, verify, secret):
    with pytest.raises(BadSecret) as caught:
        keys(secret)
    assert secret.strip() == "" or secret not in str(caught.value)
    assert not verify(official(), secret=secret)
    with pytest.raises(NeedsReauth):
        sent(channel, clock, secret, json={})
