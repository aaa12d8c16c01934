"""Rivals behind one interface: installed peers, and controls whose fault is known."""
