"""Parquet files as people have them, each beside the same rows as JSONL: what lies in parquet/.

python -m venv V && V/bin/pip install pyarrow==26.0.1 && V/bin/python test/dataset/parquet_by_pyarrow.py
"""

import datetime
import decimal
import json
import random
import shutil
import uuid
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

OUT = Path(__file__).parent / "parquet"
WORDS = "a whale ship sea captain harpoon Ishmael called me some years ago never mind how long präzise 鯨 🐋".split()


def text(chance, most=30):
    return " ".join(chance.choice(WORDS) for _ in range(chance.randint(0, most)))


def plain(value):
    if isinstance(value, (datetime.datetime, datetime.date)):
        if not isinstance(value, datetime.datetime):
            return value.isoformat()
        return value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03}Z"
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, bytes):
        return {}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return value


def write(name, table, rows=None, **settings):
    pq.write_table(table, OUT / f"{name}.parquet", **settings)
    lines = [json.dumps(plain(row), ensure_ascii=False) for row in rows or table.to_pylist()]
    (OUT / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def features(schema, **columns):
    """What Hugging Face's `datasets` writes beside a schema."""
    return schema.with_metadata({"huggingface": json.dumps({"info": {"features": columns}})})


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    chance = random.Random(7)

    # As `datasets` writes it: classes are numbers whose names are beside the schema, and -1 is none.
    numbers = [chance.choice([0, 1, 2, -1, None]) for _ in range(300)]
    texts = [text(chance) for _ in numbers]
    schema = features(
        pa.schema([("text", pa.string()), ("label", pa.int64())]),
        text={"dtype": "string", "_type": "Value"},
        label={"names": ["neg", "neutral", "pos"], "_type": "ClassLabel"},
    )
    names = ["neg", "neutral", "pos"]
    named = [{"text": one, "label": names[number] if number in (0, 1, 2) else None} for one, number in zip(texts, numbers)]
    table = pa.table({"text": texts, "label": numbers}, schema=schema)
    write("classes", table, named, row_group_size=100)
    for codec in ("none", "gzip", "brotli", "zstd"):
        write(f"codec-{codec}", table.slice(0, 40), named[:40], compression=codec, row_group_size=16)
    write("checked", table.slice(0, 40), named[:40], write_page_checksum=True)

    # Pages of a few rows; lists that go on in the next page are those of version 1.
    lists = [chance.choice([None, [], ["sea"], ["sea", "ship", None], [chance.choice(WORDS) for _ in range(9)]]) for _ in range(500)]
    bodies = [chance.choice([None, text(chance, 60)]) for _ in lists]
    both = pa.table({"text": bodies, "labels": pa.array(lists, pa.list_(pa.string()))})
    for version in ("1.0", "2.0"):
        write(f"pages-{version[0]}", both, data_page_size=300, data_page_version=version, write_batch_size=7, row_group_size=240, use_dictionary=["labels"])
    several = [chance.choice([[], [0], [1, 0], None]) for _ in range(30)]
    schema = features(
        pa.schema([("text", pa.string()), ("labels", pa.list_(pa.int64()))]),
        labels={"feature": {"names": ["sea", "ship"], "_type": "ClassLabel"}, "_type": "Sequence"},
    )
    write(
        "several-classes",
        pa.table({"text": texts[:30], "labels": several}, schema=schema),
        [{"text": one, "labels": labels and [["sea", "ship"][number] for number in labels]} for one, labels in zip(texts, several)],
    )

    # Numbers, pairs, and all that is neither text nor number.
    n = 60
    moment = datetime.datetime(2026, 3, 1, 12, 30, 15, 250000)
    write(
        "kinds",
        pa.table(
            {
                "premise": pa.array(texts[:n], pa.large_string()),
                "hypothesis": pa.array(texts[n : 2 * n]).dictionary_encode(),
                "score": pa.array([chance.choice([None, chance.uniform(-5, 5)]) for _ in range(n)], pa.float64()),
                "half": pa.array([chance.uniform(-5, 5) for _ in range(n)], pa.float32()),
                "id": pa.array([2**40 + k for k in range(n)], pa.int64()),
                "small": pa.array([k - 30 for k in range(n)], pa.int8()),
                "unsigned": pa.array([2**32 - 1 - k for k in range(n)], pa.uint32()),
                "right": pa.array([chance.choice([True, False, None]) for _ in range(n)]),
                "same": pa.array(["same"] * n),
                "nothing": pa.array([None] * n, pa.string()),
                "day": pa.array([datetime.date(2026, 1, 1 + k % 28) for k in range(n)]),
                "when": pa.array([moment + datetime.timedelta(hours=k) for k in range(n)], pa.timestamp("us", "UTC")),
                "price": pa.array([decimal.Decimal(k) / 4 for k in range(n)], pa.decimal128(9, 2)),
                "name": pa.array([uuid.UUID(int=2**127 + 7**k) for k in range(40)] + [None] * 20, pa.uuid()),
                "image": pa.array([bytes([255, 254, k]) for k in range(n)], pa.binary()),
                "review": pa.array([chance.choice([None, {"text": texts[k], "stars": k % 5}]) for k in range(n)]),
                "messages": pa.array([[{"role": "user", "content": texts[k]}] * (k % 3) for k in range(n)]),
                "deep": pa.array([chance.choice([None, [], [[]], [[1, None], [2]], [None, [3]]]) for _ in range(n)], pa.list_(pa.list_(pa.int32()))),
            }
        ),
        row_group_size=25,
    )
    encodings = {"prefixed": "DELTA_BYTE_ARRAY", "lengths": "DELTA_LENGTH_BYTE_ARRAY", "number": "DELTA_BINARY_PACKED", "long": "DELTA_BINARY_PACKED", "split": "BYTE_STREAM_SPLIT"}
    write(
        "encodings",
        pa.table(
            {
                "prefixed": sorted(texts[:n]),
                "lengths": texts[:n],
                "number": pa.array([chance.randint(-(2**31), 2**31 - 1) for _ in range(n)], pa.int32()),
                "long": pa.array([chance.randint(-(2**50), 2**50) for _ in range(n)], pa.int64()),
                "split": pa.array([chance.uniform(-1, 1) for _ in range(n)], pa.float64()),
            }
        ),
        use_dictionary=False,
        column_encoding=encodings,
        data_page_version="2.0",
    )
    # Packed bits that are all ones, for a while.
    high = [k if k < 256 else 128 + chance.randint(0, 127) for k in range(1200)]
    write("bits", pa.table({"right": pa.array([True] * 1200), "some": pa.array([None if k % 131 == 7 else k % 2 for k in range(1200)], pa.int8()), "word": [str(k) for k in high]}), compression="zstd")
    write("empty", pa.table({"text": pa.array([], pa.string()), "label": pa.array([], pa.int64())}), [])
    (OUT / "empty.jsonl").write_text("")
    # What is refused: the whole of it, or some rows.
    few = features(table.schema, label={"names": names[:2], "_type": "ClassLabel"})
    pq.write_table(table.slice(0, 20).replace_schema_metadata(few.metadata), OUT / "unnamed.parquet")
    pq.write_table(table.slice(0, 20), OUT / "lz4.parquet", compression="lz4")


main()
