"""The XLA backend: batched and compiled by JAX, for GPU and CPU."""
