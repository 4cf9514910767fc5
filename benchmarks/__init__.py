"""Benchmarks of Permea and its peers on the same cases: `make bench`.

`suite` is the table of cases, with the targets to be reached. `runner` measures each case in a separate process: Permea
(`permea_cases/`) in the engine's environment, a peer (`peers/`) in the peers'; `subprocess_main` is that process.
`report` and `plot` write the results to `docs/`.
"""
