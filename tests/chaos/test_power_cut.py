"""Power cuts under the SQLite store: what was acknowledged is there afterwards, and it is `synchronous=FULL` that does it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.cuts import power_cut
from tests.chaos.power import Disk, NoDisk, disk
from tests.chaos.publishing import published, without_sync_of

pytestmark = pytest.mark.long


@pytest.fixture
def cuttable(tmp_path: Path) -> Iterator[Disk]:
    """A disk whose power can be cut; where none can be made the test is skipped and says so."""
    try:
        with disk(tmp_path) as made:
            yield made
    except NoDisk as reason:
        pytest.skip(f"no power cut here: {reason}")


@pytest.mark.parametrize("enough", [50, 400, 1500])
async def test_what_was_acknowledged_survives_a_power_cut(cuttable: Disk, enough: int) -> None:
    """No acknowledged event is lost, none is without what it owes, the file is sound."""
    cut = await power_cut(cuttable, enough=enough)
    assert (cut.lost, cut.owing, cut.sound) == (0, 0, True), cut


async def test_a_store_that_does_not_sync_every_commit_is_found_out(cuttable: Disk) -> None:
    """The planted bug: with `synchronous=NORMAL` the same cut loses acknowledged events."""
    cut = await power_cut(cuttable, normal=True)
    assert cut.lost > 0, cut


async def test_a_published_recording_survives_a_power_cut(cuttable: Disk) -> None:
    """Written, synced, named, the directory synced: all of them are there, whole."""
    assert await published(cuttable) == (0, 0)


@pytest.mark.parametrize("kind", ["file", "directory"])
async def test_a_publisher_that_leaves_out_a_sync_is_found_out(cuttable: Disk, kind: str) -> None:
    """The planted bugs: without the one the content is not there, without the other the name."""
    with without_sync_of(kind):
        lost, other = await published(cuttable)
    assert (lost if kind == "directory" else lost + other) > 0
