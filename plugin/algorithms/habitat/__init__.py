"""Algorithms about habitat: how much of it can be reached."""
