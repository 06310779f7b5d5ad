"""The report of an interview: scores with evidence and uncertainty, advice to a person, both languages."""

from ai_engine.report.build import Report, build

__all__ = ["Report", "build"]
