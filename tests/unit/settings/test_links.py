"""A link is as strong as its weakest host: what an address says of the way to a database or a scanner."""

from __future__ import annotations

import pytest

from hub.domain.links import Link, database_link, plain_link

DB = "postgresql://hub:secret@"


@pytest.mark.parametrize(
    ("address", "link"),
    [
        ("sqlite:////srv/hirewire.db", Link.HERE),
        (f"{DB}localhost/hirewire", Link.HERE),
        (f"{DB}127.0.0.1:5432/hirewire", Link.HERE),
        (f"{DB}[::1]:5432/hirewire", Link.HERE),
        ("postgresql:///hirewire?host=/run/postgresql", Link.HERE),
        (f"{DB}/hirewire?host=db.example", Link.OPEN),
        (f"{DB}db.example/hirewire", Link.OPEN),
        (f"{DB}db.example/hirewire?sslmode=prefer", Link.OPEN),
        (f"{DB}localhost,db.example/hirewire", Link.OPEN),
        (f"{DB}127.0.0.1:1,[fd00::1]:2/hirewire", Link.OPEN),
        (f"{DB}db.example/hirewire?sslmode=require", Link.ENCRYPTED),
        (f"{DB}db.example/hirewire?sslmode=verify-ca", Link.VERIFIED),
        (f"{DB}a.example,b.example:5433/hirewire?sslmode=verify-full&sslrootcert=/etc/ca.pem", Link.VERIFIED),
        ("postgresql://hub:p%40ss@db.example/hirewire", Link.OPEN),
        (f"{DB}127.0.0.1.example/hirewire", Link.OPEN),
        (f"{DB}localhost.example/hirewire", Link.OPEN),
    ],
)
def test_a_link_is_as_strong_as_its_weakest_host(address: str, link: Link) -> None:
    assert database_link(address) is link


def test_a_scanner_is_here_or_spoken_to_plainly() -> None:
    assert plain_link("unix:///run/clamd.sock") is Link.HERE
    assert plain_link("tcp://127.0.0.1:3310") is Link.HERE
    assert plain_link("tcp://scanner.example:3310") is Link.OPEN
