"""Contact mechanics: the half-space, the solver with its adjoint, areas and exact results."""
