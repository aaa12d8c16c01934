"""Players, the game and its training."""
