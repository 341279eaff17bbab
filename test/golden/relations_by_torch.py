"""Steps that imitate relations between tokens (MiniLMv2), as transformers and PyTorch compute them: losses and gradients of pairs of tiny models in data/.

Queries, keys and values are taken where the projections give them, by hooks: before norms of theirs and before rotary positions. The loss is written here text by text and head by head,
from the paper's equations 5 to 8 (Wang et al., 2021), with the mean over all real tokens of the batch in place of the mean over texts.
Writes data/relations/losses.json and the gradient of some cases: python test/golden/relations_by_torch.py
"""

import math

import torch
from attention_by_torch import DATA, step, write
from safetensors.torch import save_file

OUT = DATA / "relations"
ALL = ["queries", "keys", "values"]

# Teacher, student, whose batch, which vectors, relation heads, and pairs [teacher block, student block]. Widths of both, and their heads, differ but in the last.
PAIRS = {
    "bert": ("distillation/bert/teacher", "distillation/bert/student", "bert", ALL, 8, [[1, 0], [3, 1]]),
    "bert-values": ("distillation/bert/teacher", "distillation/bert/student", "bert", ["values"], 2, [[2, 1]]),
    "gpt2": ("distillation/gpt2/teacher", "distillation/gpt2/student", "gpt2", ALL, 4, [[2, 1]]),
    "qwen3-to-llama": ("models/qwen3", "models/llama", "gpt2", ALL, 8, [[0, 0], [1, 1]]),
    "gemma2-to-llama": ("models/gemma2", "models/llama", "gpt2", ["keys", "values"], 4, [[0, 0], [1, 1]]),
    "modernbert-to-bert": ("models/modernbert-sequence-classification", "models/bert-sequence-classification", "bert", ALL, 4, [[1, 0], [3, 1]]),
}
KEPT = ("bert", "gpt2", "qwen3-to-llama")

# Of each family's blocks the modules that project, by the ends of their names; one module gives all three beside each other.
PARTS = {"query": "queries", "key": "keys", "value": "values", "q_proj": "queries", "k_proj": "keys", "v_proj": "values"}
JOINED = ("attn.c_attn", "attn.Wqkv")


def record_vectors(found):
    """Gives a dictionary that each forward pass fills: (kind, block) -> [B, L, W]."""
    vectors = {}

    def hook(kinds, block):
        def keep(_module, _inputs, output):
            for kind, part in zip(kinds, output.chunk(len(kinds), -1), strict=True):
                vectors[kind, block] = part

        return keep

    for name, module in found.named_modules():
        numbers = [int(part) for part in name.split(".") if part.isdigit()]
        end = name.rpartition(".")[2]
        if name.endswith(JOINED):
            module.register_forward_hook(hook(ALL, numbers[0]))
        elif end in PARTS:
            module.register_forward_hook(hook([PARTS[end]], numbers[0]))
    return vectors


def relation_loss(student, teacher, heads, pairs):
    """KL of the relations of two [B, L, W], a mean over heads and the tokens that see something in `pairs` [B, 1, L, L]."""
    losses = []
    for text in range(len(student)):
        for token in range(student.shape[1]):
            visible = pairs[text, 0, token]
            if not visible.any():
                continue
            for head in range(heads):

                def relation(x):
                    size = x.shape[-1] // heads
                    own = x[text, :, head * size : (head + 1) * size]
                    return torch.log_softmax((own @ own[token] / math.sqrt(size))[visible], -1)

                q, s = relation(teacher), relation(student)
                losses.append((q.exp() * (q - s)).sum())
    return torch.stack(losses).mean()


def main():
    OUT.mkdir(exist_ok=True)
    cases = {}
    for name, (teacher, student, family, kinds, heads, layers) in PAIRS.items():

        def imitation(theirs, ours, visible, kinds=kinds, heads=heads, layers=layers):
            return sum(relation_loss(ours[kind, s], theirs[kind, t], heads, visible(t, s)) for t, s in layers for kind in kinds)

        losses, gradients = step(teacher, student, family, record_vectors, imitation)
        cases[name] = {
            "teacher": teacher,
            "student": student,
            "batches": family,
            "of": kinds,
            "heads": heads,
            "layers": layers,
            **dict(zip(("soft", "hard", "relations", "total", "gradientNorm"), losses, strict=True)),
        }
        if name in KEPT:
            save_file(gradients, OUT / f"{name}.safetensors")
    write(OUT, cases)


if __name__ == "__main__":
    main()
