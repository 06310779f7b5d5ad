"""Reads resumes of strangers in processes that can do nothing else: little time and memory, no files, no network, no secrets."""

from ai_engine.resumes.sandbox.limits import Limits
from ai_engine.resumes.sandbox.pool import Cell, Readers

__all__ = ["Cell", "Limits", "Readers"]
