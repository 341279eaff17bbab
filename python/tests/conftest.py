"""Small models are slower on many threads."""

import torch

torch.set_num_threads(1)
