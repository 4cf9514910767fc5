"""The report of a run: one HTML page with maps, plots, tables, parameters, and how to repeat and cite it.

The page needs no other file: pictures are data URIs and plots are SVG. `page` writes it; `map_sections` and
`text_sections` hold its sections, and the other modules what these are made of. Rasters are read at a reduced
resolution or in blocks, never as a whole.
"""

from .contents import Contents, MapFile
from .destination import report_destination
from .engine_run import write_run_report
from .page import write_report

__all__ = ["Contents", "MapFile", "report_destination", "write_report", "write_run_report"]
