"""All that a connector may import."""
