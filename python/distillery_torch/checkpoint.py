"""Checkpoints as Distillery's own engines write them, so that a run begun on one engine is resumed on another.

``checkpoints/last``: config.json and model.safetensors (a model that can be inspected), optimizer.safetensors (moments and projections),
trainer.json (the position), manifest.json (digests).
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from safetensors.torch import load_file, save_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import torch

    from distillery_torch.records import Record

Tensors = dict[str, "torch.Tensor"]

_WEIGHTS, _OPTIMIZER, _POSITION, _MANIFEST = (
    "model.safetensors",
    "optimizer.safetensors",
    "trainer.json",
    "manifest.json",
)


@dataclass
class State:
    """All that a training needs to go on as if it had not been interrupted; tensors in host memory, float32."""

    step: int
    tokens: int
    rate_scale: float
    parameters: Tensors
    first: Tensors
    second: Tensors
    best: Record | None
    waited: int


def save_last(output: Path, initial: Path, state: State) -> None:
    """Replace the last checkpoint; the one before is kept as ``previous``."""

    def write(folder: Path) -> None:
        _save_model(folder, initial, state.parameters)
        moments = {f"first.{name}": value for name, value in state.first.items()}
        moments |= {f"second.{name}": value for name, value in state.second.items()}
        moments |= {name: value for name, value in state.parameters.items() if name.startswith("projection.")}
        save_file({name: value.contiguous() for name, value in moments.items()}, folder / _OPTIMIZER)
        position: Record = {"step": state.step, "tokens": state.tokens}
        if state.rate_scale != 1:
            position["rateScale"] = state.rate_scale
        if state.best is not None:
            position["best"] = state.best
        (folder / _POSITION).write_text(json.dumps(position | {"waited": state.waited}) + "\n", "utf-8")
        _write_manifest(folder)

    _replace(output / "checkpoints" / "last", write, output / "checkpoints" / "previous")


def save_best(output: Path, initial: Path, parameters: Tensors) -> None:
    """Replace the checkpoint that did best on validation."""

    def write(folder: Path) -> None:
        _save_model(folder, initial, parameters)
        _write_manifest(folder)

    _replace(output / "checkpoints" / "best", write, None)


def load_last(output: Path) -> State | None:
    """Read the state to go on from: the last checkpoint or, where that is damaged, the one before. None where nothing was saved."""
    folders = (output / "checkpoints" / "last", output / "checkpoints" / "previous")
    found = [folder for folder in map(_complete, folders) if folder is not None]
    for folder in found:
        if not _is_damaged(folder):
            return _read(folder)
    if found:
        raise SystemExit(f"{found[0]} is damaged, and so is the checkpoint before.")
    return None


def remove_damaged(output: Path) -> Path | None:
    """Remove a damaged last checkpoint, which the next one would keep over the whole one before it. Gives the folder."""
    last = _complete(output / "checkpoints" / "last")
    if last is None or not _is_damaged(last):
        return None
    shutil.rmtree(last)
    return last


def export(output: Path, model: str, tokenizer: Path | None) -> None:
    """Write the finished model, a Hugging Face folder: the best checkpoint and its tokenizer."""
    best = _complete(output / "checkpoints" / "best")
    if best is None:
        raise SystemExit(f"{output / 'checkpoints' / 'best'} holds no model to export.")

    def write(folder: Path) -> None:
        for file in best.iterdir():
            if file.name != _MANIFEST:
                shutil.copy(file, folder / file.name)
        for file in tokenizer.iterdir() if tokenizer else []:
            shutil.copy(file, folder / file.name)

    _replace(output / model, write, None)


def load_weights(folder: Path) -> Tensors:
    """Read a model that the runner has written; float32."""
    return {name: value.float() for name, value in load_file(folder / _WEIGHTS).items()}


def load_initial(folder: Path) -> Tensors:
    """Read what a training starts from: the model, and projections where it has some."""
    projections = folder / "projections.safetensors"
    return load_weights(folder) | (load_file(projections) if projections.exists() else {})


def _read(folder: Path) -> State:
    position = json.loads((folder / _POSITION).read_text("utf-8"))
    optimizer = load_file(folder / _OPTIMIZER)

    def with_prefix(prefix: str) -> Tensors:
        return {name.removeprefix(prefix): value for name, value in optimizer.items() if name.startswith(prefix)}

    projections = {name: value for name, value in optimizer.items() if name.startswith("projection.")}
    return State(
        step=position["step"],
        tokens=position["tokens"],
        rate_scale=position.get("rateScale", 1),
        parameters=load_weights(folder) | projections,
        first=with_prefix("first."),
        second=with_prefix("second."),
        best=position.get("best"),
        waited=position.get("waited", 0),
    )


def _save_model(folder: Path, initial: Path, parameters: Tensors) -> None:
    model = {name: value.contiguous() for name, value in parameters.items() if not name.startswith("projection.")}
    save_file(model, folder / _WEIGHTS, metadata={"format": "pt"})
    for name in ("config.json", "generation_config.json"):
        if (initial / name).exists():
            shutil.copy(initial / name, folder / name)


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        digest = hashlib.sha256()
        while chunk := opened.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _write_manifest(folder: Path) -> None:
    digests = {file.name: _digest(file) for file in sorted(folder.iterdir()) if file.is_file()}
    (folder / _MANIFEST).write_text(json.dumps({"sha256": digests}, indent=2) + "\n", "utf-8")


def _is_damaged(folder: Path) -> bool:
    manifest = folder / _MANIFEST
    if not manifest.exists():
        return False
    try:
        digests: dict[str, str] = json.loads(manifest.read_text("utf-8"))["sha256"]
    except (ValueError, KeyError):
        return True
    return any(not (folder / name).is_file() or _digest(folder / name) != digest for name, digest in digests.items())


# Folders that are replaced whole, in the states that src/run-directory/atomic-directory.ts names: NAME.tmp-X is being written, NAME.new-X
# is complete, NAME.old-X is what was replaced. A reader takes NAME, else NAME.new-X, else NAME.old-X.


def _complete(target: Path) -> Path | None:
    if target.is_dir():
        return target
    beside = [*target.parent.glob(f"{target.name}.new-*"), *target.parent.glob(f"{target.name}.old-*")]
    return beside[0] if beside else None


def _replace(target: Path, write: Callable[[Path], None], kept: Path | None) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    _recover(target, kept)
    suffix = secrets.token_hex(6)
    aside = target.with_name(f"{target.name}.tmp-{suffix}")
    complete, previous = (target.with_name(f"{target.name}.{state}-{suffix}") for state in ("new", "old"))
    aside.mkdir()
    try:
        write(aside)
        for file in aside.iterdir():
            _sync(file)
        _sync(aside)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    aside.rename(complete)
    _sync(target.parent)
    _swap(target, complete, previous, kept)


def _recover(target: Path, kept: Path | None) -> None:
    """Finish what an interrupted replacement began, and remove what it left over."""
    beside = {state: list(target.parent.glob(f"{target.name}.{state}-*")) for state in ("tmp", "new", "old")}
    if beside["new"]:
        newest = beside["new"][0]
        _swap(target, newest, newest.with_name(newest.name.replace(".new-", ".old-")), kept)
    elif not target.exists() and beside["old"]:
        beside["old"][0].rename(target)
    for folder in beside["old"]:
        if folder.exists():
            _set_aside(folder, kept)
    for folder in beside["tmp"]:
        shutil.rmtree(folder, ignore_errors=True)


def _swap(target: Path, complete: Path, previous: Path, kept: Path | None) -> None:
    replaces = target.exists()
    if replaces:
        target.rename(previous)
    complete.rename(target)
    _sync(target.parent)
    if replaces:
        _set_aside(previous, kept)


def _set_aside(previous: Path, kept: Path | None) -> None:
    shutil.rmtree(kept or previous, ignore_errors=True)
    if kept:
        previous.rename(kept)


def _sync(path: Path) -> None:
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
