"""The media envelope: any range opens alone, and nothing of it can be changed, cut, moved or put together anew."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.adapters.vault import stream
from hub.adapters.vault.stream import CHUNK, HEADER, STEP, Opening, Sealing, keys_of, new_keys
from hub.domain.errors import Conflict

KEY_ID, MATERIAL, PLACE = bytes(range(16)), bytes(range(32)), b"here"


def sealed(plain: bytes, pieces: int = 100_000, place: bytes = PLACE, material: bytes = MATERIAL) -> bytes:
    sealing = Sealing(new_keys(KEY_ID, material, place))
    out = [sealing.update(plain[at : at + pieces]) for at in range(0, len(plain), pieces)]
    return b"".join([*out, sealing.finish()])


def opened(blob: bytes, place: bytes = PLACE, material: bytes = MATERIAL) -> Opening:
    start, length = stream.last_chunk(blob[:HEADER], len(blob))
    return Opening(keys_of(blob[:HEADER], material, place), len(blob), blob[start : start + length])


def read(blob: bytes, start: int | None = None, length: int | None = None) -> bytes:
    whole = opened(blob)
    start = 0 if start is None else start
    length = whole.size - start if length is None else length
    if not length:
        return b""
    at, size = whole.span(start, length)
    return whole.open(start, length, blob[at : at + size])


SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 7, 3 * CHUNK]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("pieces", [1_000, CHUNK, 10**6])
def test_round_trip(size: int, pieces: int) -> None:
    plain = bytes(itertools.islice(itertools.cycle(range(251)), size))
    blob = sealed(plain, pieces)
    assert opened(blob).size == size
    assert len(blob) == HEADER + size + 16 * max(1, -(-size // CHUNK))
    assert read(blob) == plain


@given(data=st.data(), size=st.integers(1, 3 * CHUNK + 100))
@settings(max_examples=40, deadline=None)
def test_any_range(data: st.DataObject, size: int) -> None:
    plain = bytes(itertools.islice(itertools.cycle(range(251)), size))
    blob = sealed(plain)
    start = data.draw(st.integers(0, size - 1))
    length = data.draw(st.integers(1, size - start))
    assert read(blob, start, length) == plain[start : start + length]


def refuses(blob: bytes) -> bool:
    try:
        read(blob)
    except Conflict:
        return True
    return False


PLAIN = bytes(itertools.islice(itertools.cycle(range(251)), 2 * CHUNK + 500))


def test_every_flipped_bit_is_refused() -> None:
    """All bits of the header and of a tail, and a sample of the chunks between."""
    blob = sealed(PLAIN)
    places = [*range(HEADER * 8), *range(HEADER * 8, len(blob) * 8, 5_003), *range((len(blob) - 20) * 8, len(blob) * 8)]
    assert len(places) > 1000
    for bit in places:
        bad = bytearray(blob)
        bad[bit // 8] ^= 1 << bit % 8
        assert refuses(bytes(bad)), bit


def test_no_structural_attack_works() -> None:
    blob, other = sealed(PLAIN), sealed(PLAIN)
    head, chunks = blob[:HEADER], [blob[at : at + STEP] for at in range(HEADER, len(blob), STEP)]
    theirs = [other[at : at + STEP] for at in range(HEADER, len(other), STEP)]
    attacks = {
        "cut at a chunk": head + chunks[0] + chunks[1],
        "cut in a chunk": blob[:-1],
        "cut to the header": head,
        "cut within the header": head[:50],
        "nothing": b"",
        "longer": blob + b"\0",
        "a chunk more": blob + chunks[-1],
        "chunks exchanged": head + chunks[1] + chunks[0] + chunks[2],
        "a chunk repeated": head + chunks[0] + chunks[0] + chunks[2],
        "a chunk left out": head + chunks[0] + chunks[2],
        "a chunk of another stream": head + theirs[0] + chunks[1] + chunks[2],
        "the last of another stream": head + chunks[0] + chunks[1] + theirs[2],
        "the header of another stream": other[:HEADER] + blob[HEADER:],
        "an empty last chunk": head + chunks[0] + chunks[1] + chunks[2][:16],
    }
    assert [name for name, bad in attacks.items() if not refuses(bad)] == []


def test_it_opens_only_in_its_place_and_with_its_key() -> None:
    blob = sealed(PLAIN)
    for wrong in ({"place": b"there"}, {"material": bytes(32)}):
        with pytest.raises(Conflict) as caught:
            opened(blob, **wrong)  # type: ignore[arg-type]
        assert caught.value.code == "sealed_elsewhere"


def test_a_dropped_commitment_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check that the two tests above rest on, taken away: the wrong key is met only by the tag, not before."""
    blob = sealed(PLAIN)
    monkeypatch.setattr(stream.hmac, "compare_digest", lambda *_: True)
    keys = keys_of(blob[:HEADER], bytes(32), PLACE)
    assert keys.header != blob[:HEADER]


def test_no_two_streams_share_key_and_nonce() -> None:
    seen = {new_keys(KEY_ID, MATERIAL, PLACE).header[24:63] for _ in range(2000)}
    assert len(seen) == 2000


@pytest.mark.parametrize(("start", "length"), [(-1, 5), (0, 0), (0, 10**9), (len(PLAIN), 1), (len(PLAIN) - 1, 2)])
def test_a_range_outside_is_refused(start: int, length: int) -> None:
    whole = opened(sealed(PLAIN))
    with pytest.raises(Conflict):
        whole.open(start, length, b"")
