"""What candidates, reports and events look like: JSON Schema 2020-12 files, one per type and version.

`schema` and `event_schema` give a schema with every `$ref` resolved, for catalogues and OpenAPI. `validate` names the
first fault for people who author; `checker` is the fast form of the same judgement for the data path.

How to read the files:
- `x-label` holds the English and Chinese name, `x-options` those of enum values, `x-unit` the unit of a number.
- `x-sensitivity`: 1 organisational, 2 internal, 3 personal, 4 sensitive personal information.
- `x-usable-in-rules: false` marks what a rule may not look at, or what no rule can compare (long text).
- A vendor's enum value that we have no word for is kept as `status: other` with `status_native: <the vendor's word>`.
- Nothing is open but `custom`; absent is absent, null is not a value; every size is bounded.
"""

from mappings.canonical.faults import Unfit, UnknownType
from mappings.canonical.files import event_schema, events, schema, types
from mappings.canonical.validation import MAX_DEPTH, Checker, checker, fault_in, validate

__all__ = [
    "MAX_DEPTH",
    "Checker",
    "Unfit",
    "UnknownType",
    "checker",
    "event_schema",
    "events",
    "fault_in",
    "schema",
    "types",
    "validate",
]
