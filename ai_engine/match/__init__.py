"""A job's requirements, and how well each resume of a pile meets them."""

from ai_engine.match.job import JobSpec, Requirement, read_job
from ai_engine.match.ranking import rank
from ai_engine.match.score import MatchResult, Met

__all__ = ["JobSpec", "MatchResult", "Met", "Requirement", "rank", "read_job"]
