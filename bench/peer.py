"""PyTorch's side of the comparison: the same distillation step as bench/ours.ts, written as one would write it there.

Usage: python peer.py FOLDER [--compile] [--bf16]; then a number of steps on each line of standard input. Each answer is a line of
JSON on standard output, as bench/side.ts describes. With --steps N it does so many and writes how long each took, under torchrun
as one of its processes (DDP), each with its rows of every batch. python peer.py --rate THREADS [--bf16] writes one number: see product_rate.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import torch  # noqa: E402
import torch.distributed as dist  # noqa: E402
import torch.nn.functional as F  # noqa: E402
import transformers  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()


def megabytes(field):
    """VmRSS or VmHWM (the peak) of this process, in 10^6 bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024 / 1e6
    raise KeyError(field)


def load(folder, task):
    classes = {
        "causal-lm": transformers.AutoModelForCausalLM,
        "text-classification": transformers.AutoModelForSequenceClassification,
    }
    # sdpa is transformers' default and faster than its "eager" attention.
    return classes[task].from_pretrained(folder, dtype=torch.float32, attn_implementation="sdpa")


def load_batches(folder):
    """A list of (inputs of the model, labels), padded to the longest row. Without padding there is no mask, which lets attention take its faster path."""
    stored = {name: tensor.long() for name, tensor in load_file(folder / "batches.safetensors").items()}
    batches = []
    for ids, mask, labels in zip(stored["input_ids"], stored["attention_mask"], stored["labels"]):
        longest = int(mask.sum(1).max())
        ids, mask = ids[:, :longest], mask[:, :longest]
        labels = labels[:, :longest] if labels.dim() == 2 else labels
        inputs = {"input_ids": ids} if mask.all() else {"input_ids": ids, "attention_mask": mask}
        batches.append((inputs, labels))
    return batches


class Distillation:
    def __init__(self, folder, setup, compiled, bf16):
        self.setup = setup
        self.causal = setup["task"] == "causal-lm"
        self.teacher = load(folder / "teacher", setup["task"]).eval().requires_grad_(False)
        self.student = load(folder / "student", setup["task"]).train()
        self.batches = load_batches(folder)
        if dist.is_initialized():
            rank, world = dist.get_rank(), dist.get_world_size()
            self.student = torch.nn.parallel.DistributedDataParallel(self.student)
            self.batches = [
                ({name: rows.chunk(world)[rank] for name, rows in inputs.items()}, labels.chunk(world)[rank])
                for inputs, labels in self.batches
            ]
        matrices = [p for p in self.student.parameters() if p.dim() > 1]
        vectors = [p for p in self.student.parameters() if p.dim() <= 1]
        groups = [{"params": matrices, "weight_decay": setup["weightDecay"]}, {"params": vectors, "weight_decay": 0.0}]
        # The fused update is the fastest that PyTorch has on the CPU.
        self.optimizer = torch.optim.AdamW(groups, lr=setup["learningRate"], fused=True)
        self.loss = torch.compile(self.forward, dynamic=False) if compiled else self.forward
        # Weights, gradients, losses and update stay float32; products become bfloat16.
        self.autocast = torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16)
        self.steps = 0

    def logits(self, model, inputs):
        keep = {"use_cache": False} if self.causal else {}
        logits = model(**inputs, **keep).logits
        return logits[:, :-1] if self.causal else logits

    def forward(self, inputs, labels):
        """alpha * T^2 * KL(Q || S) + (1 - alpha) * hard, and the two apart; means over the predictions."""
        temperature, alpha = self.setup["temperature"], self.setup["alpha"]
        with torch.no_grad():
            target = self.logits(self.teacher, inputs).flatten(0, -2)
        logits = self.logits(self.student, inputs).flatten(0, -2)
        labels = (labels[:, 1:] if self.causal else labels).flatten()
        if self.causal and "attention_mask" in inputs:
            counted = labels != -100
            logits, target, labels = logits[counted], target[counted], labels[counted]
        soft = F.kl_div(
            F.log_softmax(logits / temperature, dim=-1),
            F.log_softmax(target / temperature, dim=-1),
            reduction="batchmean",
            log_target=True,
        )
        hard = F.cross_entropy(logits, labels)
        return alpha * temperature**2 * soft + (1 - alpha) * hard, soft, hard

    def padding(self, step):
        """Share of padding in the batch of a step."""
        inputs, _ = self.batches[step % len(self.batches)]
        return 1 - inputs["attention_mask"].float().mean().item() if "attention_mask" in inputs else 0.0

    def step(self):
        inputs, labels = self.batches[self.steps % len(self.batches)]
        self.optimizer.zero_grad(set_to_none=True)
        with self.autocast:
            total, soft, hard = self.loss(inputs, labels)
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.student.parameters(), self.setup["clipNorm"])
        self.optimizer.step()
        self.steps += 1
        return {"total": total.item(), "soft": soft.item(), "hard": hard.item()}


def product_rate(bf16, size=2048, repetitions=8):
    """Operations a second of one large matrix product, the fastest of some."""
    a, b = (torch.full((size, size), 0.5, dtype=torch.bfloat16 if bf16 else torch.float32) for _ in range(2))
    fastest = float("inf")
    for _ in range(repetitions):
        started = time.perf_counter()
        torch.mm(a, b)
        fastest = min(fastest, time.perf_counter() - started)
    return 2 * size**3 / fastest


def write(line):
    print(json.dumps(line), flush=True)


def write_steps(distillation, steps):
    milliseconds = []
    for _ in range(steps):
        started = time.perf_counter()
        distillation.step()
        milliseconds.append((time.perf_counter() - started) * 1000)
    if not dist.is_initialized() or dist.get_rank() == 0:
        write({"milliseconds": milliseconds})
    if dist.is_initialized():
        dist.destroy_process_group()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--rate", type=int)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--steps", type=int)
    arguments = parser.parse_args()
    if arguments.rate:
        torch.set_num_threads(arguments.rate)
        torch.set_float32_matmul_precision("highest")
        return write(product_rate(arguments.bf16))
    setup = json.loads((arguments.folder / "setup.json").read_text())
    torch.set_num_threads(setup["threads"])
    torch.set_float32_matmul_precision("highest")
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        dist.init_process_group("gloo")
    empty = megabytes("VmRSS")
    distillation = Distillation(arguments.folder, setup, arguments.compile, arguments.bf16)
    if arguments.steps:
        return write_steps(distillation, arguments.steps)
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    write({"versions": versions, "emptyMegabytes": empty})
    for line in sys.stdin:
        started = time.perf_counter()
        first = distillation.steps
        losses = [distillation.step() for _ in range(int(line))]
        milliseconds = (time.perf_counter() - started) * 1000
        padding = sum(map(distillation.padding, range(first, distillation.steps))) / int(line)
        write({"losses": losses, "milliseconds": milliseconds, "peakMegabytes": megabytes("VmHWM"), "padding": padding})


if __name__ == "__main__":
    main()
