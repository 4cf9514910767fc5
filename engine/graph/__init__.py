"""The landscape as a graph: grid graphs, components, focal nodes, edge lists, a gallery of test landscapes."""
