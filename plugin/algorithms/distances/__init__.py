"""How far every cell is from somewhere, by three ideas of how something moves."""
