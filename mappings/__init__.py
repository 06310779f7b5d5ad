"""The language of documents: paths, canonical schemas, the mapping engine; it knows nothing of the hub."""
