"""The part of Permea that runs in QGIS: it reads layers, runs the engine in its own process, and writes layers.

In the order of imports: `i18n`, `byte_sizes`, `decimal_numbers`, `shell_quoting`, `system_errors`, `cancelled`,
`detailed_exception`, `temporary_folder` and `npy_file` serve all others. `distance_registry` lists the distances;
`layers` converts QGIS layers into arrays and arrays into GeoTIFFs; `process_runner` starts and supervises a process;
`settings` holds what the user sets; `engine_environment` finds the engine's Python in the folders of `engine_folders`,
`engine_errors` says why it does not run, `engine_offer` opens the window that installs one, and `installer` does so;
`runner` runs one task of the engine; `circuitscape` reads and writes Circuitscape's files; `algorithms` holds the
Processing algorithms; `processing_options` and `provider` register settings and algorithms. Nothing here computes, and
nothing here imports JAX.
"""
