"""Under which licence each package stands, as an SPDX expression, and which of them may be shipped with Hirewire."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, metadata

MAY_SHIP = frozenset(
    {"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "HPND", "ISC", "MIT", "MIT-0", "MIT-CMU"}
    | {"MPL-2.0", "PSF-2.0", "Python-2.0", "Unlicense", "Zlib"}
)  # MPL-2.0: only changed files of theirs would have to be given away, and we change none
_WORDS = {  # what older packages say of themselves
    "apache 2.0": "Apache-2.0", "apache-2.0": "Apache-2.0", "apache software license": "Apache-2.0",
    "apache license 2.0": "Apache-2.0", "bsd license": "BSD-3-Clause",
    "bsd license (see license.txt for details)": "BSD-3-Clause",
    "bsd-3-clause": "BSD-3-Clause", "mit": "MIT", "mit license": "MIT", "mit or apache-2.0": "MIT OR Apache-2.0",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0", "mpl-2.0": "MPL-2.0", "psf-2.0": "PSF-2.0",
    "python software foundation license": "PSF-2.0",
}  # fmt: skip
_READ = {  # read in the packages themselves, where their metadata does not say it in words
    "colorama": "BSD-3-Clause",
    "pypdfium2": "BSD-3-Clause AND Apache-2.0",  # with PDFium, which stands under both and its parts under permissive ones
    "rich-click": "MIT",
}


def licence(package: str) -> str:
    """The SPDX expression, `NOASSERTION` where nobody says it."""
    if package in _READ:
        return _READ[package]
    try:
        told = metadata(package)
    except PackageNotFoundError:
        return "NOASSERTION"
    if expression := told.get("License-Expression"):
        return expression
    said = [
        told.get("License") or "",
        *(c.rpartition("::")[2].strip() for c in told.get_all("Classifier", []) if "License" in c),
    ]
    return next((_WORDS[word.strip().lower()] for word in said if word.strip().lower() in _WORDS), "NOASSERTION")


def may_ship(expression: str) -> bool:
    """Whether we may choose licences that are all allowed: every part of an AND, some part of an OR."""
    flat = expression.replace("(", " ").replace(")", " ").strip()
    if "(" in expression:  # `A AND (B OR C)`: each bracket is settled first
        settled = re.sub(r"\(([^()]*)\)", lambda found: "MIT" if may_ship(found[1]) else "LicenseRef-No", expression)
        return may_ship(settled)
    return any(all(one.strip() in MAY_SHIP for one in part.split(" AND ")) for part in flat.split(" OR "))
