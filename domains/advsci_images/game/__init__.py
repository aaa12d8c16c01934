"""Networks of the players, and the games between them; the engine trains them."""
