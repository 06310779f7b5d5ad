"""Root keys kept on this machine: in a file of its own, or in a setting for development."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import stat
from pathlib import Path

from hub.adapters.vault.root_keys import ROOT_BYTES, RootHealth, RootSet, Wrapped, read_root
from hub.domain.errors import Conflict, Unavailable

FORMAT, FIRST = "hirewire-keyring-1", "rk_1"


class FileKeyring:
    """Root keys in `path`, mode 0600, loaded at once if it is there.

    A missing file is made only when the first data key is wrapped. So a lost keyring beside a full store is refused
    (`wrong_keyring`) and not replaced by a new one that opens nothing.
    Raises Unavailable: `keyring_unsafe` (others may read or replace it), `keyring_broken`, `keyring_unreadable`.
    """

    provider = "file"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._roots = keyring_at(path)

    async def wrap(self, key: bytes, context: bytes = b"") -> Wrapped:
        if self._roots is None:
            self._roots = await asyncio.to_thread(_make, self._path)
        return self._roots.wrap(key)

    async def unwrap(self, wrapped: Wrapped, context: bytes = b"") -> bytes:
        if self._roots is None or wrapped.parent not in self._roots.keys:
            # Another process may have made it, or have added a root key, since we read it.
            self._roots = await asyncio.to_thread(keyring_at, self._path) or self._roots
        if self._roots is None:
            raise Unavailable(
                f"keys are stored, but the keyring {self._path} that wraps them is missing", code="wrong_keyring"
            )
        return self._roots.unwrap(wrapped)

    async def versions(self) -> tuple[str, ...]:
        """What was added to the file since is loaded; a file that lost a key in use is not."""
        there = await asyncio.to_thread(_there, self._path)
        held = self._roots
        if there is not None and (held is None or held.keys.items() <= there.keys.items()):
            self._roots = there
        return () if self._roots is None else self._roots.versions()

    async def offered(self) -> str:
        """The newest root key in the file where it is not active yet, else a fresh one."""
        roots = await asyncio.to_thread(keyring_at, self._path)
        newest = None if roots is None else max(roots.keys, key=_number)
        return newest if roots is not None and newest is not None and newest != roots.active else await self.add()

    async def rotate(self) -> str:
        """The newest root key in the file becomes the active one; a fresh one where that is so already."""
        self._roots = await asyncio.to_thread(_rotated, self._path)
        return self._roots.active

    async def add(self) -> str:
        """A fresh root key in the file that wraps nothing yet: time to carry the file to other machines."""
        self._roots = await asyncio.to_thread(_added, self._path)
        return max(self._roots.keys, key=_number)

    async def health(self) -> RootHealth:
        """Reads the file again: a keyring lost on disk can be saved only while a process still holds it."""
        try:
            there = keyring_at(self._path)
        except Unavailable as error:
            return RootHealth(False, str(error))
        if there is None:
            made = self._roots is not None
            return RootHealth(not made, "the keyring file is gone" if made else "no keyring yet; made at first use")
        if self._roots is not None and any(there.keys.get(id) != key for id, key in self._roots.keys.items()):
            return RootHealth(False, "the keyring file lost a root key that is in use")
        return RootHealth(True, f"{len(there.keys)} root keys, {there.active} active")


class EnvKeyring:
    """Root keys from a setting, for development and tests: 64 hex digits, or `rk_2:<hex>,rk_1:<hex>`, the active first.

    Raises Unavailable: `keyring_forbidden` in production (an environment is readable by too many), `keyring_broken`.
    """

    provider = "env"

    def __init__(self, value: str, *, production: bool) -> None:
        if production:
            raise Unavailable(
                "root keys in the environment are refused in production; use a keyring file", code="keyring_forbidden"
            )
        named = value if ":" in value else f"{FIRST}:{value}"
        pairs = [item.strip().partition(":") for item in named.split(",")]
        keys = dict(read_root(id, digits) for id, _, digits in pairs)
        if len(keys) != len(pairs):
            raise Unavailable("a root key is named twice", code="keyring_broken")
        self._roots = RootSet(next(iter(keys)), keys)

    async def wrap(self, key: bytes, context: bytes = b"") -> Wrapped:
        return self._roots.wrap(key)

    async def unwrap(self, wrapped: Wrapped, context: bytes = b"") -> bytes:
        return self._roots.unwrap(wrapped)

    async def versions(self) -> tuple[str, ...]:
        return self._roots.versions()

    async def offered(self) -> str:
        return await self.rotate()

    async def rotate(self) -> str:
        raise Conflict("root keys in a setting are changed there: put the new one first", code="rotate_elsewhere")

    async def health(self) -> RootHealth:
        return RootHealth(True, f"{len(self._roots.keys)} root keys from a setting, for development only")


def _there(path: Path) -> RootSet | None:
    """The keyring, None where it cannot be read now: `health` says why."""
    try:
        return keyring_at(path)
    except Unavailable:
        return None


def keyring_at(path: Path) -> RootSet | None:
    """The keyring, None if there is no file."""
    try:
        with path.open("rb") as file:
            _refuse_shared(path, os.fstat(file.fileno()))
            _refuse_open_directory(path.parent)
            raw = file.read(1 << 20)
        # Whoever made the file may not have reached its own fsync yet, and keys are stored on the strength of this load.
        _fsync_directory(path.parent)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unavailable(f"keyring {path} cannot be read ({error.strerror})", code="keyring_unreadable") from error
    return _parse(path, raw)


def _refuse_shared(path: Path, file: os.stat_result) -> None:
    """Refuse a file that anyone but its owner may read, or that anyone but us or root owns."""
    if not stat.S_ISREG(file.st_mode):
        raise Unavailable(f"keyring {path} is not a regular file", code="keyring_unsafe")
    if file.st_mode & 0o077:
        raise Unavailable(
            f"keyring {path} has mode {stat.S_IMODE(file.st_mode):04o}; 0600 is wanted (chmod 600)",
            code="keyring_unsafe",
        )
    if file.st_uid not in (os.geteuid(), 0):
        raise Unavailable(f"keyring {path} belongs to another user", code="keyring_unsafe")


def _refuse_open_directory(directory: Path) -> None:
    """Refuse a directory in which others may put another file in the keyring's place."""
    if directory.stat().st_mode & 0o022:
        raise Unavailable(
            f"directory {directory} of the keyring is writable by others; 0700 is wanted", code="keyring_unsafe"
        )


def _parse(path: Path, raw: bytes) -> RootSet:
    try:
        content = json.loads(raw)
        if content["format"] != FORMAT:
            raise Unavailable(f"keyring {path} has another format than {FORMAT}", code="keyring_broken")
        keys = dict(read_root(id, entry) for id, entry in content["keys"].items())
        active = content["active"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unavailable(f"keyring {path} is not a keyring file", code="keyring_broken") from error
    if not isinstance(active, str) or active not in keys:
        raise Unavailable(f"keyring {path} names no active root key", code="keyring_broken")
    return RootSet(active, keys)


def _make(path: Path) -> RootSet:
    """Make the keyring, or load the one that another process made first. On disk, or not there at all."""
    draft = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    keys = {FIRST: os.urandom(ROOT_BYTES).hex()}
    content = json.dumps({"format": FORMAT, "active": FIRST, "keys": keys}, indent=2) + "\n"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _refuse_open_directory(path.parent)
        try:
            _write(draft, content.encode())
            # A link, not a rename: it fails where a keyring is already there, whoever made it.
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink(missing_ok=True)
        _fsync_directory(path.parent)
    except OSError as error:
        raise Unavailable(f"keyring {path} cannot be made ({error.strerror})", code="keyring_unwritable") from error
    roots = keyring_at(path)
    if roots is None:
        raise Unavailable(f"keyring {path} vanished while it was made", code="keyring_unreadable")
    return roots


def _number(id: str) -> int:
    return int(id.removeprefix("rk_"))


def _rotated(path: Path) -> RootSet:
    """The keyring with its newest key active, or with one more."""
    roots = keyring_at(path)
    if roots is None:
        return _make(path)
    newest = max(roots.keys, key=_number)
    if newest == roots.active:
        newest = f"rk_{_number(newest) + 1}"
        roots = RootSet(newest, {**roots.keys, newest: os.urandom(ROOT_BYTES)})
    return _exchanged(path, RootSet(newest, roots.keys))


def _added(path: Path) -> RootSet:
    """The keyring with one more key that is not active."""
    roots = keyring_at(path) or _make(path)
    id = f"rk_{_number(max(roots.keys, key=_number)) + 1}"
    return _exchanged(path, RootSet(roots.active, {**roots.keys, id: os.urandom(ROOT_BYTES)}))


def _exchanged(path: Path, roots: RootSet) -> RootSet:
    write_keyring(path, roots)
    found = keyring_at(path)
    if found != roots:
        raise Unavailable(f"keyring {path} was changed by somebody else just now", code="keyring_unreadable")
    return roots


def write_keyring(path: Path, roots: RootSet) -> None:
    """Put these root keys into the file, whole and durable or not at all."""
    draft = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    keys = {id: key.hex() for id, key in roots.keys.items()}
    content = json.dumps({"format": FORMAT, "active": roots.active, "keys": keys}, indent=2) + "\n"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _refuse_open_directory(path.parent)
        try:
            _write(draft, content.encode())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        _fsync_directory(path.parent)
    except OSError as error:
        raise Unavailable(f"keyring {path} cannot be written ({error.strerror})", code="keyring_unwritable") from error


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _fsync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EROFS):  # read-only and some network mounts have nothing to sync
            raise
    finally:
        os.close(descriptor)
