"""Takes the advisories about our packages out of a clone of the PyPA advisory database: `python -m requirements.refresh FOLDER`.

The database is at github.com/pypa/advisory-database, under CC-BY 4.0; ids, versions and ranges are taken over, texts are not.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from requirements.audit import LOCKS, normal
from requirements.locks import HERE, locked


def main() -> None:
    folder = Path(sys.argv[1])
    ours = {normal(package.name) for lock in LOCKS for package in locked(lock)}

    def git(*words: str) -> str:
        return subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True, text=True).stdout

    files = [name for name in git("ls-tree", "-r", "--name-only", "HEAD", "vulns/").split() if name.endswith(".yaml")]
    wanted = [name for name in files if normal(name.split("/")[1]) in ours]
    advisories = [short(yaml.safe_load(git("show", f"HEAD:{name}"))) for name in wanted]
    document = {
        "name": "PyPA advisory database (github.com/pypa/advisory-database, CC-BY 4.0, shortened)",
        "as_of": git("log", "-1", "--format=%cs").strip(),
        "advisories": sorted((one for one in advisories if one is not None), key=lambda one: str(one["id"])),
    }
    text = json.dumps(document, indent=1, sort_keys=True)
    (HERE / "advisories.json").write_text(text + "\n", "utf-8")
    print(f"{len(document['advisories'])} advisories as of {document['as_of']}")


def short(told: dict[str, Any]) -> dict[str, Any] | None:
    """Id, aliases, and what is affected; None where it was withdrawn."""
    if told.get("withdrawn"):
        return None
    affected = []
    for one in told["affected"]:
        ranges = [r for r in one.get("ranges", []) if r["type"] == "ECOSYSTEM"]
        kept = {"package": {"ecosystem": "PyPI", "name": one["package"]["name"]}, "ranges": ranges}
        affected.append(kept if ranges else {**kept, "versions": one.get("versions", [])})
    return {"id": told["id"], "aliases": told.get("aliases", []), "affected": affected}


if __name__ == "__main__":
    main()
