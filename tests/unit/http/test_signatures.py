"""Webhooks and partner calls: the right ones pass, and every doubt is a refusal."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest

from hub.adapters.http.signatures import VendorSignatures
from hub.domain.errors import Unauthorized

SECRET = "s3cret-of-the-vendor"
BODY = '{"id": "evt_1", "name": "林悦"}'.encode()


def mac(body: bytes = BODY, secret: str = SECRET, hash: str = "sha256") -> bytes:
    return hmac.new(secret.encode(), body, hash).digest()


@pytest.fixture
def check(channel, clock):
    """check(spec, headers, body) -> None or the refusal."""

    def run(
        spec: object, headers: dict[str, str], body: bytes = BODY, secret: str | None = SECRET
    ) -> Unauthorized | None:
        settings = channel({"webhooks": {"verify": spec}}, {}, {} if secret is None else {"webhook_secret": secret})
        try:
            VendorSignatures(clock).verify(settings, headers, body)
        except Unauthorized as refusal:
            return refusal
        return None

    return run


def plain(**more: object) -> dict[str, object]:
    base = {"scheme": "hmac", "hash": "sha256", "key": "{config.webhook_secret}", "signed": "raw_body"}
    return {**base, "header": "X-Signature", "format": "{hex}", "required": True, **more}


@pytest.mark.parametrize(
    ("form", "written"),
    [
        ("{hex}", lambda m: m.hex()),
        ("{hex}", lambda m: m.hex().upper()),
        ("sha256 {hex}", lambda m: f"sha256 {m.hex()}"),
        ("sha256={hex}", lambda m: f"sha256={m.hex()}"),
        ("{base64}", lambda m: base64.b64encode(m).decode()),
        ("sha256={base64}", lambda m: f"sha256={base64.b64encode(m).decode()}"),
        ("{hex}", lambda m: f"{'00' * 32}, {m.hex()}"),
    ],
)
def test_the_forms_of_a_signature_over_the_body(check, form, written):
    spec = plain(format=form)
    assert check(spec, {"x-signature": written(mac())}) is None
    assert check(spec, {"x-signature": written(mac(BODY + b" "))})
    assert check(spec, {"x-signature": written(mac())}, BODY.replace(b"1", b"2"))
    assert check(spec, {"x-signature": written(mac(secret="secret of another connection"))})


@pytest.mark.parametrize("hash", ["sha1", "sha256", "sha512"])
def test_the_hash_is_the_manifest_s(check, hash):
    assert check(plain(hash=hash), {"x-signature": mac(hash=hash).hex()}) is None
    assert check(plain(hash="sha384"), {"x-signature": mac(hash="sha384").hex()})


def test_a_signature_over_the_same_json_written_anew_is_refused(check):
    again = json.dumps(json.loads(BODY)).encode()
    assert again != BODY
    assert check(plain(), {"x-signature": mac(again).hex()})


def test_every_flipped_bit_of_the_body_and_the_signature_is_refused(check):
    good = mac()
    for at in range(len(BODY) * 8):
        bent = bytearray(BODY)
        bent[at // 8] ^= 1 << at % 8
        assert check(plain(), {"x-signature": good.hex()}, bytes(bent))
    for at in range(256):
        bent = bytearray(good)
        bent[at // 8] ^= 1 << at % 8
        assert check(plain(), {"x-signature": bytes(bent).hex()})


DOUBTFUL = ["", " ", "sha256", "zz", mac().hex()[:-2], mac().hex() + "00", "sha1=" + mac().hex(), ",", "林", "\udcff"]
DOUBTFUL += [mac().hex() + "\n,x" * 40, "0x" + mac().hex(), base64.b64encode(mac()).decode()]


@pytest.mark.parametrize("given", DOUBTFUL)
def test_headers_without_the_agreed_form_are_refused(check, given):
    assert check(plain(), {"x-signature": given})


def test_a_missing_header_secret_or_setting_is_refused(check):
    good = {"x-signature": mac().hex()}
    assert check(plain(), {})
    for secret in (None, "", "short"):
        assert check(plain(), {"x-signature": mac(secret=secret or "").hex()}, secret=secret)
    for name in ("key", "header", "scheme"):
        assert check({key: value for key, value in plain().items() if key != name}, good)


@pytest.mark.parametrize(
    "spec", [None, {}, [], {"scheme": "none"}, {"scheme": "rsa"}, {"scheme": ["hmac"]}, {"required": False}]
)
def test_a_manifest_without_a_known_scheme_lets_nothing_in(check, spec):
    assert check(spec, {"x-signature": mac().hex()})


STRIPE = {
    "header": "x-sig",
    "format": "t={timestamp},v1={hex}",
    "signed": "{timestamp}.{raw_body}",
    "tolerance": "PT5M",
}


def stamped(time: object, *, body: bytes = BODY, shown: object = None) -> dict[str, str]:
    signature = mac(f"{time}.".encode() + body).hex()
    return {"x-sig": f"t={time if shown is None else shown},v1={signature}"}


def test_a_time_in_the_signature_header_is_part_of_what_is_signed(check, clock):
    now = int(clock.now().timestamp())
    spec = plain(**STRIPE)
    for late in (0, 299, 300, -300):
        assert check(spec, stamped(now - late)) is None
    for late in (301, -301, 10**6):
        assert check(spec, stamped(now - late))
    assert check(spec, stamped(now - 301, shown=now))
    assert check(spec, {"x-sig": stamped(now)["x-sig"].split(",")[1]})
    assert check(spec, {"x-sig": f"t={now}"})
    assert check(spec, {"x-sig": f"t={now}," + stamped(now)["x-sig"]})
    rotated = f"t={now},v1={'00' * 32},v0=old,{stamped(now)['x-sig'].split(',')[1]}"
    assert check(spec, {"x-sig": rotated}) is None


@pytest.mark.parametrize("time", ["NaN", "nan", "inf", "1e20", "1e9", "-1", "", " ", "0x10", "９", "1.5", "9" * 40])
def test_times_that_are_none_are_refused(check, time):
    assert check(plain(**STRIPE), stamped(time))
    spec = plain(signed="{timestamp}{raw_body}", timestamp_header="X-Time")
    assert check(spec, {"x-signature": mac(time.encode() + BODY).hex(), "x-time": time})


def test_times_and_ids_in_headers_of_their_own(check, clock):
    now = str(int(clock.now().timestamp()))
    spec = plain(signed="{raw_body}{timestamp}", timestamp_header="X-Time")
    headers = {"x-signature": mac(BODY + now.encode()).hex(), "x-time": now}
    assert check(spec, headers) is None
    assert check(spec, headers | {"x-time": str(int(now) + 1)})
    assert check(spec, {"x-signature": headers["x-signature"]})
    ided = plain(signed="{id}.{raw_body}", id_header="X-Id")
    assert check(ided, {"x-signature": mac(b"m1." + BODY).hex(), "x-id": "m1"}) is None
    assert check(ided, {"x-signature": mac(b"." + BODY).hex()})


def test_a_signature_that_does_not_cover_the_body_proves_nothing(check, clock):
    now = str(int(clock.now().timestamp()))
    spec = plain(signed="{timestamp}", timestamp_header="x-time")
    assert check(spec, {"x-signature": mac(now.encode()).hex(), "x-time": now})


def test_a_static_token(check):
    spec = {"scheme": "static_token", "header": "X-Token", "token": "{config.webhook_secret}", "required": True}
    assert check(spec, {"x-token": SECRET}) is None
    for headers in (
        {},
        {"x-token": ""},
        {"x-token": SECRET + "x"},
        {"x-token": SECRET.upper()},
        {"x-token": "林\udcff"},
    ):
        assert check(spec, headers)
    assert check(spec, {"x-token": ""}, secret="")


@pytest.fixture
def partner(channel, clock):
    def run(auth: object, headers: dict[str, str], **secrets: str) -> bool:
        try:
            VendorSignatures(clock).authenticate(channel({"provides": {"auth": auth}}, {}, secrets), headers)
        except Unauthorized:
            return False
        return True

    return run


def basic(text: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def test_a_partner_s_basic_credentials(partner):
    spec = {"scheme": "basic", "username": "{config.partner_key}", "password": ""}
    key = "key-of-the-partner"
    assert partner(spec, basic(f"{key}:"), partner_key=key)
    assert partner(
        spec, {"authorization": basic(f"{key}:")["authorization"].replace("Basic", "basic")}, partner_key=key
    )
    for wrong in ({}, basic(":"), basic(f"{key}:x"), basic(key), basic(f"x{key}:"), {"authorization": f"Bearer {key}"}):
        assert not partner(spec, wrong, partner_key=key)
    assert not partner(spec, basic(":"), partner_key="")
    assert not partner(spec, basic(":"))


def test_a_partner_s_bearer_token(partner):
    spec = {"scheme": "bearer", "token": "{config.partner_key}"}
    assert partner(spec, {"authorization": f"Bearer {SECRET}"}, partner_key=SECRET)
    for wrong in ({}, {"authorization": "Bearer "}, {"authorization": SECRET}, {"authorization": f"Bearer {SECRET} x"}):
        assert not partner(spec, wrong, partner_key=SECRET)


@pytest.mark.parametrize("auth", [None, {}, {"scheme": "hmac", "key": "{config.partner_key}"}, {"scheme": "none"}])
def test_a_connector_that_serves_nobody_lets_nobody_in(partner, auth):
    assert not partner(auth, basic(f"{SECRET}:"), partner_key=SECRET)


def test_the_reason_of_a_refusal_names_no_value(check):
    refusal = check(plain(), {"x-signature": hashlib.sha256(b"x").hexdigest()})
    assert (refusal.code, str(refusal)) == ("bad_signature", "not accepted: no signature matches")
