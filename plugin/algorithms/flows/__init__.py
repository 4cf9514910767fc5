"""Where movement goes: currents between places, from sources to grounds, and along corridors."""
