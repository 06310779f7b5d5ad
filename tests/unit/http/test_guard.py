"""The addresses and spellings that must not get out, and the few that may."""

from __future__ import annotations

import random
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest

from hub.adapters.http.guard import Guard, is_public, networks_of
from hub.adapters.http.resolver import GuardedResolver, RefusedAddress
from hub.ports.transport import Blocked

CLOSED = Guard()
OPEN = Guard(allow_loopback=True, allow_http=True)
HOSTS = ["api.example", "*.wide.example", "8.8.8.8", "2606:4700:4700::1111"]

BAD_ADDRESSES = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.254 127.0.0.1 127.1.2.3 127.255.255.255
168.63.129.16 169.254.169.254 169.254.0.1 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.1
192.88.99.1 192.168.0.1 192.168.255.255 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9 224.0.0.1
239.255.255.250 240.0.0.1 255.255.255.255 :: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:8.8.8.8
::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b:1::1 100::1 2001::1 2001:0:7f00:1:: 2001:10::1 2001:20::1
2001:db8::1 2002:7f00:1:: 3fff::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 fec0::1 ff02::1 ff0e::1 4000::1
""".split()  # noqa: SIM905


@pytest.mark.parametrize("address", BAD_ADDRESSES)
def test_addresses_that_are_not_public_are_refused(address):
    with pytest.raises(Blocked):
        CLOSED.address(address)
    shown = f"[{address}]" if ":" in address else address
    with pytest.raises(Blocked):
        CLOSED.url(f"https://{shown}/", [*HOSTS, address])


def test_the_list_is_long_enough():
    assert len(BAD_ADDRESSES) >= 45


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "100.128.0.1", "172.32.0.1", "193.0.0.1", "2606:4700:4700::1111"]
)
def test_public_addresses_pass(address):
    CLOSED.address(address)


def test_no_ipv6_form_carries_a_private_ipv4_address():
    """Every embedding that some network translates back: mapped, compatible, translated, NAT64, 6to4, Teredo."""
    rng = random.Random(7)
    private = [IPv4Address(text) for text in ("127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.1.1", "172.16.0.1")]
    private += [IPv4Address(0x0A000000 | rng.getrandbits(24)) for _ in range(500)]
    prefixes = [0, 0xFFFF << 32, 0xFFFF << 48, 0x0064FF9B << 96, (0x0064FF9B << 96) | (1 << 80)]
    for address in private:
        forms = [prefix | int(address) for prefix in prefixes]
        forms += [(0x2002 << 112) | (int(address) << 80) | rng.getrandbits(80)]
        forms += [
            (0x20010000 << 96) | (int(address) << 64) | rng.getrandbits(64),
            (0x20010000 << 96) | (int(address) ^ 0xFFFFFFFF),
        ]
        assert not any(is_public(IPv6Address(form)) for form in forms)


BAD_URLS = [
    "http://api.example/",
    "ftp://api.example/",
    "file:///etc/passwd",
    "gopher://api.example/",
    "javascript:alert(1)",
    "//api.example/",
    "/candidates",
    "https:",
    "https://",
    "https:///x",
    "https:/api.example/",
    "https:api.example/",
    "https://@api.example/",
    "https://user@api.example/",
    "https://user:pw@api.example/",
    "https://api.example@evil.example/",
    "https://evil.example#@api.example/",
    "https://evil.example\\@api.example/",
    "https://api.example\\@evil.example/",
    "https://api.example\\.evil.example/",
    "https:\\\\api.example/",
    "https://api.example\t/",
    "https://api.example\n/",
    "https://api.ex\nample/",
    "\thttps://api.example/",
    " https://api.example/",
    "https://api.example /",
    "https://api.example\x00.evil.example/",
    "https://api.example/a b",
    "https://api.example:0/",
    "https://api.example:22/",
    "https://api.example:25/",
    "https://api.example:80/",
    "https://api.example:6379/",
    "https://api.example:99999/",
    "https://api.example:-1/",
    "https://api.example:443x/",
    "https://api.example:４４３/",
    "https://api.example./",
    "https://.api.example/",
    "https://api..example/",
    "https://-api.example/",
    "https://api%2eexample/",
    "https://api.example%00/",
    "https://%61pi.example/",
    "https://api。example/",
    "https://ａｐｉ.example/",
    "https://аpi.example/",
    "https://api.exampⅼe/",
    "https://xn--pi-6kc.example/",
    "https://evil.example/",
    "https://notapi.example/",
    "https://api.example.evil.example/",
    "https://wide.example/",
    "https://evilwide.example/",
    "https://localhost/",
    "https://[::1/",
    "https://::1/",
    "https://[api.example]/",
    "https://[fe80::1%25eth0]/",
    "https://[v1.fe80]/",
    "https://api.example/" + "a" * 9000,
    "https://" + "a" * 64 + ".example/",
    "",
]


@pytest.mark.parametrize("url", BAD_URLS)
def test_urls_that_do_not_say_plainly_where_they_go_are_refused(url):
    with pytest.raises(Blocked) as caught:
        CLOSED.url(url, HOSTS)
    assert caught.value.code in {"bad_url", "http_refused", "host_refused", "port_refused", "address_refused"}
    assert len(str(caught.value)) < 200


BAD_HOSTS = """
127.1 127.0.1 0 1 2130706433 017700000001 0x7f000001 0x7f.1 0x7f.0.0.1 0177.0.0.1 127.0.0.01 0300.0250.0.1
3232235521 １２７.0.0.1 127。0。0。1 ①②⑦.0.0.1 7f000001 deadbeef 1.2.3 1.2.3.4.5 256.256.256.256 0x 08.8.8.8 a.0x7f
a.1
""".split()  # noqa: SIM905


@pytest.mark.parametrize("host", BAD_HOSTS)
def test_hosts_that_a_resolver_would_read_as_a_number_are_refused(host):
    for guard in (CLOSED, OPEN):
        with pytest.raises(Blocked):
            guard.url(f"https://{host}/", [host, *HOSTS])


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example",
        "https://API.example/v1?q=%E6%9E%97&x=a+b#f",
        "https://api.example:443/",
        "https://eu.wide.example/",
        "https://a.b.wide.example/",
        "https://8.8.8.8/",
        "https://[2606:4700:4700::1111]/",
        "HTTPS://api.example/候选人",
        "https://api.example/a@b:c",
    ],
)
def test_plain_addresses_of_allowed_hosts_pass(url):
    assert CLOSED.url(url, HOSTS).scheme == "https"


def test_an_opened_loopback_is_any_port_of_this_machine_and_nothing_else():
    for url in ("http://127.0.0.1:8123/", "http://localhost:1/", "https://[::1]:9/"):
        assert OPEN.url(url, []).port
        with pytest.raises(Blocked):
            CLOSED.url(url, [])
    for url in (
        "http://10.0.0.1/",
        "http://127.0.0.1:0/",
        "http://localhost.evil.example:80/",
        "http://evil.example:80/",
    ):
        with pytest.raises(Blocked):
            OPEN.url(url, [])
    with pytest.raises(Blocked):
        Guard(allow_loopback=True).url("http://127.0.0.1:8123/", [])


def test_opened_networks_are_opened_for_listed_hosts_only():
    guard = Guard(networks=networks_of("10.1.0.0/16 fd00::/8"))
    guard.address("10.1.2.3")
    guard.address("fd00::1")
    assert guard.url("https://10.1.2.3/", ["10.1.2.3"]).host == "10.1.2.3"
    for refuse in (lambda: guard.address("10.2.0.1"), lambda: guard.url("https://10.1.2.3/", [])):
        with pytest.raises(Blocked):
            refuse()
    with pytest.raises(ValueError, match="host bits"):
        networks_of("10.1.0.1/16")


@pytest.mark.parametrize("port", [0, 22, 80, 443, 6379, 99999])
def test_mail_ports(port):
    with pytest.raises(Blocked):
        CLOSED.mail_host("mail.example", port)
    CLOSED.mail_host("mail.example", 587)


async def test_a_literal_address_is_checked_once_more_when_the_socket_is_made():
    resolver = GuardedResolver(CLOSED)
    with pytest.raises(RefusedAddress):
        resolver.make_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 443)))
    resolver.make_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("8.8.8.8", 443))).close()


async def test_the_resolver_gives_only_numeric_addresses_of_the_family_asked_for():
    async def lookup(_host):
        return ["8.8.8.8", "2606:4700:4700::1111"]

    resolver = GuardedResolver(CLOSED, lookup)
    both = await resolver.resolve("api.example", 443)
    assert [entry["host"] for entry in both] == ["8.8.8.8", "2606:4700:4700::1111"]
    assert all(entry["flags"] & socket.AI_NUMERICHOST and ip_address(entry["host"]) for entry in both)
    assert [entry["host"] for entry in await resolver.resolve("api.example", 443, socket.AF_INET6)] == [
        "2606:4700:4700::1111"
    ]


async def test_a_name_without_an_address_is_an_error():
    async def lookup(_host):
        return []

    with pytest.raises(OSError, match="no address"):
        await GuardedResolver(CLOSED, lookup).resolve("api.example")
