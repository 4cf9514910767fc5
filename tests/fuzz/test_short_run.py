"""Short runs of the harness: few draws of a fixed seed, in a process that may crash without ending the tests."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent


@pytest.fixture
def fuzz(tmp_path, qgis_app):
    """Run draws with `make fuzz`'s options; return their records, all of which passed the checks."""

    def run(*options):
        assert Path(os.environ.get("PERMEA_ENGINE_PYTHON", "")).is_file(), "run `make test-qgis`"
        command = [sys.executable, str(HERE), *options, "--processes", "1", "--records", str(tmp_path)]
        ended = subprocess.run(command, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return [json.loads(line) for line in next(tmp_path.iterdir()).read_text().splitlines()]

    return run


@pytest.mark.costly
def test_bad_inputs_are_refused_in_words_and_change_nothing(fuzz):
    records = fuzz("--draws", "40", "--seed", "1", "--no-valid")
    outcomes = [record["outcome"] for record in records]
    assert len(records) == 40
    # Some mutations do no harm: with none of them, all would be refused for another reason.
    assert outcomes.count("result") >= 5
    assert outcomes.count("refused") + outcomes.count("error") >= 5


@pytest.mark.long
def test_valid_inputs_of_all_algorithms_are_taken(fuzz):
    assert {record["outcome"] for record in fuzz("--draws", "0")} == {"result"}
