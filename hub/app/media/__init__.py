"""Recordings: taken in, judged, played, watched over, backed up."""
