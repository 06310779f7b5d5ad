"""A position, invented candidates with resume files of several kinds, and what they answer: for demo and tests.

No person, company or school in it is real. The files are written when asked for; needs the `demo` extra.
"""

from ai_engine.sample_data.pile import SamplePile, reply, write

__all__ = ["SamplePile", "reply", "write"]
