"""The part of Permea that lives in QGIS: layers in, layers out, and a process in between.

`layers` turns QGIS layers into arrays and arrays back into GeoTIFFs, `process` starts and watches a process,
`environment` finds the engine's own Python, `runner` runs one task of the engine, `algorithms` are what the
Processing toolbox shows, `provider` registers them. Each may import only what stands before it in this list;
`translation` holds the one function they all use. Nothing here computes, and nothing here imports JAX.
"""
