"""Compiled loops with a cache, a thread pool, and limits for BLAS."""
