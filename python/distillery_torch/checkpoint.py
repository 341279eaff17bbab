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

from distillery_torch import shards
from distillery_torch.shards import Files, Shards

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from distillery_torch.processes import Processes
    from distillery_torch.records import Record

_WEIGHTS, _OPTIMIZER, _POSITION, _MANIFEST = (
    "model.safetensors",
    "optimizer.safetensors",
    "trainer.json",
    "manifest.json",
)
_METADATA = {"format": "pt"}
_PROJECTION = "projection."


@dataclass(frozen=True)
class Position:
    """All beside tensors that a training needs to go on as if it had not been interrupted."""

    step: int
    tokens: int
    rate_scale: float
    best: Record | None
    waited: int


def save_last(
    output: Path, initial: Path, position: Position, weights: Shards, moments: Shards, processes: Processes
) -> None:
    """Replace the last checkpoint; the one before is kept as ``previous``. All take part, and each writes what it has.

    ``moments``: named ``first.NAME`` and ``second.NAME``.
    """
    model = {name: value for name, value in weights.items() if not name.startswith(_PROJECTION)}
    rest = {name: value for name, value in weights.items() if name.startswith(_PROJECTION)}

    def finish(folder: Path) -> None:
        record: Record = {"step": position.step, "tokens": position.tokens}
        if position.rate_scale != 1:
            record["rateScale"] = position.rate_scale
        if position.best is not None:
            record["best"] = position.best
        (folder / _POSITION).write_text(json.dumps(record | {"waited": position.waited}) + "\n", "utf-8")
        _finish_model(folder, initial)

    files = {_WEIGHTS: model, _OPTIMIZER: moments | rest}
    folders = output / "checkpoints"
    _replace_by_all(folders / "last", files, finish, folders / "previous", processes, position.step)


def save_best(output: Path, initial: Path, step: int, weights: Shards, processes: Processes) -> None:
    """Replace the checkpoint that did best on validation. All take part."""
    model = {name: value for name, value in weights.items() if not name.startswith(_PROJECTION)}

    def finish(folder: Path) -> None:
        _finish_model(folder, initial)

    _replace_by_all(output / "checkpoints" / "best", {_WEIGHTS: model}, finish, None, processes, step)


@dataclass(frozen=True)
class Found:
    """A checkpoint to go on from."""

    folder: Path
    damaged: Path | None
    """The last one, where it is that: ``remove_damaged``."""


def find_last(output: Path, processes: Processes) -> Found | None:
    """Find the last checkpoint or, where that is damaged, the one before. None where nothing was saved. All take part: each reads some files."""
    last, previous = (output / "checkpoints" / name for name in ("last", "previous"))
    if processes.folders > 1:
        return _find_common(last, previous, processes)
    folders: list[Path | None] = processes.share([_complete(last), _complete(previous)])
    found = [folder for folder in folders if folder is not None]
    for folder in found:
        if not _is_damaged(folder, processes):
            return Found(folder, folders[0] if folder != folders[0] else None)
    if found:
        raise SystemExit(f"{found[0]} is damaged, and so is the checkpoint before.")
    return None


def _find_common(last: Path, previous: Path, processes: Processes) -> Found | None:
    """Find the newest checkpoint that all hosts have whole, each in its own folder: one may have been cut off before it had its last."""
    whole: dict[int, Path] = {}
    for target in (last, previous):
        folder = processes.share_in_folder(_complete(target))
        if not _is_damaged(folder or target, processes) and folder is not None:
            # One that was stopped where it had just saved has saved the same twice.
            whole.setdefault(read_position(folder).step, folder)
    every = [set(steps) for steps in processes.collect(list(whole))]
    common = set.intersection(*every)
    if common:
        folder = whole[max(common)]
        newest = _complete(last)
        return Found(folder, newest if folder != newest else None)
    if any(every):
        raise SystemExit(f"{last.parent} has no checkpoint that all hosts have.")
    return None


def read_position(folder: Path) -> Position:
    """Read where a checkpoint was saved."""
    record = json.loads((folder / _POSITION).read_text("utf-8"))
    return Position(
        record["step"],
        record["tokens"],
        record.get("rateScale", 1),
        record.get("best"),
        record.get("waited", 0),
    )


def open_last(folder: Path) -> Files:
    """Open a checkpoint's tensors: weights under their names, moments as ``save_last`` names them."""
    return Files(folder / _WEIGHTS, folder / _OPTIMIZER)


def remove_damaged(found: Found | None) -> Path | None:
    """Remove a damaged last checkpoint, which the next one would keep over the whole one before it. Gives the folder; done by one process."""
    damaged = found.damaged if found else None
    if damaged is not None:
        shutil.rmtree(damaged)
    return damaged


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

    _replace(output / model, write)


def open_weights(folder: Path) -> Files:
    """Open a model that the runner has written, and projections where it has some."""
    projections = folder / "projections.safetensors"
    return Files(folder / _WEIGHTS, *([projections] if projections.exists() else []))


def _finish_model(folder: Path, initial: Path) -> None:
    for name in ("config.json", "generation_config.json"):
        if (initial / name).exists():
            shutil.copy(initial / name, folder / name)


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        digest = hashlib.sha256()
        while chunk := opened.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _digests(folder: Path, names: list[str], processes: Processes) -> dict[str, str | None]:
    """SHA-256 of some files, None of one that is not there. The largest first, each process takes its turn."""

    def size(name: str) -> int:
        return (folder / name).stat().st_size if (folder / name).is_file() else 0

    order: list[str] = processes.share_in_folder(sorted(names, key=size, reverse=True))
    own = {
        name: _digest(folder / name) if (folder / name).is_file() else None
        for name in order[processes.place :: processes.places]
    }
    return {name: digest for some in processes.collect_in_folder(own) for name, digest in some.items()}


def _write_manifest(folder: Path, digests: dict[str, str | None]) -> None:
    ordered = {name: digests[name] for name in sorted(digests)}
    (folder / _MANIFEST).write_text(json.dumps({"sha256": ordered}, indent=2) + "\n", "utf-8")


def _is_damaged(folder: Path, processes: Processes) -> bool:
    wanted = processes.share_in_folder(_read_manifest(folder))
    # All hosts take part, also one where it is known already.
    found = _digests(folder, list(wanted or {}), processes)
    return wanted is None or found != wanted


def _read_manifest(folder: Path) -> dict[str, str] | None:
    """Give a checkpoint's digests, none where it has no manifest; None where that is damaged."""
    manifest = folder / _MANIFEST
    if not manifest.exists():
        return {}
    try:
        digests: dict[str, str] = json.loads(manifest.read_text("utf-8"))["sha256"]
    except (ValueError, KeyError):
        return None
    return digests


# Folders that are replaced whole, in the states that src/run-directory/atomic-directory.ts names: NAME.tmp-X is being written, NAME.new-X
# is complete, NAME.old-X is what was replaced. A reader takes NAME, else NAME.new-X, else NAME.old-X.


def _complete(target: Path) -> Path | None:
    if target.is_dir():
        return target
    beside = [*target.parent.glob(f"{target.name}.new-*"), *target.parent.glob(f"{target.name}.old-*")]
    return beside[0] if beside else None


def _replace_by_all(
    target: Path,
    files: dict[str, Shards],
    finish: Callable[[Path], None],
    kept: Path | None,
    processes: Processes,
    step: int,
) -> None:
    """Replace a folder by one whose files of tensors all processes write, or each host whole. ``finish``: what one does when they have."""
    aside = target.with_name(f"{target.name}.tmp-{step:012d}")  # all know its name
    if processes.keeps:
        _begin(target, aside, kept)
        for name, tensors in files.items():
            shards.create(aside / name, tensors, _METADATA)
    processes.wait()
    for name, tensors in files.items():
        if processes.folders > 1:
            shards.write_whole(aside / name, tensors, _METADATA, keeps=processes.keeps)
        else:
            shards.write(aside / name, tensors, _METADATA, is_first=processes.is_first)
    processes.wait()
    if processes.keeps:
        finish(aside)
    names = processes.share_in_folder([file.name for file in aside.iterdir()] if processes.keeps else None)
    digests = _digests(aside, names, processes)
    if processes.keeps:
        _write_manifest(aside, digests)
        _put(target, aside, kept)


def _replace(target: Path, write: Callable[[Path], None]) -> None:
    aside = target.with_name(f"{target.name}.tmp-{secrets.token_hex(6)}")
    _begin(target, aside, None)
    write(aside)
    _put(target, aside, None)


def _begin(target: Path, aside: Path, kept: Path | None) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    _recover(target, kept)
    aside.mkdir()


def _put(target: Path, aside: Path, kept: Path | None) -> None:
    """Put a folder that is written in its place."""
    for file in aside.iterdir():
        _sync(file)
    _sync(aside)
    complete, previous = (aside.with_name(aside.name.replace(".tmp-", f".{state}-")) for state in ("new", "old"))
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
