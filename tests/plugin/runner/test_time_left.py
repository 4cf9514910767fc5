"""Progress with the time that is left."""

import json

import pytest

from permea.plugin.algorithms.timed_step import TimedStep
from permea.plugin.runner import protocol
from permea.plugin.runner.protocol import MessageHandler
from permea.plugin.runner.time_estimate import YEAR, TimeLeft, format_duration


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self):
        self.seconds = 100.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(protocol.time, "monotonic", clock)
    monkeypatch.setattr(protocol, "TimeLeft", lambda: TimeLeft(clock))
    return clock


def send(handler, kind, **content):
    assert handler.handle_line(json.dumps({"type": kind, **content}))


def test_time_left_follows_from_progress(clock, feedback):
    handler = MessageHandler(feedback)
    send(handler, "progress", percent=10, text="Pair 1 of 9")
    clock.seconds += 60
    send(handler, "progress", percent=50, text="Pair 5 of 9")
    assert feedback.texts == ["Pair 1 of 9", "Pair 5 of 9, about 60 s left"]


def test_time_left_of_a_first_step_follows_from_the_estimate(clock, feedback):
    handler = MessageHandler(feedback)
    send(handler, "estimate", bytes=1, free_bytes=10**9, seconds=120)
    send(handler, "progress", percent=2, text="Factorization")
    clock.seconds += 20
    handler.show_silence()
    assert feedback.texts[1:] == ["Factorization (for 20 s), about 2 min left"]


def test_silent_step_counts_from_its_beginning_also_if_its_percentage_has_changed(clock, feedback):
    handler = MessageHandler(feedback)
    send(handler, "progress", percent=2, text="Factorization")
    clock.seconds += 40
    send(handler, "progress", percent=3, text="Factorization")
    clock.seconds += 15
    handler.show_silence()
    assert feedback.texts[-1] == "Factorization (for 55 s)"


@pytest.mark.parametrize(("years", "text"), [(1.2, "1 year"), (1.6, "2 years"), (3169.0, "3,169 years")])
def test_years_have_a_singular(years, text):
    assert format_duration(years * YEAR) == text


def test_estimate_that_was_too_short_is_not_repeated(clock, feedback):
    handler = MessageHandler(feedback)
    send(handler, "estimate", bytes=1, free_bytes=10**9, seconds=15)
    send(handler, "progress", percent=2, text="Factorization")
    clock.seconds += 20
    handler.show_silence()
    assert feedback.texts[1:] == ["Factorization (for 20 s)"]


def test_same_step_is_shown_again_with_the_time_left(clock, feedback):
    handler = MessageHandler(feedback)
    for seconds, percent in ((0, 20), (4, 30), (6, 40), (3, 50)):
        clock.seconds += seconds
        send(handler, "progress", percent=percent, text="Sum over 36 pairs")
    assert feedback.texts == ["Sum over 36 pairs", "Sum over 36 pairs, about 15 s left"]


@pytest.mark.parametrize(("seconds", "percent"), [(2, 50), (60, 99.9), (60, 0)])
def test_no_time_left_of_short_runs_at_the_end_and_without_progress(seconds, percent):
    clock = Clock()
    left = TimeLeft(clock)
    clock.seconds += seconds
    left.progress(percent)
    assert left.text() == ""


def test_details_are_apart_from_what_an_ecologist_reads(feedback):
    handler = MessageHandler(feedback)
    send(handler, "detail", text="nested dissection, exact")
    send(handler, "message", text="12 windows")
    assert (feedback.infos, feedback.console) == (["12 windows"], ["nested dissection, exact"])


def test_long_reading_and_writing_show_the_time_left(feedback):
    clock = Clock()
    step = TimedStep(feedback, 50, 100, clock=clock)
    step.setProgressText("Writing the results")
    for percent in (10, 20, 40, 50):
        clock.seconds += 4
        step.setProgress(percent)
    assert feedback.texts == [
        "Writing the results",
        "Writing the results, about 32 s left",
        "Writing the results, about 16 s left",
    ]
    assert feedback.percents == [55, 60, 70, 75]


def test_short_reading_shows_no_time(feedback):
    clock = Clock()
    step = TimedStep(feedback, 0, 10, clock=clock)
    step.setProgressText("Reading the landscape")
    for percent in (30, 60, 90):
        clock.seconds += 1
        step.setProgress(percent)
    assert feedback.texts == ["Reading the landscape"]
