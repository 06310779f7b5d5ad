"""Places where blobs lie: memory, a directory, a bucket, two copies."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.adapters.media import Directory, Mirrored
from hub.adapters.media.objects import BucketBlobs
from hub.adapters.memory.blobs import MemoryBlobs
from hub.ports.media import Blobs
from tests.support.moto import KEYS, REGION, aws


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The address of a service with a bucket `media`."""
    from botocore.session import Session

    with aws() as address, pytest.MonkeyPatch.context() as patch:
        for name, value in KEYS.items():
            patch.setenv(name, value)
        client = Session().create_client("s3", region_name=REGION, endpoint_url=address)
        client.create_bucket(Bucket="media", CreateBucketConfiguration={"LocationConstraint": REGION})
        client.close()
        yield address


@pytest.fixture(params=["memory", "directory", "bucket", "mirrored"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Blobs:
    """A fresh, empty place."""
    match request.param:
        case "memory":
            return MemoryBlobs()
        case "directory":
            return Directory(tmp_path / "media")
        case "bucket":
            address = request.getfixturevalue("s3")
            for name, value in KEYS.items():
                monkeypatch.setenv(name, value)
            return BucketBlobs.at(f"s3://media/{uuid.uuid4().hex}", address)
    return Mirrored(Directory(tmp_path / "media"), Directory(tmp_path / "copy"))
