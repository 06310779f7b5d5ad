"""What no file in the repository may hold; run over all of it by a test, over the changed files by pre-commit."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

LARGEST = 400_000  # bytes; the locks are the largest files
TEXT = {".py", ".md", ".yaml", ".yml", ".toml", ".json", ".txt", ".svg", ".sh", ""}
FORBIDDEN = {
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "an access key": re.compile(r"\bAKIA[0-9A-Z]{16}\b|\bghp_[A-Za-z0-9]{36}\b|\bxox[bp]-[0-9A-Za-z-]{20,}"),
    "an API token of ours": re.compile(r"\bhw_[0-9a-f]{40}\b"),
    "a merge conflict": re.compile(r"^(<{7}|>{7}) ", re.M),
    "a package registry's host": re.compile(
        "pypi" + r"\.org|python" + r"hosted\.org|registry\.npm" + r"js\.org|deb\.deb" + r"ian\.org"
    ),
    "a machine path": re.compile(r"/" + r"(?:root|home/[a-z]+|work/main|Users/[A-Za-z]+)/"),
}


def faults(files: Iterable[Path]) -> Iterator[str]:
    """One line per fault."""
    for file in files:
        if not file.is_file() or file.suffix not in TEXT:
            continue
        raw = file.read_bytes()
        if len(raw) > LARGEST and not file.match("requirements/*.txt"):
            yield f"{file}: {len(raw)} bytes are too many"
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            yield f"{file}: not UTF-8"
            continue
        if raw and not raw.endswith(b"\n"):
            yield f"{file}: does not end with a line break"
        yield from (f"{file}: holds {what}" for what, pattern in FORBIDDEN.items() if pattern.search(text))


if __name__ == "__main__":
    found = list(faults(map(Path, sys.argv[1:])))
    print("\n".join(found))
    sys.exit(bool(found))
