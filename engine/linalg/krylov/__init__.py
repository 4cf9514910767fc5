"""Krylov subspace methods: preconditioned conjugate gradients and flexible GMRES."""
