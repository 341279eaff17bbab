"""One training, from its folder to its end or until it is asked to stop: steps, evaluations, checkpoints."""

from __future__ import annotations

import contextlib
import json
import math
import os
import time
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from safetensors.torch import save_file
from torch.distributed.fsdp import FSDPModule, fully_shard, register_fsdp_forward_method
from torch.nn.parallel import DistributedDataParallel

from distillery_torch import checkpoint
from distillery_torch.answers import Asking, Kept, StoppedError, open_served
from distillery_torch.data import Counts, Masking, Rows, collate, epochs_of, placed
from distillery_torch.evaluation import Evaluator, quality_of
from distillery_torch.imitation import read_of_teacher
from distillery_torch.models import build
from distillery_torch.processes import Processes
from distillery_torch.records import Record, Records, now, tell
from distillery_torch.shards import Files, Shards, shard_of
from distillery_torch.step import (
    COMPONENTS,
    Distiller,
    NotFiniteError,
    StepValues,
    Targets,
    apply_update,
    finite,
    freeze,
    learning_rate_at,
    name_in_checkpoint,
    optimizer_of,
)
from distillery_torch.transformer import Block, DrawnDropout, Model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import nn

    from distillery_torch.data import Batch
    from distillery_torch.experiment import Job

_MOST_BATCHES = 4096
"""Batches of one step have keys of their own for dropout as long as there are fewer."""

_POLL_SECONDS = 0.3


class Trainer:
    """The state of a training on this process, and what changes it."""

    def __init__(self, job: Job, processes: Processes) -> None:
        self.job, self.processes = job, processes
        self.step, self.tokens, self.rate_scale = 0, 0, 1.0
        device = processes.device
        student = build(job.student)
        self.distiller = Distiller(student, job.teacher, job.objective, job.computes, job.label_smoothing)
        student.recomputes = job.activation_checkpointing
        self.is_sharded = job.strategy == "fsdp" and dist.is_initialized()
        if self.is_sharded:
            freeze(self.distiller, job.training)
            _shard(self.distiller, student.blocks())
        _assign(self.distiller, checkpoint.open_weights(job.initial), device)
        self.optimizer = optimizer_of(self.distiller, job.training)
        self.teacher = _teacher(job, device, divided=self.is_sharded and job.divide_teacher)
        if job.compile:
            for model in (student, self.teacher):
                for block in model.blocks() if model else []:
                    block.compile_it()
        self.wrapped: Any = self.distiller
        if not self.is_sharded and processes.world > 1:
            self.wrapped = DistributedDataParallel(self.distiller)
        rows = Rows(job.data / "train.safetensors", job.task)
        training = job.training
        self.epochs = epochs_of(
            rows,
            job.train_rows,
            batch_size=training.batch_size,
            gradient_accumulation=training.gradient_accumulation,
            group_by_length=training.group_by_length,
            seed=training.seed,
            max_length=job.max_length,
        )
        self.kept: Kept | None = None

    def keep_answers(self, goes_on: Callable[[], bool]) -> None:
        """Ask the teacher about all rows, where its answers are to be kept and are not there. Raises StoppedError."""
        rows, served = self.epochs.rows, self.job.served
        if served and served.train:
            self.kept = open_served(served.train, rows, self.processes, of_tokens=self.job.student.predicts_tokens)
        if self.teacher:
            asking = Asking(self.job, self.processes, rows, self.teacher, autocast=self.autocast, goes_on=goes_on)
            self.kept = asking.open()

    def restore(self, folder: Path) -> checkpoint.Position:
        """Go on from a checkpoint, as if the steps before it had been done here. Each process reads what it has."""
        position, stored = checkpoint.read_position(folder), checkpoint.open_last(folder)
        self.step, self.tokens, self.rate_scale = position.step, position.tokens, position.rate_scale
        device = self.processes.device
        with torch.no_grad():
            for name, parameter in self.distiller.named().items():
                parameter.copy_(stored.read_as(name, parameter, device))
                if not parameter.requires_grad:
                    continue
                self.optimizer.state[parameter] = {
                    "step": torch.tensor(float(position.step)),
                    "exp_avg": stored.read_as(f"first.{name}", parameter, device),
                    "exp_avg_sq": stored.read_as(f"second.{name}", parameter, device),
                }
        return position

    def save_last(self, best: Record | None, waited: int) -> None:
        """Replace the last checkpoint; all take part."""
        moments: Shards = {}
        for kind, key in (("first", "exp_avg"), ("second", "exp_avg_sq")):
            for name, parameter in self.distiller.named().items():
                state = self.optimizer.state.get(parameter, {})
                # Of what is frozen there are none.
                moments[f"{kind}.{name}"] = shard_of(state[key] if state else torch.zeros_like(parameter))
        position = checkpoint.Position(self.step, self.tokens, self.rate_scale, best, waited)
        job = self.job
        checkpoint.save_last(job.output, job.initial, position, self._weights(), moments, self.processes)

    def save_best(self) -> None:
        """Replace the best checkpoint; all take part."""
        checkpoint.save_best(self.job.output, self.job.initial, self.step, self._weights(), self.processes)

    def _weights(self) -> Shards:
        return {name: shard_of(parameter) for name, parameter in self.distiller.named().items()}

    def reshard(self) -> None:
        """Let go of parameters that an evaluation has gathered."""
        if self.is_sharded:
            self.wrapped.reshard()

    def train_step(self) -> Record:
        """Do one optimizer step. Its losses are those before the update."""
        job, processes, started = self.job, self.processes, time.perf_counter()
        step, training = self.step, self.job.training
        epoch, planned = self.epochs.batches_of(step)
        masking = None
        if job.task == "masked-lm" and job.mask_id is not None:
            masking = Masking(training.seed, epoch, job.vocabulary_size, job.mask_id)
        parts = [
            collate(
                self.epochs.rows,
                batch,
                task=job.task,
                batch_size=training.batch_size,
                pad_id=job.pad_id,
                masking=masking,
                rank=processes.rank,
                world=processes.world,
            )
            for batch in planned
        ]
        batches, counts = self._joined(parts)
        objective = job.objective
        temperature = objective.temperature.at(step, job.steps) if objective else 1.0
        alpha = objective.alpha.at(step, job.steps) if objective else 0.0
        values = StepValues(temperature, alpha, counts)
        summed = [0.0] * len(COMPONENTS)
        for micro, batch in enumerate(batches):
            losses = self._backward(batch.to(processes.device), values, micro, is_last=micro == len(batches) - 1)
            for i, name in enumerate(COMPONENTS):
                summed[i] += float(losses.get(name, 0.0))
            present = set(losses)
        summed = processes.sum(summed)
        loss = {name: value for name, value in zip(COMPONENTS, summed, strict=True) if name in present}
        finite(loss, " loss")
        if counts.predictions > 0 and counts.labelled == 0:
            del loss["hard"]
        rate = self.rate_scale * learning_rate_at(step, training, job.steps)
        norm = apply_update(self.optimizer, self.distiller.parameters(), rate, training.clip_norm)
        self.step += 1
        self.tokens += counts.tokens
        return {
            "step": step,
            "epoch": step / self.epochs.steps_per_epoch,
            "time": now(),
            "tokens": self.tokens,
            "loss": loss,
            **({"temperature": temperature, "alpha": alpha} if objective else {}),
            "learningRate": rate,
            "gradientNorm": norm,
            "tokensPerSecond": counts.tokens / (time.perf_counter() - started),
            "padding": 1 - counts.tokens / (training.batch_size * sum(batch.length for batch in planned)),
        }

    def _joined(self, parts: list[tuple[Batch, Counts]]) -> tuple[list[Batch], Counts]:
        """Find out what all processes' parts of the step's batches count: one N for the whole step, so that dividing it changes nothing."""
        own = [(one.predictions, one.labelled, one.tokens, *self.distiller.compared(batch)) for batch, one in parts]
        every = self.processes.gather(torch.tensor(own))  # [processes, batches, 3 and pairs of blocks]
        predictions, labelled, tokens, *compared = every.sum((0, 1)).tolist()
        counts = Counts(predictions, labelled, tokens, tuple(compared))
        batches = [batch for batch, _ in parts]
        if self.job.task == "masked-lm":
            of_each = every[:, :, 0]
            before = of_each[: self.processes.rank].sum(0).tolist()
            whole = of_each.sum(0).tolist()
            batches = [placed(batch, *of_batch) for batch, *of_batch in zip(batches, before, whole, strict=True)]
        return batches, counts

    def _backward(self, batch: Batch, values: StepValues, micro: int, *, is_last: bool) -> dict[str, torch.Tensor]:
        job, world = self.job, self.processes.world
        key = (job.training.seed, self.step * _MOST_BATCHES + micro)
        dropout = DrawnDropout(batch, key, exact=job.dropout_draws == "exact")
        # Gradients of a step's earlier batches stay on their process.
        waits = world > 1 and not is_last and isinstance(self.wrapped, DistributedDataParallel)
        with self.wrapped.no_sync() if waits else contextlib.nullcontext():
            with self.autocast():
                targets = self._targets(batch)
                losses: dict[str, torch.Tensor] = self.wrapped(batch, targets, values, dropout)
            # Gradients are averaged over the processes, and a sum over them is wanted.
            torch.autograd.backward(losses["total"] * world)
        return {name: value.detach() for name, value in losses.items()}

    def _targets(self, batch: Batch) -> Targets | None:
        """What the teacher says: as it was kept, for as long as that can be read by all that a teacher in shards needs."""
        objective, teacher = self.job.objective, self.teacher
        if not objective or not (teacher or self.kept):
            return None
        if self.kept:
            targets: Targets | None = None
            try:
                targets = self.kept.of(batch)
            except OSError as error:
                if not teacher:
                    raise
                tell("answers", state="lost", reason=str(error))
            lost = float(targets is None)
            if isinstance(teacher, FSDPModule):
                (lost,) = self.processes.sum([lost])
            if not lost or not teacher:
                return targets
            self.kept.close()
            self.kept = None
        assert teacher
        return Targets.asked(teacher, batch, read_of_teacher(objective.imitations))

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """Compute products in bfloat16 where that is asked for; weights, losses and the update stay float32."""
        if self.job.precision == "float32":
            return contextlib.nullcontext()
        return torch.autocast(self.processes.device.type, torch.bfloat16)


def _teacher(job: Job, device: torch.device, *, divided: bool) -> Model | None:
    """Read the frozen teacher; divided, a device never has more of it than its shards and what is gathered of them."""
    if job.teacher is None or job.teacher_model is None:
        return None
    teacher = build(job.teacher).requires_grad_(requires_grad=False).eval()
    if divided:
        _shard(teacher, teacher.blocks())
    _assign(teacher, checkpoint.open_weights(job.teacher_model), device)
    return teacher


def _assign(module: nn.Module, stored: Files, device: torch.device) -> None:
    """Give a module its weights, float32 on a device; of one in shards each process reads its own."""
    weights = {
        name: stored.read_as(name_in_checkpoint(name), parameter, device)
        for name, parameter in module.named_parameters()
    }
    module.load_state_dict(weights, assign=True)


def _shard(model: nn.Module, blocks: list[Block]) -> None:
    """FSDP2: parameters, gradients and moments in shards, gathered block by block; what lies outside of the blocks until the backward pass."""
    for block in blocks:
        fully_shard(block)
    fully_shard(model, reshard_after_forward=False)
    register_fsdp_forward_method(model, "predict")


class Run:
    """What a training keeps in the run directory while it goes on; one process writes, of each host where it has its own; all take part."""

    def __init__(self, job: Job, processes: Processes, trainer: Trainer) -> None:
        self.job, self.processes, self.trainer = job, processes, trainer
        rows = Rows(job.data / "validation.safetensors", job.task)
        self.evaluator = Evaluator(job, rows, processes.device, processes.rank, processes.world)
        if job.served:
            of_tokens = job.student.predicts_tokens
            self.evaluator.served = open_served(job.served.validation, rows, processes, of_tokens=of_tokens)
        found = checkpoint.find_last(job.output, processes)
        resumed = trainer.restore(found.folder) if found else None
        self.is_resumed = resumed is not None
        self.best, self.waited = (resumed.best, resumed.waited) if resumed else (None, 0)
        # What was recorded after the checkpoint is done, and recorded, again; by then all have read the checkpoint.
        processes.wait()
        self.metrics: Records | None = None
        self.evaluations: Records | None = None
        if processes.keeps:
            damaged = checkpoint.remove_damaged(found)
            if damaged and processes.is_first:
                tell("damaged", folder=str(damaged), step=trainer.step)
            self.metrics = Records(job.output / "metrics.jsonl", trainer.step - 1)
            self.evaluations = Records(job.output / "evaluations.jsonl", trainer.step if resumed else -1)
        if processes.is_first:
            tell(
                "begins",
                step=trainer.step,
                resumed=self.is_resumed,
                steps=job.steps,
                processes=processes.world,
                device=_device_name(processes),
                torch=torch.__version__,
            )

    @property
    def is_over(self) -> bool:
        """Whether there is nothing more to do."""
        patience = self.job.training.patience
        return self.trainer.step == self.job.steps or (patience is not None and self.waited >= patience)

    def go(self) -> None:
        """Train to the end, or until asked to stop."""
        job, trainer = self.job, self.trainer
        if not self.is_over:
            try:
                trainer.keep_answers(self.goes_on)
            except StoppedError:
                self.tell("stopped", step=trainer.step)
                return
        if not self.is_resumed:
            self.evaluate()
        while not self.is_over:
            if not self.goes_on():
                self.save()
                self.tell("stopped", step=trainer.step)
                return
            record = trainer.train_step()
            if self.metrics:
                self.metrics.append(record)
            self.tell("step", record=record)
            if _is_evaluated_after(trainer.step, job.steps, job.training.evaluate_every):
                self.evaluate()
            if self.is_over or trainer.step % job.training.checkpoint_every == 0:
                self.save()
        if self.processes.keeps and job.runner is None:
            checkpoint.export(job.output, job.model, job.tokenizer)
        self.tell("ended", step=trainer.step, steps=job.steps, best=self.best and self.best["step"])

    def goes_on(self) -> bool:
        """Whether nobody asks to stop; waits while the training is paused. All processes hear the same."""
        return _asked(self.job, self.processes) != "stop"

    def evaluate(self) -> None:
        """Measure on validation; the best model so far is kept."""
        job, trainer = self.job, self.trainer
        self.tell("evaluating", step=trainer.step)
        with trainer.autocast():
            measured = self.evaluator.evaluate(trainer.distiller, trainer.teacher)
            finite(measured)
            self.probe()
        trainer.reshard()
        record = {"step": trainer.step, "split": "validation", "role": job.role, "metrics": measured}
        if self.evaluations:
            self.evaluations.append(record)
        self.waited += 1
        if self.best is None or quality_of(measured) > quality_of(self.best["metrics"]):
            self.best, self.waited = {"step": trainer.step, "metrics": measured}, 0
            trainer.save_best()
        self.tell("evaluated", record=record)

    def probe(self) -> None:
        """Keep the logits of the pinned rows, float16."""
        probes, trainer = self.job.probes, self.trainer
        if probes is None:
            return
        logits = {
            f"logits.{k}": self.evaluator.probe(trainer.distiller, index, probes.most_positions).half()
            for k, index in enumerate(probes.indices)
        }
        if self.processes.keeps:
            folder = self.job.output / "probes"
            folder.mkdir(parents=True, exist_ok=True)
            aside = folder / f".probe.{os.getpid()}.tmp"
            save_file(logits, aside)
            aside.replace(folder / f"step-{trainer.step:06d}.safetensors")

    def save(self) -> None:
        """Replace the last checkpoint. Who goes on from it does not write the records before it again, so they are on disk by then."""
        if self.metrics and self.evaluations:
            self.metrics.sync()
            self.evaluations.sync()
        self.trainer.save_last(self.best, self.waited)
        self.processes.wait()

    def tell(self, event: str, **values: Any) -> None:  # noqa: ANN401 - whatever JSON holds
        """Tell it once, however many processes there are."""
        if self.processes.is_first:
            tell(event, **values)


def run(job: Job) -> None:
    """Train to the end, or until the folder's ``control.json`` asks to stop."""
    processes = Processes(shares_folder=job.shares_folder)
    try:
        trainer = Trainer(job, processes)
        try:
            Run(job, processes, trainer).go()
        except NotFiniteError as error:
            if processes.is_first:
                tell("not-finite", what=error.what, value=str(error.value), step=trainer.step)
            # All processes end here, and not as one that has failed: a restart would only come here again.
            if job.runner is None:
                raise
    finally:
        processes.close()


def _is_evaluated_after(step: int, steps: int, every: int) -> bool:
    """Every so many steps and at the end; also once before it, where nothing else would say how it went."""
    before_the_end = math.floor(0.8 * steps)
    return step in (steps, before_the_end if every > before_the_end else steps) or step % every == 0


def _asked(job: Job, processes: Processes) -> str:
    """Give "run" or "stop"; waits here while paused, in short turns, so that no process waits longer for the others than they allow."""
    while True:
        wish = {"run": 0, "pause": 1, "stop": 2}[_wish(job)] if processes.keeps else 0
        # Hosts may have been told at different times.
        decided = int(processes.gather(torch.tensor([wish])).max())
        if decided != 1:
            return "stop" if decided == 2 else "run"
        time.sleep(_POLL_SECONDS)


def _wish(job: Job) -> str:
    """What ``control.json`` asks for; the end of whoever started the training is a wish to stop."""
    if job.runner is not None and not is_alive(job.runner):
        return "stop"
    try:
        wish = json.loads((job.folder / "control.json").read_text("utf-8"))["wish"]
    except (OSError, ValueError, KeyError):
        return "run"
    return wish if wish in ("pause", "stop") else "run"


def is_alive(process: int) -> bool:
    """Whether a process of this machine is there."""
    if os.name == "nt":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _device_name(processes: Processes) -> str:
    if processes.device.type == "cuda":
        return torch.cuda.get_device_name(processes.device)
    return "CPU"
