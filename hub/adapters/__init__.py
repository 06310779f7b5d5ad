"""One technology per package; each fulfils a port."""
