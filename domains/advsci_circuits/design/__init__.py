"""Circuits that do what a user asks for: propose, simulate, rank."""
