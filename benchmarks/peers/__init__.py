"""What the peers do in each case, one a file, each in the best form that was found for it.

A peer is given its matrix ready made; the time to assemble it does not count.
"""
