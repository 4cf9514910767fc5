"""The distances of the toolbox are those of the engine's registry file."""

import json

import pytest

from permea.plugin import distance_registry
from permea.plugin.distance_registry import REGISTRY, distance_help, distance_info, distance_labels, distance_names

ENTRIES = json.loads(REGISTRY.read_text(encoding="utf-8"))["distances"]


def test_names_follow_the_registry_file():
    expected = [entry["name"] for entry in ENTRIES if "distance.matrix" in entry["tasks"]]
    assert distance_names("distance.matrix") == expected
    assert sorted(distance_names("flow.barriers", first="resistance")) == sorted(distance_names("flow.barriers"))
    assert distance_names("flow.barriers", first="resistance")[0] == "resistance"


@pytest.mark.parametrize("entry", ENTRIES, ids=[entry["name"] for entry in ENTRIES])
def test_help_explains_every_distance(entry):
    for task in entry["tasks"]:
        assert f"{entry['label']} ({entry['description']}" in distance_help(task)
    assert ("points only" in distance_help(entry["tasks"][0], between_nodes=True)) == any(
        not other["regions"] for other in ENTRIES if entry["tasks"][0] in other["tasks"]
    )


def test_labels_of_distances_with_a_kind_of_restoration():
    assert distance_labels("flow.barriers", having="cell") == "least cost and resistance"
    assert distance_labels("flow.barriers", having="disc") == "least cost"


@pytest.mark.parametrize(
    ("name", "symmetric_rules"),
    [("leastcost", {"mean", "resistance"}), ("resistance", {"mean", "resistance", "target"}), ("rsp", set())],
)
def test_symmetry_depends_on_the_edge_rule(name, symmetric_rules):
    rules = ("mean", "resistance", "target")
    assert {rule for rule in rules if distance_info(name).is_symmetric(rule)} == symmetric_rules


def test_a_new_entry_is_offered_without_other_changes(monkeypatch, tmp_path):
    added = {**ENTRIES[0], "name": "commute", "label": "commute cost", "tasks": ["habitat.connected"]}
    file = tmp_path / "registry.json"
    file.write_text(json.dumps({"distances": [*ENTRIES, added]}), encoding="utf-8")
    monkeypatch.setattr(distance_registry, "REGISTRY", file)
    distance_registry._distances.cache_clear()
    try:
        assert distance_names("habitat.connected")[-1] == "commute"
        assert "commute cost" in distance_help("habitat.connected")
    finally:
        distance_registry._distances.cache_clear()
