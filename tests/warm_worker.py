"""An engine process that stays alive between the jobs of a test session.

Starting Python and importing JAX takes most of the seconds of a small job. `launcher` writes a program that takes the
arguments of an interpreter: it runs ``-m engine JOBDIR`` in the process that is already there, with its own standard
output and error, and everything else in the interpreter itself. A job that is killed takes the process with it, as in
the plugin: the next job starts another one.
"""

import array
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

#: Seconds without a job after which the process ends by itself, in case nobody ends it.
IDLE_SECONDS = 600


def launcher(folder: Path, python: str, caches: Path | None = None) -> Path:
    """Write the program that stands in for an interpreter.

    Parameters
    ----------
    folder
        Where the program and the socket are put.
    python
        The interpreter.
    caches
        Where compiled code is kept, so that all sessions share it; by default where the environment says.

    Returns
    -------
    Path
        The program.
    """
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "python"
    exports = ""
    if caches is not None:
        exports = f'export JAX_COMPILATION_CACHE_DIR="{caches}/jax-cache" NUMBA_CACHE_DIR="{caches}/loops"\n'
    # The interpreter starts without site packages: that takes a hundredth of a second.
    command = f'exec "{python}" -I -S "{__file__}" "{folder}" "{python}" "$@"\n'
    program.write_text(f"#!/bin/sh\n{exports}{command}", encoding="utf-8")
    program.chmod(0o755)
    return program


def stop(folder: Path) -> None:
    """End the process of a launcher."""
    try:
        os.kill(int((folder / "pid").read_text(encoding="utf-8")), signal.SIGKILL)
    except (OSError, ValueError):
        return


def main(folder: Path, python: str, arguments: list[str]) -> int:
    """Run what an interpreter is asked for, a job in the process that is kept."""
    words = [word for word in arguments if word != "-s"]
    if len(words) != 3 or words[:2] != ["-m", "engine"] or words[2].startswith("-"):
        os.execv(python, [python, *arguments])
    connection = _connect(folder, python)
    descriptors = array.array("i", [1, 2]).tobytes()
    request = json.dumps([os.getcwd(), words[2:]]).encode()
    connection.sendmsg([request], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)])
    status = connection.recv(16)
    return int(status) if status else 134  # as if it had aborted


def _connect(folder: Path, python: str) -> socket.socket:
    address, started = str(folder / "socket"), None
    deadline = time.monotonic() + 240
    while True:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(address)
            return connection
        except OSError:
            connection.close()
        if started is None or started.poll() is not None:
            Path(address).unlink(missing_ok=True)
            log = (folder / "log").open("ab")
            command = [python, "-s", __file__, "--serve", str(folder), os.getcwd()]
            started = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        if time.monotonic() > deadline:
            sys.exit("the engine's process did not start")
        time.sleep(0.02)


def serve(folder: Path, root: str) -> None:
    """Run jobs one after the other until none has come for a while, or one is given up."""
    sys.path[0] = root  # where a user's command has it: the folder of `engine`
    from engine.worker import run_command as run_job

    address = folder / "socket"
    (folder / "pid").write_text(str(os.getpid()), encoding="utf-8")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(f"{address}.new")
    listening.listen()
    os.rename(f"{address}.new", address)
    listening.settimeout(IDLE_SECONDS)
    own_output, own_error = os.dup(1), os.dup(2)
    while True:
        try:
            connection, _ = listening.accept()
        except TimeoutError:
            return
        request, ancillary, _, _ = connection.recvmsg(1 << 16, socket.CMSG_SPACE(8))
        output, error = array.array("i", ancillary[0][2])
        os.dup2(output, 1)
        os.dup2(error, 2)
        os.close(output)
        os.close(error)
        where, arguments = json.loads(request)
        os.chdir(where)
        ended = threading.Event()
        threading.Thread(target=_end_with, args=(connection, ended), daemon=True).start()
        status = run_job(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
        ended.set()
        os.dup2(own_output, 1)
        os.dup2(own_error, 2)
        connection.sendall(str(status).encode())
        connection.close()


def _end_with(connection: socket.socket, ended: threading.Event) -> None:
    """End this process when the one that waits for a job is killed."""
    while not ended.is_set():
        try:
            connection.settimeout(0.05)
            if connection.recv(1) == b"" and not ended.is_set():
                os._exit(1)
        except TimeoutError:
            continue
        except OSError:
            return


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        serve(Path(sys.argv[2]), sys.argv[3])
    else:
        sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))
