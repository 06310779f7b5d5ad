"""Keys: exchanged at every level, destroyed, told of."""
