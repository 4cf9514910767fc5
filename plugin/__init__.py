"""The part of Permea that runs in QGIS: it reads layers, runs the engine in its own process, and writes layers.

In the order of imports: `i18n`, `cancelled`, `detailed_exception` and `npy_file` serve all others; `layers` converts
QGIS layers into arrays and arrays into GeoTIFFs; `process_runner` starts and supervises a process;
`settings` holds what the user sets; `engine_environment` finds the engine's Python, and `engine_errors` says why it
does not run; `runner` runs one task of the engine; `circuitscape` reads and writes Circuitscape's files;
`algorithms` holds the Processing algorithms; `provider` registers them. Nothing here computes, and nothing here
imports JAX.
"""
