"""Errors, grouped by what the caller does next: fix it, or try later."""

from __future__ import annotations


class HubError(Exception):
    """Base of all errors that Hirewire raises on purpose.

    `code` is stable and machine-readable (snake_case); the message names the thing, its state and
    what was wanted, and never holds a secret or personal data. `at` is where in the input it is wrong.
    """

    code = "error"

    def __init__(self, message: str, *, code: str | None = None, at: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code
        self.at = at


class Rejected(HubError):
    """The caller must change something before trying again."""

    code = "rejected"


class Invalid(Rejected):
    """The input does not have the shape that was asked for."""

    code = "invalid"


class Conflict(Rejected):
    """The thing exists already in another form, or its state does not allow this."""

    code = "conflict"


class PreconditionFailed(Rejected):
    """What the caller knows of the thing is not how it is."""

    code = "other_version"


class NotFound(Rejected):
    """No such thing, or none that the caller may see."""

    code = "not_found"


class Unauthorized(Rejected):
    """Who is calling could not be established."""

    code = "unauthorized"


class Forbidden(Rejected):
    """The caller is known and lacks the right."""

    code = "forbidden"


class TooMany(Rejected):
    """Too many tries; none counts before `after` seconds have passed."""

    code = "too_many_tries"

    def __init__(self, message: str, *, code: str | None = None, after: float = 1.0) -> None:
        super().__init__(message, code=code)
        self.after = after


class Unavailable(HubError):
    """Nothing is wrong with the request; try later. `after` is a hint in seconds."""

    code = "unavailable"

    def __init__(self, message: str, *, code: str | None = None, after: float | None = None) -> None:
        super().__init__(message, code=code)
        self.after = after
