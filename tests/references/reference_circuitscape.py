"""Read a Circuitscape project, run it with the engine, and name its results as Circuitscape names its files."""

import configparser
import gzip
import io

import numpy as np
import tifffile

from permea.engine import GridGraph
from permea.engine.circuits import advanced
from permea.engine.circuits.grid_circuit import GridCircuit
from permea.engine.circuits.network_circuit import NetworkCircuit
from permea.engine.circuits.one_to_all import AllToOne, OneToAll
from permea.engine.circuits.pairwise import Pairwise
from permea.engine.graph.focal_nodes import FocalNodes, region_cells

NODATA = -9999.0
#: Options that change results and are not implemented here; a project that uses one raises.
UNSUPPORTED = ("use_reclass_table",)


class Project:
    """The options of an .ini file and the files that it names, relative to one of the folders above it."""

    def __init__(self, path):
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        parser.read(path)
        self.path = path
        self.options = {key: value.strip() for section in parser.values() for key, value in section.items()}
        unsupported = [name for name in UNSUPPORTED if self.flag(name)]
        if unsupported:
            raise ValueError(f"{path.name} uses {', '.join(unsupported)}")
        self.scenario = self.options["scenario"]

    def flag(self, name):
        return self.options.get(name, "False").lower() in ("true", "1")

    def file(self, name):
        for folder in self.path.parents:
            if (folder / self.options[name]).is_file():
                return folder / self.options[name]
        raise FileNotFoundError(f"{self.path.name}: {name} = {self.options[name]}")

    def content(self, name):
        data = self.file(name).read_bytes()
        return gzip.decompress(data) if self.file(name).suffix == ".gz" else data

    def table(self, name, *, skip=0):
        return np.loadtxt(io.StringIO(self.content(name).decode()), ndmin=2, skiprows=skip)

    def is_raster(self, name):
        return ".tif" in self.file(name).name or self.content(name)[:5].lower() == b"ncols"

    def raster(self, name):
        """Return the values of a raster, NODATA in cells without one."""
        if ".tif" in self.file(name).name:
            values = tifffile.imread(io.BytesIO(self.content(name))).astype(float)
            return np.where(np.isfinite(values) & (values > -1e30), values, NODATA)
        values, header = read_grid(self.content(name).decode())
        return np.where(values == header.get("nodata_value"), NODATA, values)

    def header(self):
        """Return the size, corner and cell size of the habitat raster."""
        if ".tif" not in self.file("habitat_file").name:
            return read_grid(self.content("habitat_file").decode())[1]
        with tifffile.TiffFile(io.BytesIO(self.content("habitat_file"))) as file:
            tags, rows = file.pages[0].tags, file.pages[0].shape[0]
            size, corner = tags["ModelPixelScaleTag"].value[0], tags["ModelTiepointTag"].value[3:5]
        return {"nrows": rows, "cellsize": size, "xllcorner": corner[0], "yllcorner": corner[1] - rows * size}

    def run(self):
        """Return results by the names of Circuitscape's files, without the name of the project and the extension."""
        if self.options.get("data_type", "raster") == "network":
            return self.run_network()
        runs = {"pairwise": self.pairwise, "advanced": self.advanced}
        modes = {"one-to-all": OneToAll, "all-to-one": AllToOne}
        return self.one_against_all(modes[self.scenario]) if self.scenario in modes else runs[self.scenario]()

    def circuit(self):
        habitat = self.raster("habitat_file")
        valid = habitat > 0
        conductance = np.where(valid, habitat, 0.0)
        if self.flag("habitat_map_is_resistances"):
            conductance[valid] = 1 / habitat[valid]
        if self.flag("use_mask"):
            conductance[~(self.raster("mask_file") > 0)] = 0.0
        self.conductance = conductance
        grid = GridGraph(
            conductance,
            neighbors="rook" if self.flag("connect_four_neighbors_only") else "queen",
            edge_rule="resistance" if self.flag("connect_using_avg_resistances") else "mean",
        )
        return GridCircuit(grid, region_cells(self.raster("polygon_file")) if self.flag("use_polygons") else [])

    def focal(self, shape):
        if self.is_raster("point_file"):
            return FocalNodes.from_raster(self.raster("point_file").astype(int))
        ids, x, y = self.table("point_file").T
        header = self.header()
        rows = np.ceil(header["nrows"] - (y - header["yllcorner"]) / header["cellsize"]) - 1
        columns = np.ceil((x - header["xllcorner"]) / header["cellsize"]) - 1
        return FocalNodes.from_cells(ids.astype(int), rows.astype(int), columns.astype(int), shape)

    def excluded(self, focal):
        """Return the focal nodes of the included pairs, and the pairs of these that are excluded."""
        if not self.flag("use_included_pairs"):
            return focal, []
        lines = self.content("included_pairs_file").decode().splitlines()
        word, value = lines[0].split()[:2]
        if word == "mode":
            listed = {tuple(map(int, line.split()[:2])) for line in lines[1:] if line.strip()}
            listed |= {(other, one) for one, other in listed}
            mentioned, include = {identity for pair in listed for identity in pair}, value == "include"
        else:
            least, most = float(value), float(lines[1].split()[1])
            table = np.loadtxt(lines[2:], ndmin=2)
            ids, include = table[0, 1:].astype(int), True
            within = (table[1:, 1:] >= least) & (table[1:, 1:] <= most)
            listed = {(ids[i], ids[j]) for i, j in zip(*np.nonzero(within | within.T), strict=True)}
            mentioned = set(ids.tolist())
        if include or self.scenario != "pairwise":
            focal = focal.without(np.array([i for i in focal.ids if i not in mentioned], dtype=int))
        pairs = [(int(i), int(j)) for i in focal.ids for j in focal.ids if i < j]
        return focal, [pair for pair in pairs if (pair in listed) != include]

    def as_written(self, values, null):
        """Return a map as Circuitscape writes it: 0 for missing values, or nodata outside the landscape."""
        values = np.where(np.isnan(values), 0.0, values)
        return np.where(self.conductance > 0, values, NODATA) if self.flag(null) else values

    def currents(self, values):
        values = np.where(np.isnan(values), 0.0, values)
        if self.flag("log_transform_maps"):
            values = np.where(values > 0, np.log10(np.where(values > 0, values, 1.0)), NODATA)
        return self.as_written(values, "set_null_currents_to_nodata")

    def pairwise(self):
        circuit = self.circuit()
        focal, excluded = self.excluded(self.focal(circuit.shape))
        pairs = [(int(i), int(j)) for i in focal.ids for j in focal.ids if i < j and (int(i), int(j)) not in excluded]
        pairwise = Pairwise(circuit, focal, pairs)
        results, zero = resistances_of(pairwise), self.flag("set_focal_node_currents_to_zero")
        for pair in pairwise.maps():
            assert pair.residual < 1e-7
            results[f"curmap_{pair.first}_{pair.second}"] = self.currents(pairwise.currents_for_sum(pair, zero))
            results[f"voltmap_{pair.first}_{pair.second}"] = self.as_written(
                pair.potentials, "set_null_voltages_to_nodata"
            )
        self.add_cumulative(results, pairwise.cumulative(zero_focal_currents=zero))
        return results

    def add_cumulative(self, results, sums):
        assert sums.residual < 1e-7
        results["cum_curmap"] = self.currents(sums.total)
        results["max_curmap"] = self.currents(sums.maximum)

    def one_against_all(self, kind):
        circuit = self.circuit()
        focal, excluded = self.excluded(self.focal(circuit.shape))
        strengths = None
        if self.flag("use_variable_source_strengths"):
            # Of several values for one focal node, the first counts.
            strengths = {int(identity): value for identity, value in self.table("variable_source_file")[::-1]}
        zero = self.flag("set_focal_node_currents_to_zero")
        mode = kind(circuit, focal, strengths=strengths, excluded=excluded, zero_focal_currents=zero)
        results, rows = {}, []
        for run in mode.maps():
            assert run.residual < 1e-7
            rows.append((run.id, -1 if np.isinf(run.resistance) else run.resistance))
            results[f"curmap_{run.id}"] = self.currents(run.currents)
            results[f"voltmap_{run.id}"] = self.as_written(run.potentials, "set_null_voltages_to_nodata")
        results["resistances"] = np.array(rows)
        self.add_cumulative(results, mode.cumulative())
        return results

    def advanced(self):
        circuit = self.circuit()
        sources, grounds = self.raster("source_file"), self.raster("ground_file")
        flow = self.advanced_flow(circuit, np.where(sources == NODATA, 0.0, sources), grounds)
        return {
            "curmap": self.currents(flow.currents),
            "voltmap": self.as_written(flow.potentials, "set_null_voltages_to_nodata"),
        }

    def advanced_flow(self, circuit, sources, grounds):
        there = grounds != NODATA
        with np.errstate(divide="ignore"):
            conductance = 1 / grounds if self.flag("ground_file_is_resistances") else grounds
        flow = advanced(
            circuit,
            sources,
            np.where(there, conductance, 0.0),
            policy=self.options.get("remove_src_or_gnd", "keepall"),
            unit_currents=self.flag("use_unit_currents"),
            direct_grounds=self.flag("use_direct_grounds"),
            as_circuitscape=True,
        )
        assert flow.residual < 1e-7
        return flow

    def run_network(self):
        first, second, values = self.table("habitat_file").T
        conductance = 1 / values if self.flag("habitat_map_is_resistances") else values
        network = NetworkCircuit(first.astype(int), second.astype(int), conductance)
        if self.scenario == "advanced":
            sources, grounds = np.zeros(network.shape), np.full(network.shape, NODATA)
            for target, name in ((sources, "source_file"), (grounds, "ground_file")):
                nodes, amounts = self.table(name).T
                target[nodes.astype(int)] = amounts
            flow = self.advanced_flow(network, sources, grounds)
            return network_tables(network, "", flow.potentials, flow.currents)
        ids = self.table("point_file").ravel().astype(int)
        focal = FocalNodes(np.sort(ids), tuple(np.array([node]) for node in np.sort(ids)))
        pairwise = Pairwise(network, focal)
        results, branches = resistances_of(pairwise), None
        for pair in pairwise.maps():
            tables = network_tables(network, f"_{pair.first}_{pair.second}", pair.potentials, pair.currents)
            results |= tables
            table = tables[f"branch_currents_{pair.first}_{pair.second}"]
            branches = table if branches is None else np.column_stack([table[:, :2], branches[:, 2] + table[:, 2]])
        results["branch_currents_cum"] = branches
        results["node_currents_cum"] = numbered(pairwise.cumulative().total)
        return results


def resistances_of(pairwise):
    resistances = pairwise.resistances()
    matrix = np.where(np.isfinite(resistances.matrix), resistances.matrix, -1)
    columns = resistances.three_columns()
    columns[~np.isfinite(columns)] = -1
    return {
        "resistances": np.block([[np.zeros((1, 1)), resistances.ids[None]], [resistances.ids[:, None], matrix]]),
        "resistances_3columns": columns,
    }


def network_tables(network, pair, potentials, currents):
    first, second, flow = network.branch_currents(np.nan_to_num(potentials))
    return {
        f"voltages{pair}": numbered(potentials),
        f"node_currents{pair}": numbered(currents),
        f"branch_currents{pair}": np.column_stack([first, second, np.abs(flow)]),
    }


def numbered(values):
    return np.column_stack([np.arange(len(values)), values])


def read_grid(text):
    """Return the values and the header of an ESRI ASCII grid."""
    words = text.split()
    header = {}
    while words[0][0].isalpha():
        header[words[0].lower()] = float(words[1])
        words = words[2:]
    shape = int(header["nrows"]), int(header["ncols"])
    return np.array(words, float).reshape(shape), header
