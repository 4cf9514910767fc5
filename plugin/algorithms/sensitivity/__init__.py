"""Where a change of the landscape would change its connectivity most."""
