"""What a run directory is told while it goes on: records appended to ``*.jsonl``, and lines for whoever started the training."""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

Record = dict[str, Any]


def now() -> str:
    """Give the time as JavaScript's ``toISOString`` writes it."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Records:
    """A file of records, one a line, each with its step."""

    def __init__(self, file: Path, last_step: float) -> None:
        """Open it for appending. A torn last line is removed, and so is what comes after ``last_step``: it is done again."""
        file.parent.mkdir(parents=True, exist_ok=True)
        content = file.read_bytes() if file.exists() else b""
        kept: dict[int, bytes] = {}
        for line in content.splitlines(keepends=True):
            step = _step_of(line)
            if step is not None and step <= last_step:
                kept[step] = line
        wanted = b"".join(kept.values())
        if wanted != content:
            # A new file, not a shorter one: who follows the old one sees from its identity that it must start again.
            aside = file.with_name(f"{file.name}.{os.getpid()}.tmp")
            aside.write_bytes(wanted)
            aside.replace(file)
        self._file = file.open("ab", buffering=0)

    def append(self, record: Record) -> None:
        """Write one."""
        self._file.write(f"{json.dumps(record, allow_nan=False, separators=(',', ':'))}\n".encode())

    def sync(self) -> None:
        """Put what was appended on disk."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Put it on disk and close the file."""
        self.sync()
        self._file.close()


def _step_of(line: bytes) -> int | None:
    """None for a torn or damaged line."""
    try:
        step = json.loads(line)["step"] if line.endswith(b"\n") else None
    except (ValueError, TypeError, KeyError):
        return None
    return step if isinstance(step, int) else None


def tell(event: str, **values: Any) -> None:  # noqa: ANN401 - whatever JSON holds
    """Tell whoever started the training, a line of JSON on standard output."""
    try:
        sys.stdout.write(json.dumps({"distillery": event} | values) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # Nobody listens any more; whether the training goes on is asked elsewhere.
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
