"""Periodic surfaces: texture families, band-limited maps, roughness, what can be made, and the solved catalogue."""
