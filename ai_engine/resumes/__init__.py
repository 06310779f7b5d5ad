"""Reads resumes: a file's bytes to lines (`read`), lines to a canonical candidate with provenance (`extract`)."""

from ai_engine.resumes.candidate import extract
from ai_engine.resumes.reading import Unreadable, read

__all__ = ["Unreadable", "extract", "read"]
