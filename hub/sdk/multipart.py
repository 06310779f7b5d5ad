"""multipart/form-data (RFC 7578) around files that are streamed: the body, and the content type that says how to read it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hub.domain.errors import Invalid
from hub.ports.transport import ByteSource, Joined

_PLAIN = re.compile(r"[^\x00-\x1f\x7f]*")


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file in a form. `content` is bytes, or a source that is read as it is sent."""

    field: str
    filename: str
    content_type: str
    content: bytes | ByteSource


def multipart(fields: Mapping[str, str], files: Sequence[FilePart], key: str) -> tuple[Joined, str]:
    """(body, content type). The boundary follows from `key`, the idempotency key: a repeat is the same to the byte.

    Raises Invalid (`bad_value`) for a name that would begin another header.
    """
    boundary = hashlib.sha256(f"multipart\n{key}".encode()).hexdigest()[:48]
    parts: list[bytes | ByteSource] = []
    for name, value in fields.items():
        parts.append(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"\r\n\r\n{value}\r\n'.encode()
        )
    for file in files:
        where = f'form-data; name="{_quoted(file.field)}"; filename="{_quoted(file.filename)}"'
        head = f"--{boundary}\r\nContent-Disposition: {where}\r\nContent-Type: {_plain(file.content_type)}\r\n\r\n"
        parts += [head.encode(), file.content, b"\r\n"]
    parts.append(f"--{boundary}--\r\n".encode())
    return Joined(tuple(parts)), f"multipart/form-data; boundary={boundary}"


def _quoted(name: str) -> str:
    return _plain(name).replace('"', "%22")


def _plain(text: str) -> str:
    if not _PLAIN.fullmatch(text):
        raise Invalid("a name in a form holds a control character", code="bad_value")
    return text
