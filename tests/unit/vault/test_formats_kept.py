"""Every format that was ever written keeps a stored sample here, and a reader: a change that cannot read one is refused.

The key is no secret: it is derived from a public sentence. A new format adds a sample; none is ever taken away.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from hub.adapters.clock import ManualClock
from hub.adapters.memory import MemoryStore
from hub.adapters.vault import EnvKeyring, FieldVault, FileKeyring, StreamVault
from hub.adapters.vault.keyring import keyring_at
from hub.adapters.vault.recovery import joined
from hub.domain.ids import TenantId
from hub.ports.vault import DataClass, KeyRow, Place

TENANT = TenantId(7)
ROOT = hashlib.sha256(b"hirewire format samples: a key that is no secret").hexdigest()
PLAIN = "林悦".encode()
ROWS = (
    (
        "dc136151410bf796ae5b947fc1610b70",
        "pii",
        "rk_1",
        "b9724315612c090d307d5907e2b811d8b2eb294b989811c326585e75e6de707f3c611773077433de",
        "f5c9ec080e2961316e15d1d7b87b38486268223ecb5579145fd17dfe1df34ce1",
        "",
    ),
    (
        "867402fb0c65b1bac401150165b2869b",
        "media",
        "rk_1",
        "c2b2f8e3273680fdc37614b4c60363008c70aaf7a6345f40ed9c0c2bdd021d2e9fc0d36ed3057ec9",
        "ef32b1bf38e73001e4cc4fffb3565200a5f9f0aef4b84e6d8086bce9167019af",
        "",
    ),
    (
        "20c1daa9ffcc63f24f55f47db10add72",
        "pii",
        "dc136151410bf796ae5b947fc1610b70",
        "cc7e33a7263f774e6397510d53811967a24636705cbb668bd329c8688b5e1ecad2884ec509e61415",
        "cce68380f47baf60c6a0f7fbaad3965a8bcca8c3977db4697dd6b350e0f594c1",
        "subject:cand_1",
    ),
    (
        "b5dda191b40a238f5d89522057c8bbdb",
        "media",
        "867402fb0c65b1bac401150165b2869b",
        "4cabe24916a66e92b566e61cd2eb6ac0719dadcbc72de64a329cbaa622e6103a7d4587b2c6e29479",
        "c8e4447c04037ff4c2ac503f7cb26bc40794157faaf66cfa73f9006600cae7af",
        "subject:cand_1",
    ),
)
FIELD_1_TENANT = (
    "48460101dc136151410bf796ae5b947fc1610b70283a5f0fa80b995cef84ec5529533061aa62ddaee411fe22e67b355cb503af4b911f"
)
FIELD_1_OWNER = (
    "4846010120c1daa9ffcc63f24f55f47db10add72dc63142e100f0e994b0a04c6e0cb75cc4cf7aaf43169ef7bfc4a4c27d3091607b7d0"
)
MEDIA_1 = (
    "4855424d01010010b5dda191b40a238f5d89522057c8bbdbab698b330c1ab99a14c4f4244d57787db680275c520043ed"
    "32c75c9303fcccbca33bb7adde84fd22c88545d6de522c95ee5902365b179c93d4aa199081f8b4d8dc2fb2e853769000"
    "010000d198e55e8891146835ef6b89a5f389ba7b16c59e5934"
)
KEYRING_1 = {"format": "hirewire-keyring-1", "active": "rk_1", "keys": {"rk_1": ROOT}}
SHARES_1 = (
    (
        "hwk1-39aa17a4-2-1-DFJRNGAQ4FSYDZFPLUDSMC6HRLB47I5MF67Q747G3L6RWHR3BJQGCIZMMZQPZOAZJC7PKD3VO4S4QB"
        "CFPZ7BJECE6OW4I4QISX7JY54O24WVF2EDPE7GYPSV2WZWLK2E5FQK3HNZCPL4WLJSE5MVJTAWPKVK2HAROTI6MOEXCF547M"
        "5KG25LE5XQCU-4940e4e8"
    ),
    (
        "hwk1-39aa17a4-2-2-X7AI7DV4MJILNNIL3SMPD56GNHU6HYHM2XYHRM22ZF3YXXJFOKHKIDP5MZTLHTLE3PFV3OFZWEK5RI"
        "RAUWSWHFGDUIFMGS2ATO7IZMSM7X6PFFFRKQ2JGIAMDXJGMHW6NJWAS2JWPHVMN76ODPROBSD7K7USPP5F3KOXDVT3SDNI4E"
        "XPGCJN6IMAZM-49c95471"
    ),
)


@pytest.fixture
async def vault() -> FieldVault:
    """A vault over the stored key rows (tenant keys and, below them, those of one person), format of migration 0008."""
    store = MemoryStore(ManualClock())
    for id, data_class, parent, wrapped, commit, owner in ROWS:
        row = KeyRow(
            bytes.fromhex(id),
            TENANT,
            data_class,
            parent,
            "active",
            bytes.fromhex(wrapped),
            bytes.fromhex(commit),
            owner,
        )
        await store.add_key(row)
    opened = FieldVault(EnvKeyring(ROOT, production=False), store)
    await opened.prepare(TENANT)
    return opened


@pytest.mark.parametrize(
    ("row", "sealed"), [("evt_1", FIELD_1_TENANT), ("evt_2", FIELD_1_OWNER)], ids=["tenant key", "owner key"]
)
async def test_field_envelope_1(vault: FieldVault, row: str, sealed: str) -> None:
    envelope = bytes.fromhex(sealed)
    await vault.prepare(TENANT, sealed=[envelope])
    assert vault.open(Place(TENANT, "event_body", row, "body"), envelope) == PLAIN


async def test_media_envelope_1(vault: FieldVault) -> None:
    blob, streams = bytes.fromhex(MEDIA_1), StreamVault(vault)
    place = Place(TENANT, "media", "med_1", "part-00001", 1, DataClass.MEDIA)
    head = blob[: streams.head_size]
    await streams.prepare_head(place, head)
    start, length = streams.tail(head, len(blob))
    opened = streams.opening_stream(place, head, len(blob), blob[start : start + length])
    at, size = opened.span(0, opened.size)
    assert opened.open(0, opened.size, blob[at : at + size]) == PLAIN


async def test_keyring_file_1(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    path.write_text(json.dumps(KEYRING_1))
    path.chmod(0o600)
    assert await FileKeyring(path).versions() == ("rk_1",)


def test_shares_1(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    path.write_text(json.dumps(KEYRING_1))
    path.chmod(0o600)
    assert joined(SHARES_1) == keyring_at(path)
