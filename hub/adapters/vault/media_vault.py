"""The vault for recordings: the same keys as for fields, streams in place of values."""

from __future__ import annotations

from hub.adapters.vault import stream
from hub.adapters.vault.data_keys import DataKey, OwnerKey
from hub.adapters.vault.envelope import PREFIX, context
from hub.adapters.vault.field_vault import FieldVault
from hub.domain.errors import Conflict
from hub.ports.vault import Place


class StreamVault:
    """`hub.ports.media.MediaVault` over a field vault."""

    head_size = stream.HEADER

    def __init__(self, fields: FieldVault) -> None:
        self._fields = fields

    def sealing_stream(self, place: Place) -> stream.Sealing:
        key = self._fields.sealing(place)
        return stream.Sealing(stream.new_keys(key.id, _material(key), _place(place)))

    async def prepare_head(self, place: Place, head: bytes) -> None:
        try:
            id = stream.key_of(head)
        except Conflict:
            return  # opening says so
        await self._fields.prepare(place.tenant, sealed=[PREFIX + id + bytes(28)])

    def tail(self, head: bytes, sealed: int) -> tuple[int, int]:
        return stream.last_chunk(head, sealed)

    def opening_stream(self, place: Place, head: bytes, sealed: int, tail: bytes) -> stream.Opening:
        key = self._fields.opening(place, stream.key_of(head))
        return stream.Opening(stream.keys_of(head, _material(key), _place(place)), sealed, tail)


def _place(place: Place) -> bytes:
    return context(stream.MAGIC, place)


def _material(key: DataKey | OwnerKey) -> bytes:
    """What object keys are derived from; never what seals fields itself."""
    return key.material if isinstance(key, OwnerKey) else key.wrapping
