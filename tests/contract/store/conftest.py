"""The store fixtures, for contract suites run by themselves."""

from tests.support.stores import *  # noqa: F403
from tests.support.stores import _postgres_template, _sqlite_template  # noqa: F401
