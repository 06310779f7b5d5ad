"""What is shipped, as a CycloneDX 1.6 document: `python -m requirements.sbom [FILE]`. The same lock gives the same bytes."""

from __future__ import annotations

import hashlib
import json
import sys
import tomllib
import uuid
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from requirements.audit import normal
from requirements.licences import licence
from requirements.locks import HERE, Locked, locked


def document() -> dict[str, Any]:
    """The bill of materials of the run-time lock."""
    packages = locked("run")
    project = tomllib.loads((HERE.parent / "pyproject.toml").read_text("utf-8"))["project"]
    digest = hashlib.sha256((HERE / "run.txt").read_bytes()).hexdigest()
    root = f"pkg:pypi/{project['name']}@{project['version']}"
    names = {normal(package.name): package.purl for package in packages}
    direct = sorted({names[normal(Requirement(one).name)] for one in project["dependencies"]})
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, digest)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": project["name"],
                "version": project["version"],
                "purl": root,
                "licenses": [{"expression": project["license"]}],
            },
            "properties": [{"name": "hirewire:lock:sha256", "value": digest}],
        },
        "components": [_component(package) for package in packages],
        "dependencies": [
            {"ref": root, "dependsOn": direct},
            *({"ref": package.purl, "dependsOn": _needs(package, names)} for package in packages),
        ],
    }


def _component(package: Locked) -> dict[str, Any]:
    hashes = [{"alg": "SHA-256", "content": one} for one in package.hashes]  # of every file that may be installed
    made: dict[str, Any] = {
        "type": "library",
        "bom-ref": package.purl,
        "name": package.name,
        "version": package.version,
        "purl": package.purl,
        "licenses": [{"expression": licence(package.name)}],
        "externalReferences": [{"type": "distribution", "url": package.purl, "hashes": hashes}],
    }
    if package.marker:
        made["properties"] = [{"name": "hirewire:marker", "value": package.marker}]
    return made


def _needs(package: Locked, names: dict[str, str]) -> list[str]:
    try:
        told = requires(package.name) or []
    except PackageNotFoundError:  # one that is for another platform
        return []
    wanted = (Requirement(one) for one in told)
    kept = {normal(one.name) for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})}
    return sorted(names[name] for name in kept if name in names)


if __name__ == "__main__":
    text = json.dumps(document(), indent=2, ensure_ascii=False) + "\n"
    if len(sys.argv) > 1:
        Path(sys.argv[1]).parent.mkdir(parents=True, exist_ok=True)
        Path(sys.argv[1]).write_text(text, "utf-8")
    else:
        sys.stdout.write(text)
