"""Write resources/engine-packages.json: names, versions, licences and sizes of the packages of the engine installer.

The download size is that of the wheels, the size on disk that of the installed files.

    uv venv ENVIRONMENT && uv pip install --python ENVIRONMENT -r resources/engine-requirements.txt
    ENVIRONMENT/bin/python resources/scripts/engine_packages.py cpu WHEELS

WHEELS is a folder with the wheels of these packages and of uv, as `pip download` leaves them.
"""

import importlib.metadata
import json
import sys
from pathlib import Path

RESOURCES = Path(__file__).resolve().parents[1]
PACKAGES = RESOURCES / "engine-packages.json"

# Licences of distributions whose metadata hold the whole text of a licence, or none.
LICENCES = {"numpy": "BSD-3-Clause", "scipy": "BSD-3-Clause"}


def main() -> int:
    """Measure the environment that runs this script."""
    device, wheels = sys.argv[1], Path(sys.argv[2])
    known = json.loads(PACKAGES.read_text(encoding="utf-8")) if PACKAGES.exists() else {"devices": {}}
    distributions = sorted(importlib.metadata.distributions(), key=lambda package: package.metadata["Name"].lower())
    files = [package.locate_file(file) for package in distributions for file in package.files or ()]
    known["devices"][device] = {
        "download_bytes": sum(path.stat().st_size for path in wheels.glob("*.whl")),
        "disk_bytes": sum(path.stat().st_size for path in map(Path, files) if path.is_file()),
        "packages": [
            {"name": package.metadata["Name"], "version": package.version, "licence": licence(package.metadata)}
            for package in distributions
        ],
    }
    PACKAGES.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    return 0


def licence(metadata) -> str:
    """Return the short name of a distribution's licence."""
    if metadata["Name"].startswith("nvidia-"):
        return "NVIDIA's licence, see the package"
    if metadata["Name"] in LICENCES:
        return LICENCES[metadata["Name"]]
    if metadata["License-Expression"]:
        return metadata["License-Expression"]
    classified = [line.split(" :: ")[-1] for line in metadata.get_all("Classifier", ()) if line.startswith("License")]
    first_line = (metadata["License"] or "").strip().splitlines()[:1]
    return ", ".join(classified) or (first_line or ["see the package"])[0]


if __name__ == "__main__":
    sys.exit(main())
