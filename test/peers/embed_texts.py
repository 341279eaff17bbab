"""What sentence-transformers makes of texts with an exported model.

Usage: python embed_texts.py FOLDER TEXT...
Standard output: one JSON object {embeddings, maxTokens}; standard error: what loading reports.
"""

import json
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"

from sentence_transformers import SentenceTransformer  # noqa: E402


def main():
    folder, *texts = sys.argv[1:]
    model = SentenceTransformer(folder, device="cpu")
    embeddings = model.encode(texts, show_progress_bar=False)
    print(json.dumps({"embeddings": embeddings.tolist(), "maxTokens": model.max_seq_length}))


if __name__ == "__main__":
    main()
