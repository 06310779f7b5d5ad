"""Things kept whole outside the database: in a folder, or in a bucket."""

from __future__ import annotations

from pathlib import Path

from hub.adapters.objects.folder import Folder
from hub.ports.objects import Objects


def open_objects(place: str) -> Objects:
    """A folder by its path, a bucket as `s3://bucket/prefix`; what buckets need comes from the usual `AWS_` variables."""
    if place.startswith("s3://"):
        from hub.adapters.objects.bucket import Bucket  # not loaded by who keeps everything in folders

        return Bucket(place)
    return Folder(Path(place))
