"""The HTTP API: controllers that decode, call a use case and encode."""
