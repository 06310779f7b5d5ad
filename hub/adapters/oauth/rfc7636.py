"""RFC 7636: the challenge that proves who began a sign-in."""

from __future__ import annotations

from authlib.oauth2.rfc7636 import create_s256_code_challenge


def s256(verifier: str) -> str:
    """The challenge of a verifier."""
    challenge: str = create_s256_code_challenge(verifier)
    return challenge
