"""The engine's Python is the one that was named, it works, and QGIS's environment does not reach it."""

import json
import os
import re
import sys
import time

import pytest
from qgis.core import QgsProcessingException, QgsSettings

from permea.plugin import engine_environment, engine_folders
from permea.plugin.cancelled import Cancelled
from permea.plugin.engine_environment import (
    engine_python,
    find_engine,
    forget_probes,
    ignored_variables,
    probe_python,
    scrubbed_environment,
)
from permea.plugin.engine_errors import EngineNotFound
from permea.plugin.settings import PYTHON

ANSWER = {"versions": {"python": "3.11.2", "jax": "0.10.2"}, "device": "cpu"}

ANSWERS_AND_COUNTS = f"""
    count = pathlib.Path(__file__).with_name("probes")
    count.write_text(count.read_text() + "x" if count.exists() else "x")
    print("a library says hello")
    print({json.dumps(ANSWER)!r})
"""


@pytest.fixture
def no_engine(monkeypatch, tmp_path):
    """A computer on which nobody has installed an engine."""
    monkeypatch.delenv(engine_environment.VARIABLE, raising=False)
    monkeypatch.setattr(engine_folders, "profile_folder", lambda: tmp_path / "profile" / "permea")
    monkeypatch.setattr(engine_environment, "_probed", {})


class FakeEngine:
    """An engine that answers the probe, and counts how often."""

    def __init__(self, folder):
        self.folder = folder

    def find(self):
        return find_engine(folder=self.folder)

    def probes(self):
        return len(open(os.path.join(self.folder, "engine", "probes")).read())


@pytest.fixture
def fake_engine(worker, no_engine):
    return FakeEngine(worker(ANSWERS_AND_COUNTS).folder)


def interpreter(folder):
    """A second way to start this Python, in some folder."""
    folder.mkdir(parents=True)
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return str(python)


def failure_of(call, *arguments, **others):
    """Return the exception of a call that fails; its message has no word for engineers."""
    with pytest.raises(EngineNotFound) as error:
        call(*arguments, **others)
    assert isinstance(error.value, QgsProcessingException)
    assert not re.search(r"Traceback|\w+(Error|Exception)\b|File \"", str(error.value))
    return error.value


def message_of(call, *arguments, **others):
    return str(failure_of(call, *arguments, **others))


def test_missing_engine_is_explained(no_engine):
    message = message_of(find_engine)
    assert message.startswith("Permea's engine is not installed. Open Plugins ▸ Permea ▸ Engine…")
    assert engine_environment.VARIABLE in message


def test_setting_precedes_variable_and_profile(fake_engine, monkeypatch, tmp_path):
    engine = tmp_path / "profile" / "permea" / "engines" / "0123456789ab-cpu"
    in_profile = interpreter(engine / "venv" / "bin")
    engine_folders.switch_to(engine)
    assert (fake_engine.find().python, fake_engine.find().origin) == (in_profile, "profile")
    in_variable = interpreter(tmp_path / "variable")
    monkeypatch.setenv(engine_environment.VARIABLE, in_variable)
    assert (fake_engine.find().python, fake_engine.find().origin) == (in_variable, "environment variable")
    in_setting = interpreter(tmp_path / "setting")
    QgsSettings().setValue(PYTHON.key, in_setting)
    assert (fake_engine.find().python, fake_engine.find().origin) == (in_setting, "setting")


def test_probe_reports_versions_and_device(fake_engine, monkeypatch):
    monkeypatch.setenv(engine_environment.VARIABLE, sys.executable)
    engine = fake_engine.find()
    assert engine.versions == ANSWER["versions"]
    assert engine.device == "cpu"
    assert engine.probe == ANSWER


def test_interpreter_is_probed_once_until_changed(fake_engine, monkeypatch, tmp_path):
    python = interpreter(tmp_path / "elsewhere")
    monkeypatch.setenv(engine_environment.VARIABLE, python)
    fake_engine.find()
    fake_engine.find()
    assert fake_engine.probes() == 1
    os.utime(python, (1, 1))
    fake_engine.find()
    assert fake_engine.probes() == 2
    forget_probes()
    fake_engine.find()
    assert fake_engine.probes() == 3


def test_stored_probe_is_reused_after_restart(fake_engine, monkeypatch, tmp_path):
    python = interpreter(tmp_path / "venv" / "bin")
    packages = tmp_path / "venv" / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    monkeypatch.setenv(engine_environment.VARIABLE, python)
    first = fake_engine.find()
    monkeypatch.setattr(engine_environment, "_probed", {})  # what a restart does
    assert fake_engine.find() == first
    assert fake_engine.probes() == 1
    monkeypatch.setattr(engine_environment, "_probed", {})
    (packages / "jax").mkdir()
    os.utime(packages, (1, 1))
    fake_engine.find()
    assert fake_engine.probes() == 2


@pytest.mark.parametrize("text", ["", "{", "[]", '{"fingerprint": 1}'])
def test_damaged_stored_probe_is_ignored(fake_engine, monkeypatch, text):
    monkeypatch.setenv(engine_environment.VARIABLE, sys.executable)
    fake_engine.find()
    monkeypatch.setattr(engine_environment, "_probed", {})
    (engine_environment.cache_folder() / "probe.json").write_text(text)
    assert fake_engine.find().device == "cpu"
    assert fake_engine.probes() == 2


@pytest.mark.parametrize("where", ["setting", "environment variable"])
def test_missing_configured_interpreter_is_error(fake_engine, monkeypatch, tmp_path, where):
    interpreter(tmp_path / "profile" / "permea" / "engine" / "venv" / "bin")
    if where == "setting":
        QgsSettings().setValue(PYTHON.key, "nowhere/python")
        monkeypatch.setenv(engine_environment.VARIABLE, sys.executable)
    else:
        monkeypatch.setenv(engine_environment.VARIABLE, "nowhere/python")
    message = message_of(fake_engine.find)
    assert "nowhere/python (set " in message
    assert "there is no such file" in message
    assert message == message_of(engine_python)


def test_engine_python_starts_no_process(fake_engine, monkeypatch):
    monkeypatch.setenv(engine_environment.VARIABLE, sys.executable)
    assert engine_python() == (sys.executable, "environment variable")
    assert not os.path.exists(os.path.join(fake_engine.folder, "engine", "probes"))


def test_non_executable_file_is_named(fake_engine, tmp_path):
    text = tmp_path / "python.txt"
    text.write_text("not a program")
    message = message_of(probe_python, str(text), origin="setting")
    assert f"{text} (set in Permea ▸ Engine…): it does not start" in message


def test_python_without_jax_is_reported(worker):
    engine = worker("import jax_that_nobody_has")
    error = failure_of(probe_python, engine.python, folder=engine.folder)
    assert "it lacks the package 'jax_that_nobody_has'. Open Permea" in str(error)
    assert error.details[-1] == "ModuleNotFoundError: No module named 'jax_that_nobody_has'"


def test_engine_in_qgis_python_lacks_jax(no_engine):
    message = message_of(probe_python, "/usr/bin/python3")
    assert "/usr/bin/python3" in message
    assert "cannot run Permea's engine" in message


def test_failing_engine_is_refused(worker):
    engine = worker("print('half a thought', file=sys.stderr); sys.exit(7)")
    error = failure_of(probe_python, engine.python, folder=engine.folder)
    assert "it ended with status 7" in str(error)
    assert error.details == ("half a thought",)


def test_engine_that_fails_inside_is_refused_without_its_error(worker):
    lines = """
        print("TypeError: unhashable", file=sys.stderr)
        say("error", kind="internal", text="TypeError: unhashable")
        sys.exit(1)
    """
    engine = worker(lines)
    error = failure_of(probe_python, engine.python, folder=engine.folder)
    assert "it ended with status 1" in str(error)
    assert error.details[-1] == "TypeError: unhashable"


def test_crashing_engine_is_refused(worker):
    engine = worker("os.kill(os.getpid(), signal.SIGSEGV)")
    assert "it crashed (signal or code 11)" in message_of(probe_python, engine.python, folder=engine.folder)


def test_engine_with_other_output_is_refused(worker):
    engine = worker("print('{\"versions\": 3}'); print('[1]')")
    message = message_of(probe_python, engine.python, folder=engine.folder)
    assert "its reply is not that of an engine" in message


def test_silent_engine_is_refused(worker):
    engine = worker("time.sleep(60)")
    message = message_of(probe_python, engine.python, folder=engine.folder, timeout=0.5)
    assert "it did not answer within 0.5 seconds" in message


def test_environment_of_other_pythons_is_removed(monkeypatch):
    astray = (
        "PYTHONHOME PYTHONEXECUTABLE PYTHONSTARTUP __PYVENV_LAUNCHER__ VIRTUAL_ENV VIRTUAL_ENV_PROMPT CONDA_PREFIX "
        "GDAL_DATA GDAL_DRIVER_PATH PROJ_LIB PROJ_DATA QGIS_PREFIX_PATH QT_PLUGIN_PATH QT_QPA_PLATFORM "
        "LD_LIBRARY_PATH LD_PRELOAD DYLD_LIBRARY_PATH"
    ).split()
    for name in astray:
        monkeypatch.setenv(name, "elsewhere")
    assert not set(astray) & set(scrubbed_environment())


def test_environment_needed_by_engine_remains(monkeypatch):
    wanted = "HOME PATH TMPDIR LANG LC_ALL CUDA_VISIBLE_DEVICES XLA_FLAGS JAX_PLATFORMS HTTPS_PROXY SYSTEMROOT".split()
    for name in wanted:
        monkeypatch.setenv(name, "as it is")
    assert {scrubbed_environment()[name] for name in wanted} == {"as it is"}


def test_environment_adds_plugin_folder_and_caches(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    monkeypatch.setattr(engine_folders, "profile_folder", lambda: tmp_path)
    variables = scrubbed_environment("the folder")
    assert variables["PYTHONPATH"] == "the folder"
    assert "PYTHONPYCACHEPREFIX" not in variables, "Python would then ignore the bytecode in the environment itself"
    assert variables["JAX_COMPILATION_CACHE_DIR"].startswith(str(tmp_path))
    assert variables["NUMBA_CACHE_DIR"].startswith(str(tmp_path))
    assert variables["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] == "0"
    assert variables["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] == "0"


SETTINGS = {
    "NUMBA_NUM_THREADS": "0",
    "NUMBA_DISABLE_JIT": "1",
    "JAX_ENABLE_X64": "0",
    "JAX_DEBUG_NANS": "1",
    "JAX_NUMPY_RANK_PROMOTION": "raise",
    "EQX_ON_ERROR": "nan",
    "JAXTYPING_DISABLE": "1",
    "OMP_NUM_THREADS": "0",
    "OPENBLAS_NUM_THREADS": "many",
    "KMP_AFFINITY": "disabled",
}


def test_settings_of_libraries_are_not_passed_on_and_named(monkeypatch):
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    assert SETTINGS.items() <= ignored_variables().items()
    passed = scrubbed_environment()
    assert not any(passed.get(name) == value for name, value in SETTINGS.items())


@pytest.mark.parametrize("value", ["1", "4", "4,2"])
def test_limits_of_threads_are_passed_on(monkeypatch, value):
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, value)
        assert scrubbed_environment()[name] == value
        assert name not in ignored_variables()


@pytest.mark.parametrize("value", ["--no_such_flag", pytest.param("flags.txt", marks=pytest.mark.long)])
def test_flags_that_end_the_engine_at_its_start_are_named(monkeypatch, value):
    python = os.environ.get(engine_environment.VARIABLE, "")
    if not python:
        pytest.skip("no engine: set PERMEA_ENGINE_PYTHON")
    monkeypatch.setenv("XLA_FLAGS", value)
    error = failure_of(probe_python, python)
    assert str(error).startswith("Permea's engine does not start. Its libraries do not accept the value of an ")
    assert f"environment variable: XLA_FLAGS={value}. Correct or remove the variable" in str(error)
    assert any("XLA_FLAGS" in line for line in error.details)


def test_variable_that_prevents_the_engine_from_computing_is_named(monkeypatch):
    """Settings of libraries do not reach the engine; a device that it cannot use is named in its own words."""
    python = os.environ.get(engine_environment.VARIABLE, "")
    if not python:
        pytest.skip("no engine: set PERMEA_ENGINE_PYTHON")
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    assert probe_python(python).device == "cpu"
    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    error = failure_of(probe_python, python)
    assert 'the environment variable JAX_PLATFORMS is "cuda", and JAX cannot compute there.' in str(error)
    assert "Remove the variable, or set it to cpu" in str(error)
    assert any("cuda" in line for line in error.details)
    assert not any("JAX_TRACEBACK_FILTERING" in line for line in error.details)


def script(folder, lines):
    """Write an executable shell script that stands for a Python."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{lines}\n")
    path.chmod(0o755)
    return str(path)


def test_check_of_a_slow_python_is_cancelled(no_engine, monkeypatch, tmp_path):
    monkeypatch.setenv(engine_environment.VARIABLE, script(tmp_path / "slow", "exec sleep 60"))
    start = time.monotonic()
    with pytest.raises(Cancelled):
        find_engine(lambda: time.monotonic() - start > 0.3)
    assert time.monotonic() - start < 5


def test_python_that_prints_long_lines_is_explained_briefly(no_engine, monkeypatch, tmp_path):
    flood = "head -c 3000000 /dev/zero | tr '\\0' 'x'; i=0; while [ $i -lt 300 ]; do echo line $i; i=$((i+1)); done"
    monkeypatch.setenv(engine_environment.VARIABLE, script(tmp_path / "chatty", flood))
    error = failure_of(find_engine)
    assert "its reply is not that of an engine" in str(error)
    assert error.details[-1] == "line 299" and sum(map(len, error.details)) < 40_000
