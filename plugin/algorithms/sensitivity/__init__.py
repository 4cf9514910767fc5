"""Exact gradients of connectivity by the landscape: where changes would have the largest effect."""
