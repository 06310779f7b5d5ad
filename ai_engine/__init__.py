"""The AI interview engine: resumes, match, interview, report - pure stages over typed records."""
