"""Nested dissection by XLA: batched dense algebra over a single tile, for GPUs and under JAX's transformations."""
