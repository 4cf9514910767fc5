"""Commands that a user copies can be pasted into the shell of the system."""

import pytest

from permea.plugin.engine_environment import EngineInfo
from permea.plugin.runner.execution import _shell_command
from permea.plugin.shell_quoting import quoted


@pytest.mark.parametrize(
    ("argument", "system", "text"),
    [
        ("it's", "linux", "'it'\"'\"'s'"),
        (r"C:\maps\a.tif", "win32", r"C:\maps\a.tif"),
        (r"C:\R&D\a.tif", "win32", r'"C:\R&D\a.tif"'),
        ("", "win32", '""'),
    ],
)
def test_argument_is_quoted_for_the_shell(argument, system, text):
    assert quoted(argument, system) == text


def test_command_of_a_run_changes_to_the_drive_of_the_engine_and_quotes_its_folders():
    engine = EngineInfo(r"D:\R&D\python.exe", folder=r"D:\R&D\permea")
    command = _shell_command(engine, [engine.python, "-m", "engine"], "win32")
    assert command == r'cd /d "D:\R&D\permea" && "D:\R&D\python.exe" -m engine'
