"""Absorbing random walks: hitting, first passage and expected visits, in a log-scaled system."""
