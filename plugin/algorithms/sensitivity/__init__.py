"""Exact gradients of connectivity with respect to the landscape: where changes would have the largest effect."""
