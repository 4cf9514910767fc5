"""The peers' implementations of the cases, one module for each peer, with its fastest known options.

A peer receives its matrix ready-made; the time to assemble it does not count.
"""
