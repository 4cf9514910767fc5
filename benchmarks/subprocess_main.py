"""One measurement in a process of its own: a case in JSON on the command line, what was found in JSON on the output.

python -m benchmarks.child '{"program": "peers.cholmod:pair", "landscape": "smooth", "side": 255, "repeat": 3}'
"""

import importlib
import json
import math
import sys

from .landscapes import BenchmarkLandscape
from .timer import Timer


def main() -> int:
    """Run the case and print one line of JSON, the last of the output."""
    case = json.loads(sys.argv[1])
    module, name = case["program"].split(":")
    program = getattr(importlib.import_module(f".{module}", __package__), name)
    watch = Timer(case["repeat"])
    try:
        found = program(BenchmarkLandscape.named(case["landscape"], case["side"]), watch, **case.get("options", {}))
        report = {**watch.report(), **found}
    except Exception as problem:  # whatever a peer may raise is its answer to the case
        report = {"error": f"{type(problem).__name__}: {str(problem).strip().splitlines()[0] if str(problem) else ''}"}
    print(json.dumps(_plain(report)))
    return 0


def _plain(value):
    """Turn numpy's and JAX's arrays into lists; what is not finite becomes null."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


if __name__ == "__main__":
    sys.exit(main())
