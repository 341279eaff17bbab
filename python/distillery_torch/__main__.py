"""``python -m distillery_torch FOLDER``: the training that a folder describes, alone or as one of torchrun's workers."""

from __future__ import annotations

import sys
from pathlib import Path

from distillery_torch.experiment import read_job
from distillery_torch.train import is_alive, run


def main() -> None:
    """Run it; exits with 1 where it fails."""
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m distillery_torch FOLDER")
    job = read_job(Path(sys.argv[1]).resolve())
    # Who started it has ended: a restarted worker has nobody to work for, and its end is none that asks for another restart.
    if job.runner is not None and not is_alive(job.runner):
        return
    run(job)


main()
