"""How good results are: scores, figures, and the sections of a page."""
