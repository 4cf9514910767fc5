#!/usr/bin/env python3
"""Run Permea's main job on the sample landscape, as a user's script would, and draw its maps.

Four algorithms run through `qgis_process`, in a separate QGIS profile. The maps (GeoTIFF) and one picture of all of
them are written to `build/demo/`. The script runs in the Python that QGIS uses; the environment variable
`PERMEA_ENGINE_PYTHON` names the engine's Python (default: `.venv/bin/python` in the repository).

    make demo
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "resources" / "sample"
DEMO = ROOT / "build" / "demo"
PERMEABILITY = SAMPLE / "permeability.tif"
PATCHES = f"{SAMPLE / 'patches.gpkg'}|layername=patches"

LANDSCAPE = {"INPUT": str(PERMEABILITY), "VALUES": "permeability"}

# Between a random walk and the least-cost path here: the expected cost is two to five times the least cost.
THETA = 0.001
LONGEST_RUN_SECONDS = 600


class DemoError(Exception):
    """A requirement is missing or a run failed."""


@dataclass(frozen=True)
class Run:
    """A run of the demo: algorithm, parameters, and labels of its map."""

    algorithm: str
    parameters: dict[str, str]
    title: str
    subtitle: str
    unit: str

    @property
    def output(self) -> Path:
        """File of the map."""
        return DEMO / f"{self.algorithm}.tif"


RUNS = (
    Run(
        "leastcostdistance",
        {**LANDSCAPE, "SOURCES": PATCHES},
        "Least-cost distance",
        "along the least-cost path to the nearest habitat patch",
        "metres of closed forest",
    ),
    Run(
        "resistancedistance",
        {**LANDSCAPE, "SOURCES": PATCHES},
        "Resistance distance",
        "over all paths to the nearest patch",
        "ohm",
    ),
    Run(
        "rspdistance",
        {**LANDSCAPE, "SOURCES": PATCHES, "THETA": str(THETA)},
        "Randomized shortest paths",
        f"expected cost of randomized paths to the nearest patch, \N{GREEK SMALL LETTER THETA} = {THETA}",
        "metres of closed forest",
    ),
    Run(
        "sensitivity",
        {**LANDSCAPE, "SOURCES": PATCHES, "DISTANCE": "resistance"},
        "Sensitivity of connectivity",
        "where more permeability brings the patches closer together (darkest: most)",
        "mean ohm per unit of permeability",
    ),
)


def environment() -> dict[str, str]:
    """Return the environment for `qgis_process`: a separate profile with the plugin, and the engine's Python."""
    python = os.environ.get("PERMEA_ENGINE_PYTHON") or str(ROOT / ".venv" / "bin" / "python")
    if not Path(python).is_file():
        raise DemoError(f"The engine's Python, {python}, does not exist: run `make setup` or set PERMEA_ENGINE_PYTHON.")
    home, runtime = DEMO / "home", DEMO / "run"
    profile = home / ".local" / "share" / "QGIS" / "QGIS3" / "profiles" / "default"
    plugins = profile / "python" / "plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    # Every run starts with the same settings, and QGIS refuses to enable an enabled plugin. The compiled code is kept.
    (profile / "QGIS" / "QGIS3.ini").unlink(missing_ok=True)
    runtime.mkdir(mode=0o700, exist_ok=True)
    link = plugins / "permea"
    if link.is_symlink():
        link.unlink()
    link.symlink_to(ROOT, target_is_directory=True)
    removed = (
        "XDG_DATA_HOME",
        "XDG_CONFIG_HOME",
        "XDG_CACHE_HOME",
        "QGIS_CUSTOM_CONFIG_PATH",
        "DISPLAY",
        "WAYLAND_DISPLAY",
    )
    return {
        **{name: value for name, value in os.environ.items() if name not in removed},
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(runtime),
        "QT_QPA_PLATFORM": "offscreen",
        "PERMEA_ENGINE_PYTHON": python,
    }


def qgis_process(arguments: list[str], variables: dict[str, str]) -> str:
    """Run `qgis_process` and return its output; raise `DemoError` with its last lines if it fails."""
    # Debian's wrapper `qgis_process` requires a display even when Qt needs none.
    program = shutil.which("qgis_process.bin") or shutil.which("qgis_process")
    if program is None:
        raise DemoError("qgis_process is not installed: run `make setup`.")
    try:
        ended = subprocess.run(
            [program, *arguments],
            env=variables,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LONGEST_RUN_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise DemoError(f"qgis_process {' '.join(arguments[:2])} took longer than {LONGEST_RUN_SECONDS} s.") from None
    if ended.returncode:
        said = "\n".join((ended.stdout + "\n" + ended.stderr).strip().splitlines()[-25:])
        raise DemoError(f"qgis_process {' '.join(arguments)} ended with status {ended.returncode}:\n{said}")
    return ended.stdout


def execute(run: Run, variables: dict[str, str]) -> tuple[float, dict]:
    """Run one algorithm; return its wall-clock time in seconds and its results."""
    run.output.unlink(missing_ok=True)
    run.output.with_name(run.output.name + ".aux.xml").unlink(missing_ok=True)
    arguments = ["--json", "run", f"permea:{run.algorithm}", "--"]
    arguments += [f"{name}={value}" for name, value in {**run.parameters, "OUTPUT": str(run.output)}.items()]
    start = time.perf_counter()
    answer = qgis_process(arguments, variables)
    seconds = time.perf_counter() - start
    if not run.output.is_file():
        raise DemoError(f"permea:{run.algorithm} succeeded, but {run.output} does not exist.")
    return seconds, json.loads(answer)["results"]


def draw(path: Path) -> None:
    """Draw the four maps, in the plugin's styles, as one picture."""
    from qgis.core import QgsApplication

    application = QgsApplication([], False)
    application.initQgis()
    try:
        _draw_in_qgis(path)
    finally:
        application.exitQgis()


def _draw_in_qgis(path: Path) -> None:
    from qgis.core import QgsVectorLayer

    figure = _import_file("figure", Path(__file__).with_name("figure.py"))
    patches = QgsVectorLayer(PATCHES, "patches")
    patches.loadNamedStyle(str(SAMPLE / "patches.qml"))
    patches.setLabelsEnabled(False)
    panels = []
    for run in RUNS:
        layer, value_range = _styled(run)
        panels.append(figure.Panel(layer, run.title, run.subtitle, run.unit, value_range, (patches,)))
    caption = (
        "Olinda and Recife, Brazil: 102,594 cells of 28.5 m. Permeability from the vegetation index of a Landsat 7 "
        "scene (USGS, public domain); sea and rivers are barriers. Dots: habitat patches."
    )
    figure.draw_figure(panels, caption, path)


def _styled(run: Run):
    """Open a result in the plugin's style; return the layer, and its smallest and largest finite value."""
    import numpy as np
    from osgeo import gdal
    from qgis.core import QgsRasterLayer

    permea = sys.modules.get("permea") or _import_file("permea", ROOT / "__init__.py", package=ROOT)
    renderers = importlib.import_module(f"{permea.__name__}.plugin.algorithms.renderers")
    styles = importlib.import_module(f"{permea.__name__}.plugin.algorithms.styles")
    dataset = gdal.Open(str(run.output))
    band = dataset.GetRasterBand(1)
    values = np.frombuffer(band.ReadRaster(buf_type=gdal.GDT_Float64)).reshape(dataset.RasterYSize, dataset.RasterXSize)
    values = np.where(values == band.GetNoDataValue(), np.nan, values)
    finite = values[np.isfinite(values)]
    if not finite.size:
        raise DemoError(f"{run.output} holds no finite value.")
    is_sensitivity = run.algorithm == "sensitivity"
    style = styles.sensitivity_style(values, negative_helps=True) if is_sensitivity else styles.distance_style(values)
    layer = QgsRasterLayer(str(run.output), run.title)
    renderers.hide_infinite_cells(layer)
    layer.setRenderer(style.renderer(layer))
    return layer, (float(finite.min()), float(finite.max()))


def _import_file(name: str, path: Path, package: Path | None = None):
    """Import a file under a given module name, whatever the name of its folder."""
    search = [str(package)] if package else None
    specification = importlib.util.spec_from_file_location(name, path, submodule_search_locations=search)
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)
    return module


def main() -> int:
    """Run the demo; return the exit status."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    DEMO.mkdir(parents=True, exist_ok=True)
    picture = DEMO / "demo.png"
    picture.unlink(missing_ok=True)
    try:
        variables = environment()
        qgis_process(["plugins", "enable", "permea"], variables)
        print(f"{'algorithm':<20} {'total':>8} {'engine':>8}  map")
        for run in RUNS:
            seconds, results = execute(run, variables)
            print(f"{run.algorithm:<20} {seconds:>6.1f} s {results['SECONDS']:>6.1f} s  {run.output}", flush=True)
        draw(picture)
    except (DemoError, OSError) as error:
        print(f"The demo failed. {error}", file=sys.stderr)
        return 1
    print(f"{'all four maps':<20} {'':>19} {picture}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
