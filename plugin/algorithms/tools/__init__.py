"""Tools: connected components, landscapes from land cover, sample data."""
