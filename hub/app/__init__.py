"""Use cases: one verb per file; fields are the dependencies, the call is the verb."""
