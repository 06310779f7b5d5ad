"""The rights of the person the data are about: access, legal hold, erasure."""
