"""Scores, pictures and the page."""
