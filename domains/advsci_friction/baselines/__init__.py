"""Rivals with the same interface: installed peers and other methods of design."""
