"""Loaders and the registry of data sets; returns native types, knows no model."""
