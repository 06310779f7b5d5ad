"""One folder per vendor; each imports `hub.sdk` at most, does no I/O and knows no other."""
