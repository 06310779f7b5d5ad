"""Certificates that must not be believed, and the one that may."""

from __future__ import annotations

import ssl

import pytest

from hub.adapters.http.guard import Guard
from hub.ports.transport import HttpRequest, NotSent


def guard(vendor) -> Guard:
    return Guard(allow_loopback=True, ports=frozenset({vendor.port}))


async def here(_host):
    return ["127.0.0.1"]


async def test_a_company_s_own_authority_is_believed_when_it_is_set(open_vendor, build, channel, authority):
    vendor = await open_vendor(tls=authority.server("good"))
    router = build(guard(vendor), lookup=here, ca_bundle=authority.path)
    for _ in range(2):
        answer = await router.send(channel(), HttpRequest("GET", vendor.url(host="api.example")))
        assert answer.status == 200
    assert vendor.lines == 1


@pytest.mark.parametrize(
    ("label", "options", "trusted"),
    [
        ("expired", {"days": (-3, -1)}, True),
        ("not-yet", {"days": (1, 3)}, True),
        ("wrong-name", {"names": ["other.example"]}, True),
        ("self-signed", {"own": True}, True),
        ("stranger", {}, False),
    ],
)
async def test_a_bad_certificate_is_refused_before_anything_is_sent(
    open_vendor, build, channel, authority, label, options, trusted
):
    vendor = await open_vendor(tls=authority.server(label, **options))
    router = build(guard(vendor), lookup=here, ca_bundle=authority.path if trusted else None)
    with pytest.raises(NotSent) as caught:
        await router.send(channel(), HttpRequest("POST", vendor.url(host="api.example"), json={}))
    assert caught.value.code == "tls_failed"
    assert vendor.seen == []


@pytest.mark.filterwarnings("ignore:.*TLSv1_1 is deprecated")
async def test_old_tls_is_refused(open_vendor, build, channel, authority):
    context = authority.server("old")
    context.minimum_version = ssl.TLSVersion.TLSv1_1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    vendor = await open_vendor(tls=context)
    router = build(guard(vendor), lookup=here, ca_bundle=authority.path)
    with pytest.raises(NotSent):
        await router.send(channel(), HttpRequest("GET", vendor.url(host="api.example")))
    assert vendor.seen == []


async def test_tls_to_a_server_that_speaks_plain_http_is_not_sent(open_vendor, build, channel):
    async def script(line):
        line.answer(400)
        await line.gone()

    vendor = await open_vendor(script)
    with pytest.raises(NotSent) as caught:
        await build().send(channel(), HttpRequest("GET", vendor.url().replace("http://", "https://")))
    assert caught.value.code == "tls_failed"
