"""A thousand interviews send two megabytes each at the same time: every byte comes back, in bounded memory."""

from __future__ import annotations

import pytest

from bench.media import uploads

MOST_MB = 600


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_a_thousand_uploads_at_once_are_all_right(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    good, peak = await uploads(1000, 2_000_000 // 64 * 64)
    assert good == 1000
    assert peak / 1e6 < MOST_MB
