"""The interview: a plan from resume and job, questions that follow the answers, a state that can be stored."""

from ai_engine.interview.plan import plan
from ai_engine.interview.question import Question, Turn
from ai_engine.interview.session import Session, start

__all__ = ["Question", "Session", "Turn", "plan", "start"]
