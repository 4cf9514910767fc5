"""Where batches of windows are computed: one process, all devices, or a Dask cluster."""
