"""``python -m distillery_torch FOLDER``: the training that a folder describes, alone or as one of torchrun's workers."""

from __future__ import annotations

import os
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
    # All is written. FSDP's modules keep gloo's threads beyond the end of their group, and an interpreter that is taken down under
    # them may end by SIGABRT (pytorch/pytorch#179291): torchrun would take that for a failure, and wait for a restart.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


main()
