"""An engine that writes without end fills neither the memory nor the log, and can be cancelled."""

import json
import threading
import time

import numpy as np
import pytest

from permea.plugin.cancelled import Cancelled
from permea.plugin.process_runner import LOG_LINE_LENGTH, LOG_LINES_KEPT, Outcome, run_process
from permea.plugin.runner import InvalidInput, Task, run
from permea.plugin.runner.bounded_log import MAX_MESSAGE_LENGTH, MAX_MESSAGES, MAX_STRAY_LINES
from permea.plugin.runner.protocol import TEXTS_AT_ONCE, MessageHandler

LANDSCAPE = np.ones((3, 4))
TASK = Task("any", {}, {"landscape": LANDSCAPE, "valid": LANDSCAPE > 0})

#: What an engine may write again and again.
FLOODS = {
    "rubbish": 'print("rubbish")',
    "empty lines": "print()",
    "messages": 'say("message", text="m" * 12_000)',
    "warnings": 'say("warning", text="again")',
    "metrics": 'say("metric", name="residual", value=1)',
    "progress": 'say("progress", percent=number % 100, text=f"{number} steps")',
    "estimates": 'say("estimate", bytes=10**15 if number == 7 else 10**9, free_bytes=1.5 * 10**9, seconds=4000)',
    "errors": 'say("error", kind="internal", text="e" * 12_000)',
    "unended line": 'sys.stdout.write("x" * 20_000)',
    "log": 'sys.stderr.write("log\\n")',
    "unended log": 'sys.stderr.write("x" * 20_000)',
}


@pytest.mark.parametrize("kind", FLOODS)
def test_run_goes_on_and_its_log_stays_small(worker, feedback, kind):
    lines = f"""
        for number in range(1500):
            {FLOODS[kind]}
        finish({{"distance": read("landscape")}})
    """
    run(TASK, feedback, engine=worker(lines))
    for entries in (feedback.infos, feedback.warnings, feedback.console, feedback.commands):
        assert len(entries) <= MAX_MESSAGES + 1
        assert max(map(len, entries), default=0) <= MAX_MESSAGE_LENGTH + 1
    assert len(feedback.console) <= MAX_STRAY_LINES + 1
    assert len(feedback.texts) <= TEXTS_AT_ONCE + 5


@pytest.mark.parametrize("kind", ["messages", "unended line", "log"])
def test_endless_output_is_cancelled(worker, feedback, kind):
    lines = f"""
        number = 0
        while True:
            number += 1
            {FLOODS[kind]}
    """
    cancelled = []
    timer = threading.Timer(0.7, lambda: (cancelled.append(time.monotonic()), feedback.cancel()))
    timer.start()
    with pytest.raises(Cancelled):
        run(TASK, feedback, engine=worker(lines))
    assert time.monotonic() - cancelled[0] < 2


def test_number_of_messages_not_shown_is_logged(worker, feedback):
    lines = """
        for number in range(1005):
            say("warning", text=f"warning {number}")
            say("message", text=f"message {number}")
        finish({"distance": read("landscape")})
    """
    run(TASK, feedback, engine=worker(lines))
    assert feedback.warnings[-2:] == ["warning 999", "(5 more warnings are not shown)"]
    assert feedback.infos[-2:] == ["message 999", "(5 more messages are not shown)"]


def test_log_keeps_last_lines_of_a_flood(tmp_path):
    lines = "i=0; while [ $i -lt 4000 ]; do echo line $i >&2; i=$((i+1)); done"
    script = f"{lines}; head -c 3000000 /dev/zero >&2; echo >&2; echo end >&2"
    ended = run_process(
        ["/bin/sh", "-c", script], environment={"PATH": "/usr/bin:/bin"}, folder=str(tmp_path), on_line=lambda _: True
    )
    assert ended.outcome is Outcome.EXITED and len(ended.log) <= LOG_LINES_KEPT
    assert max(map(len, ended.log)) == LOG_LINE_LENGTH
    assert ended.log[-1] == "end"


def said(handler, type_, **content):
    return handler.handle_line(json.dumps({"type": type_, **content}))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (15, "about 15 s"),
        (600, "about 10 min"),
        (None, None),
        (3, None),
    ],
)
def test_estimated_time_is_shown(feedback, seconds, text):
    assert said(MessageHandler(feedback), "estimate", bytes=1, free_bytes=10**9, seconds=seconds)
    assert feedback.warnings == []
    times = [info for info in feedback.infos if "of memory" not in info]
    assert [text in info for info in times] == ([True] if text else [])


def test_estimate_of_hours_is_a_warning(feedback):
    assert said(MessageHandler(feedback), "estimate", bytes=1, free_bytes=10**9, seconds=5 * 3600)
    assert "about 5.0 hours" in feedback.warnings[0] and "Fewer focal nodes" in feedback.warnings[0]


def test_run_of_centuries_is_refused(worker, feedback):
    lines = """
        say("estimate", bytes=1, free_bytes=10**9, seconds=1e11)
        time.sleep(30)
    """
    with pytest.raises(InvalidInput, match=r"would take about 3,169 years.*It was not started.*Fewer focal nodes"):
        run(TASK, feedback, engine=worker(lines))


def test_silent_step_shows_its_time(feedback):
    handler = MessageHandler(feedback, silent_seconds=0.05)
    said(handler, "estimate", bytes=1, free_bytes=10**9, seconds=120)
    said(handler, "progress", percent=10, text="Factorization")
    handler.show_silence()
    assert feedback.texts == ["Factorization"]
    time.sleep(0.06)
    handler.show_silence()
    assert feedback.texts[1:] == ["Factorization (for 0 s)"]
    said(handler, "progress", percent=20, text="Solve")
    handler.show_silence()
    assert feedback.texts[2:] == ["Solve"]


def test_silence_before_any_progress_is_shown(feedback):
    handler = MessageHandler(feedback, silent_seconds=0.0)
    handler.show_silence()
    assert feedback.texts == ["Computing (for 0 s)"]
