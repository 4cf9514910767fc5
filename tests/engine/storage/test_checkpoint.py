"""Checkpoint folders: manifests, atomic writing, refusal of other runs and of other versions of Permea."""

import errno
import json
import os

import numpy as np
import pytest

from permea.engine import LCPDistance
from permea.engine.connectivity.dispersal_kernel import ExponentialKernel
from permea.engine.moving_window.analysis import ConnectivityAnalysis
from permea.engine.storage import ArrayStore, CheckpointFolder, write_atomically

CONTENT = {"task": "an example", "range": 25}
#: What Permea 0.1.0 wrote: its manifests were of format 2, and intermediate results were called `finished-…`.
OLD_MANIFEST = {"format": 2, **CONTENT}
PLAIN_SENTENCE = "was made by another version of Permea, whose files this version cannot read: give another folder"


def test_arrays_are_read_back_unchanged(tmp_path):
    values = np.random.default_rng(1).random((3, 4))
    CheckpointFolder(tmp_path, CONTENT).write_array("a.npy", values)
    CheckpointFolder(tmp_path, CONTENT).write_arrays("b.npz", {"values": values, "count": np.array(3)})
    resumed = CheckpointFolder(tmp_path, CONTENT)
    np.testing.assert_array_equal(resumed.read_array("a.npy"), values)
    np.testing.assert_array_equal(resumed.read_arrays("b.npz")["values"], values)
    assert resumed.read_array("c.npy") is None and resumed.read_arrays("c.npz") is None
    assert [path.name for path in resumed.files("*.np[yz]")] == ["a.npy", "b.npz"]


def test_changed_parameters_are_named(tmp_path):
    CheckpointFolder(tmp_path, CONTENT)
    with pytest.raises(ValueError, match=r"something has changed: range \(25, now 26\)"):
        CheckpointFolder(tmp_path, {**CONTENT, "range": 26})


def test_run_with_undefined_number_is_resumed(tmp_path):
    CheckpointFolder(tmp_path, {**CONTENT, "cutoff": float("nan")})
    CheckpointFolder(tmp_path, {**CONTENT, "cutoff": float("nan")})


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOSPC, "the disk with .* is full; the folder keeps 1 batch: free some space and run it again"),
        (errno.EROFS, "a.npy cannot be written .*; the folder keeps 1 batch: correct this and run it again"),
    ],
)
def test_failed_write_names_the_cause_and_the_remedy(tmp_path, monkeypatch, number, message):
    checkpoint = CheckpointFolder(tmp_path, CONTENT)

    def fail(*args):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match=message):
        checkpoint.write_array("a.npy", np.zeros(2), stored="1 batch")


def test_partial_files_of_killed_process_are_removed(tmp_path):
    CheckpointFolder(tmp_path, CONTENT)
    (tmp_path / "a.npy.123.part").write_bytes(b"half")
    (tmp_path / "download.part").write_bytes(b"a user's")
    CheckpointFolder(tmp_path, CONTENT)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["download.part", "manifest.json"]


def test_folder_of_version_0_1_0_is_refused(tmp_path):
    (tmp_path / "manifest.json").write_text(json.dumps(OLD_MANIFEST))
    np.save(tmp_path / "finished-solved-000000.npy", np.zeros(3))
    with pytest.raises(ValueError, match=PLAIN_SENTENCE):
        CheckpointFolder(tmp_path, CONTENT)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["finished-solved-000000.npy", "manifest.json"]


def test_windowed_run_of_version_0_1_0_is_refused(tmp_path):
    (tmp_path / "manifest.json").write_text(json.dumps({**OLD_MANIFEST, "shape": [4, 4], "elasticity": False}))
    np.savez(tmp_path / "batch-00000000.npz", total=np.array(1.0), windows=np.array(4))
    analysis = ConnectivityAnalysis(
        quality=np.ones((4, 4)),
        permeability=np.ones((4, 4)),
        distance=LCPDistance(),
        proximity=ExponentialKernel(1.0),
        dependency_range=2,
    )
    with pytest.raises(ValueError, match=PLAIN_SENTENCE):
        analysis.run(checkpoint=tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", "3"])
def test_damaged_manifest_is_named(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ValueError, match=r"manifest.json is damaged"):
        CheckpointFolder(tmp_path, CONTENT)


def test_damaged_array_is_named(tmp_path):
    checkpoint = CheckpointFolder(tmp_path, CONTENT)
    (tmp_path / "cached-a.npy").write_bytes(b"rubbish")
    with pytest.raises(ValueError, match=r"cached-a.npy is damaged"):
        ArrayStore(checkpoint).get("a")


def test_failed_write_leaves_old_file(tmp_path):
    path = tmp_path / "a.txt"
    write_atomically(path, lambda file: file.write(b"old"))

    def fail(file):
        file.write(b"ne")
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        write_atomically(path, fail, sync=True)
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("a.txt", b"old")]
