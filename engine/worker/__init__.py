"""Tasks that a job folder can name, one a file: parameters in, engine calls, arrays out.

`registry` knows them all; `folder` reads and writes job folders; `worker` runs one.
"""
