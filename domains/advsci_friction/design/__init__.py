"""A trained generator in use: requests, what is reachable, refinement by the solver's adjoint."""
