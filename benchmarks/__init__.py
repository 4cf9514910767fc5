"""Permea side by side with its peers: `make bench`.

`cases` is the table of what is measured and the bars that are to be reached. `runner` measures each case in a process
of its own, ours (`ours/`) in the engine's environment, a peer (`peers/`) in the peers'; `child` is that process.
`report` and `plot` write what was found into `docs/`.
"""
