"""Connected and accessible habitat."""
