"""One measurement in a separate process: a case as JSON on the command line, its result as JSON on standard output.

python -m benchmarks.subprocess_main \
    '{"program": "peers.cholmod:pair", "landscape": "smooth", "side": 255, "repeat": 3}'
"""

import importlib
import json
import math
import sys

from .landscapes import BenchmarkLandscape
from .timer import Timer


def main() -> int:
    """Run the case and print its result as JSON, the last line of the output."""
    case = json.loads(sys.argv[1])
    module, name = case["program"].split(":")
    program = getattr(importlib.import_module(f".{module}", __package__), name)
    timer = Timer(case["repeat"])
    landscape = BenchmarkLandscape.named(case["landscape"], case["side"])
    try:
        result = program(landscape, timer, **case.get("options", {}))
        report = {**timer.report(), **result}
    except Exception as error:  # an error is a result: the report shows it
        report = {"error": f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}"}
    print(json.dumps(_to_json(report)))
    return 0


def _to_json(value):
    """Convert arrays of numpy and JAX to lists, and numbers that are not finite to null."""
    if isinstance(value, dict):
        return {key: _to_json(entry) for key, entry in value.items()}
    if hasattr(value, "tolist"):
        return _to_json(value.tolist())
    if isinstance(value, (list, tuple)):
        return [_to_json(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


if __name__ == "__main__":
    sys.exit(main())
