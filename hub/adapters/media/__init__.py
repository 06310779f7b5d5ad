"""Where sealed recordings lie: a directory on this machine, a bucket that speaks S3, or both."""

from __future__ import annotations

from pathlib import Path

from hub.adapters.media.directory import Directory
from hub.adapters.media.mirrored import Mirrored
from hub.domain.errors import Invalid
from hub.ports.media import Blobs

__all__ = ["Directory", "Mirrored", "open_blobs"]


def open_blobs(place: str, copy: str | None = None, *, endpoint: str | None = None) -> Blobs:
    """By the settings: a path or `s3://bucket/prefix`, and a second copy in another such place. Raises Invalid."""
    first = _one(place, endpoint)
    return first if copy is None else Mirrored(first, _one(copy, endpoint))


def _one(place: str, endpoint: str | None) -> Blobs:
    if not place.startswith("s3://"):
        if "://" in place:
            raise Invalid("media live in a directory or in s3://bucket/prefix", code="bad_setting", at="HIREWIRE_MEDIA")
        return Directory(Path(place))
    from hub.adapters.media.objects import BucketBlobs

    return BucketBlobs.at(place, endpoint)
