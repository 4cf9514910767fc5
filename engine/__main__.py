"""`python -m engine JOBDIR` runs a job folder; `python -m engine --probe` describes this environment.

`python -m engine --serve` runs jobs one after another; `python -m engine --explore FOLDER` answers the requests of an
interactive session.
"""

import sys

from .worker import run_command

if __name__ == "__main__":
    sys.exit(run_command(sys.argv[1:]))
