"""The part of Permea that runs in QGIS: it reads layers, runs the engine in its own process, and writes layers.

In the order of imports: `i18n`, `cancelled`, `detailed_exception` and `npy_file` serve all others; `layers` converts
QGIS layers into arrays and arrays into GeoTIFFs; `process_runner` starts and supervises a process;
`engine_environment` finds the engine's Python, `engine_errors` says why it does not run, and `cluster_setting` holds
the address of a cluster; `runner` runs one task of the engine; `circuitscape` reads and writes Circuitscape's files;
`algorithms` holds the Processing algorithms; `provider` registers them. Nothing here computes, and nothing here
imports JAX.
"""
