"""Lists of features in messages."""

from __future__ import annotations

from collections.abc import Iterable

from ...i18n import tr

# A warning that lists a million ids would be unreadable.
MAX_LISTED_IDS = 20


def listed(reason: str, ids: Iterable[int]) -> str:
    """Format a reason with the unique ids of its features; empty if there are none."""
    unique = list(dict.fromkeys(ids))
    return f"{reason}: {named_features(unique)}" if unique else ""


def named_features(ids: Iterable[int]) -> str:
    """Format the ids of features: "feature 3", "features 3, 7"."""
    unique = list(dict.fromkeys(ids))
    return (tr("feature") if len(unique) == 1 else tr("features")) + " " + shortened(unique)


def shortened(items: Iterable[object]) -> str:
    """Format items as a list, truncated after `MAX_LISTED_IDS`."""
    texts = [str(item) for item in items]
    if len(texts) <= MAX_LISTED_IDS:
        return ", ".join(texts)
    shown = ", ".join(texts[:MAX_LISTED_IDS])
    return tr("{shown} and {more} more").format(shown=shown, more=len(texts) - MAX_LISTED_IDS)
