"""Runs jobs one after the other in one process: test/torchrun/golden.test.ts compares what they write."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from distillery_torch.experiment import read_job
from distillery_torch.train import run

for folder in sys.argv[1:]:
    run(read_job(Path(folder)))
