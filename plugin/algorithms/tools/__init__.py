"""What helps before and after: the connected parts of a landscape, and a landscape to try things on."""
