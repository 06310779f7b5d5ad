"""SCIM 2.0 as values: filters and patches of RFC 7644, without a server around them."""

from hub.domain.scim.filters import Test, parse_filter
from hub.domain.scim.patching import patched

__all__ = ["Test", "parse_filter", "patched"]
