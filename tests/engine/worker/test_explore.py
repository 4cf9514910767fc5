"""The interactive mode: requests and answers line by line, with arrays in files."""

import json
import subprocess
import sys
import threading

import numpy as np
import pytest

from permea.engine.exploration import ExplorationSession, Request
from permea.engine.worker.explore import Explorer
from permea.engine.worker.protocol import Reporter

LANDSCAPE = {"values": "permeability", "neighbors": "queen", "edge_rule": "mean", "pixel_size": [30.0, 30.0]}
VIEW = {"op": "view", "target": [2, 2], "distance": "leastcost", "quantity": "distance"}


def landscape():
    return np.random.default_rng(3).lognormal(size=(20, 24))


def read(stream):
    stream.seek(0)
    return stream.read()


@pytest.fixture
def load(tmp_path):
    """The request that loads the landscape, from its files."""
    np.save(tmp_path / "landscape.npy", landscape())
    np.save(tmp_path / "valid.npy", np.ones((20, 24), bool))
    return {"op": "load", "landscape": "landscape.npy", "valid": "valid.npy", **LANDSCAPE}


@pytest.fixture
def answers(tmp_path, load):
    """Run requests in a session in this process and return its answers."""

    def run(*requests):
        stream = (tmp_path / "answers").open("w+", encoding="utf-8")
        lines = [json.dumps(request) if isinstance(request, dict) else request for request in (load, *requests)]
        Explorer(tmp_path, Reporter(stream)).serve(lines)
        return [json.loads(line) for line in read(stream).splitlines()]

    return run


def test_a_view_is_that_of_the_session(answers, tmp_path):
    view = answers({**VIEW, "sequence": 7})[-1]
    assert (view["type"], view["sequence"], view["preview"]) == ("view", 7, False)
    expected = ExplorationSession(landscape(), np.ones((20, 24), bool), pixel_size=(30.0, 30.0)).view(Request((2, 2)))
    np.testing.assert_allclose(np.load(tmp_path / view["values"]), expected.values, rtol=1e-6)
    assert np.load(tmp_path / view["pixels"]).dtype == np.uint8
    assert view["mean"] == pytest.approx(expected.mean)


def test_of_several_views_that_wait_only_the_last_is_computed(answers):
    views = [answer for answer in answers(*({**VIEW, "sequence": n} for n in range(20))) if answer["type"] == "view"]
    assert views[-1]["sequence"] == 19
    assert len(views) < 10


def test_strokes_are_never_dropped(answers, tmp_path):
    strokes = [
        {"op": "paint", "start": [n + 0.5, 0.5], "end": [n + 0.5, 0.5], "radius": 0.2, "value": 9.0} for n in range(5)
    ]
    got = answers({"op": "prepare"}, *strokes, {"op": "undo"}, {"op": "save", "file": "painted.npy"})
    assert (got[-1]["op"], got[-1]["strokes"], got[-1]["undone"], got[-1]["painted_cells"]) == ("save", 4, 1, 4)
    assert np.isfinite(np.load(tmp_path / "painted.npy")[:4, 0]).all()


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        ({**VIEW, "distance": "euclidean"}, "distance must be one of"),
        ({**VIEW, "theta": 0, "distance": "rsp"}, "theta"),
        ({"op": "paint", "start": [0, 0], "end": [0, 0], "radius": 1, "value": -1}, "0 or more"),
        ({"op": "dance"}, "no request"),
        ("no JSON", "no request"),
        ("[1]", "no request"),
    ],
)
def test_a_request_that_fails_does_not_end_the_session(answers, request_, text):
    given = answers(request_, {"op": "undo"})
    (error,) = [answer for answer in given if answer["type"] == "error"]
    assert text in error["text"]
    # The answers to loading and to undoing.
    assert [answer["type"] for answer in given].count("state") == 2


def test_a_target_that_is_a_barrier_has_its_own_answer(answers):
    assert answers({**VIEW, "target": [50, 0], "sequence": 3})[-1] == {"type": "no_target", "sequence": 3}


def test_an_unloaded_landscape_is_gone(answers):
    assert "no landscape is loaded" in answers({"op": "unload"}, VIEW)[-1]["text"]


def test_requests_before_a_landscape_are_refused(tmp_path):
    stream = (tmp_path / "answers").open("w+", encoding="utf-8")
    Explorer(tmp_path, Reporter(stream)).serve([json.dumps(VIEW)])
    assert "no landscape is loaded" in read(stream)


def test_few_files_stay_on_disk(answers, tmp_path):
    answers(VIEW)
    for n in range(10):
        answers({**VIEW, "target": [n, n]})
    assert len(list(tmp_path.glob("view-*"))) <= 12


@pytest.mark.long
def test_a_process_of_its_own_ends_with_its_input(tmp_path, load, request):
    command = [sys.executable, "-m", "engine", "--explore", str(tmp_path)]
    root = str(request.config.rootpath)
    process = subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    killer = threading.Timer(120, process.kill)
    killer.start()
    assert json.loads(process.stdout.readline())["type"] == "ready"
    process.stdin.write(json.dumps(load) + "\n" + json.dumps(VIEW) + "\n")
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["type"] == "state"
    assert json.loads(process.stdout.readline())["type"] == "view"
    process.stdin.close()
    assert process.wait(30) == 0
    killer.cancel()
