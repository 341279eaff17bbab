"""What is to be trained: the resolved experiment as one training of it sees it, from ``job.json``."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from distillery_torch.architecture import Architecture, Rotary
from distillery_torch.imitation import IMITATION_LOSSES, Imitation

if TYPE_CHECKING:
    from pathlib import Path

    from distillery_torch.data import Task

VERSION = 1
"""Of job.json; another one was written for another version of this package."""


@dataclass(frozen=True)
class Scheduled:
    """A number that goes linearly from the first update's to the last's."""

    start: float
    end: float

    def at(self, update: int, updates: int) -> float:
        """Give its value at one of ``updates`` updates, counted from 0."""
        progress = min(1.0, update / max(1, updates - 1))
        return self.end + (self.start - self.end) * (1 - progress)

    @classmethod
    def parse(cls, value: float | dict[str, Any]) -> Scheduled:
        """Read a number, or an object with from and to."""
        if isinstance(value, dict):
            return cls(float(value["from"]), float(value["to"]))
        return cls(float(value), float(value))


@dataclass(frozen=True)
class Objective:
    """How a student imitates its teacher: α · T² · soft + (1 − α) · hard + Σ weight · imitation loss."""

    temperature: Scheduled
    alpha: Scheduled
    divergence: str
    beta: float
    scale_by_temperature_squared: bool
    imitations: dict[str, Imitation] = field(default_factory=dict)


@dataclass(frozen=True)
class Training:
    """How the weights are trained, as the experiment's ``training`` block."""

    epochs: int
    batch_size: int
    group_by_length: bool | Literal["auto"]
    gradient_accumulation: int
    learning_rate: float
    schedule: Literal["linear", "cosine", "constant"]
    warmup: float
    weight_decay: float
    decay_bias_and_norm: bool
    clip_norm: float
    seed: int
    evaluate_every: int
    checkpoint_every: int
    patience: int | None = None
    min_learning_rate_ratio: float = 0.0
    layer_decay: float = 1.0
    frozen_blocks: int = 0


@dataclass(frozen=True)
class Probes:
    """The pinned validation rows whose logits are kept at each evaluation."""

    indices: list[int]
    most_positions: int


@dataclass(frozen=True)
class RecordPart:
    """One of the teacher's outputs in the record of a row: [rows, width], of its predictions or tokens; of pairs of tokens [width, n, n]."""

    name: str
    rows: Literal["predictions", "tokens", "pairs"]
    width: int
    bytes: Literal[2, 4]
    """Of a value: float16 or float32."""
    top: int | None = None
    """So many of a row's logits are kept, and what the others have together; None: all."""

    @property
    def row_bytes(self) -> int:
        """Give the bytes of one row: of the most probable as ``src/distill/teacher/top-logits.ts`` has them."""
        if self.top is None:
            return self.width * self.bytes
        return -(-(4 + self.top * (self.id_bytes + 2)) // 4) * 4

    @property
    def id_bytes(self) -> int:
        """Give the bytes of a token's id: two where the vocabulary allows."""
        return 2 if self.width <= 2**16 else 4


@dataclass(frozen=True)
class Cache:
    """Where the teacher's answers are kept, and what is kept of each."""

    folder: Path
    parts: list[RecordPart]
    computed_by: str
    """The engine whose answers they are."""
    record: dict[str, Any] | None
    """Its cache.json; None where it is another engine's, which is read if it is full, and never filled."""


@dataclass(frozen=True)
class Answers:
    """The teacher's answers are kept: in the first of some caches that is full or can be filled."""

    layout: Path
    caches: list[Cache]


@dataclass(frozen=True)
class Served:
    """All answers of a teacher that cannot be asked from here: to the training rows, where they are learnt from, and to the validation rows."""

    train: Answers | None
    validation: Answers


@dataclass(frozen=True)
class Job:
    """One training. Paths are absolute."""

    folder: Path
    task: Task
    role: Literal["teacher", "student", "control"]
    name: str
    precision: Literal["float32", "bfloat16"]
    strategy: Literal["ddp", "fsdp"]
    """Whether parameters, gradients and moments are in shards."""
    divide_teacher: bool
    """Whether the teacher is in shards too, where the strategy is "fsdp"."""
    dropout_draws: Literal["exact", "device"]
    activation_checkpointing: bool
    """Whether the student's blocks are computed again in the backward pass."""
    compile: bool
    """Whether ``torch.compile`` makes kernels of the blocks of both models."""
    training: Training
    objective: Objective | None
    student: Architecture
    teacher: Architecture | None
    max_length: int
    pad_id: int
    mask_id: int | None
    vocabulary_size: int
    steps: int
    train_rows: int
    computes: list[str]
    """What is read of the student's blocks, or computed alike in a control: ``hidden.1``, see ``Model.predict``."""
    output: Path
    model: str
    data: Path
    initial: Path
    teacher_model: Path | None
    tokenizer: Path | None
    runner: int | None
    """Process whose end ends the training; none where nobody waits for it."""
    shares_folder: bool = True
    """Whether all hosts have this folder in common, and not each its own."""
    probes: Probes | None = None
    answers: Answers | None = None
    """None where the teacher is asked in every step."""
    served: Served | None = None
    """Of a teacher behind a server, in place of a model."""
    label_smoothing: float = 0
    """Of a control: how much of each label all classes share alike."""


def read_job(folder: Path) -> Job:
    """Read ``job.json`` of a folder; the paths in it are relative to the folder."""
    content = json.loads((folder / "job.json").read_text("utf-8"))
    if content.get("version") != VERSION:
        raise SystemExit(f"{folder / 'job.json'} has version {content.get('version')}, this package reads {VERSION}.")
    values = _snake(content)

    def place(name: str) -> Path:
        return folder.joinpath(str(values[name])).resolve()

    def place_if(name: str) -> Path | None:
        return place(name) if values.get(name) is not None else None

    return _fill(
        Job,
        values
        | {
            "folder": folder,
            "training": _fill(Training, values["training"]),
            "objective": _objective(values.get("objective")),
            "student": read_architecture(values["student"]),
            "teacher": read_architecture(values["teacher"]) if values.get("teacher") else None,
            "output": place("output"),
            "data": place("data"),
            "initial": place("initial"),
            "teacher_model": place_if("teacher_model"),
            "tokenizer": place_if("tokenizer"),
            "probes": _fill(Probes, values["probes"]) if values.get("probes") else None,
            "answers": _answers(folder, content["answers"]) if content.get("answers") else None,
            "served": _served(folder, content["served"]) if content.get("served") else None,
        },
    )


def read_architecture(values: dict[str, Any]) -> Architecture:
    """Read an architecture, its names in either case."""
    values = _snake(values)
    rotaries = {name: values[name] for name in ("rotary", "sliding_rotary") if values.get(name)}
    return _fill(Architecture, values | {name: _fill(Rotary, rotary) for name, rotary in rotaries.items()})


def _objective(values: dict[str, Any] | None) -> Objective | None:
    if not values:
        return None
    imitations = {
        name: _fill(of.settings, values[name] | {"layers": [(pair[0], pair[1]) for pair in values[name]["layers"]]})
        for name, of in IMITATION_LOSSES.items()
        if values.get(name)
    }
    return _fill(
        Objective,
        values
        | {
            "temperature": Scheduled.parse(values["temperature"]),
            "alpha": Scheduled.parse(values["alpha"]),
            "imitations": imitations,
        },
    )


def _answers(folder: Path, values: dict[str, Any]) -> Answers:
    def cache(one: dict[str, Any]) -> Cache:
        parts = [_fill(RecordPart, part) for part in one["parts"]]
        return Cache(folder.joinpath(one["folder"]).resolve(), parts, one["computedBy"], one["record"])

    return Answers(folder.joinpath(values["layout"]).resolve(), [cache(one) for one in values["caches"]])


def _served(folder: Path, values: dict[str, Any]) -> Served:
    return Served(
        _answers(folder, values["train"]) if values["train"] else None, _answers(folder, values["validation"])
    )


T = TypeVar("T")


def _fill(kind: type[T], values: dict[str, Any]) -> T:
    """Make a dataclass of those values that it names; what is null takes its default."""
    fields = dataclasses.fields(kind)  # type: ignore[arg-type]
    optional = {field.name for field in fields if field.default is not dataclasses.MISSING}
    named = {field.name: values.get(field.name) for field in fields}
    return kind(**{name: value for name, value in named.items() if value is not None or name not in optional})


def _snake(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Turn the names of JSON's objects from camelCase to snake_case."""
    if isinstance(value, dict):
        return {re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", key).lower(): _snake(one) for key, one in value.items()}
    return [_snake(one) for one in value] if isinstance(value, list) else value
