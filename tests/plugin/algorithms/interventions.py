"""Interventions in a running engine, from another thread."""

import threading
import time


def as_soon_as(condition, act):
    """Call a function as soon as a condition holds; return the list that receives the time of the call.

    After two minutes it is called all the same, so that the run ends.
    """
    moments = []

    def watch():
        patience = time.monotonic() + 120
        while not condition() and time.monotonic() < patience:
            time.sleep(0.002)
        moments.append(time.monotonic())
        act()

    threading.Thread(target=watch, daemon=True).start()
    return moments
