"""`python -m engine JOBDIR`: run a job folder; `python -m engine --probe`: say what this environment is."""

import sys

from .worker.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
