"""What sentence-transformers makes of texts with exported models.

Usage: python embed_texts.py TEXT TEXT FOLDER...
Standard output: a JSON list of {embeddings, maxTokens}, one for each folder; standard error: what loading reports.
"""

import json
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"

from sentence_transformers import SentenceTransformer


def embed(folder, texts):
    print(folder, file=sys.stderr)
    model = SentenceTransformer(folder, device="cpu")
    embeddings = model.encode(texts, show_progress_bar=False)
    return {"embeddings": embeddings.tolist(), "maxTokens": model.max_seq_length}


def main():
    texts = sys.argv[1:3]
    print(json.dumps([embed(folder, texts) for folder in sys.argv[3:]]))


if __name__ == "__main__":
    main()
