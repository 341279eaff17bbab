"""Steps that imitate attention, as transformers and PyTorch compute them: losses and gradients of pairs of tiny models in data/.

The scores are taken where transformers hands them to its attention function, after scaling and capping and before the mask; what sees what is written anew here from
each model's config. Losses are those of docs/decisions/0078: "mse" as TextBrewer's att_mse, "ce" as its att_ce, over what both models see.
Writes data/attention/losses.json and the gradient of some cases: python test/golden/attention_by_torch.py
"""

import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from transformers import AttentionInterface, AttentionMaskInterface, AutoModelForCausalLM, AutoModelForSequenceClassification
from transformers.masking_utils import eager_mask

DATA = Path(__file__).parent / "data"
OUT = DATA / "attention"
TEMPERATURE, ALPHA, WEIGHT = 2.0, 0.7, 0.5

# Teacher, student, whose batch, and pairs [teacher block, student block].
PAIRS = {
    "bert": ("distillation/bert/teacher", "models/bert-sequence-classification", "bert", [[1, 0], [3, 1]]),
    "gpt2": ("distillation/gpt2/teacher", "models/gpt2", "gpt2", [[3, 1]]),
    "llama": ("models/qwen2", "models/llama", "gpt2", [[0, 0], [1, 1]]),
    "gemma2-to-llama": ("models/gemma2", "models/llama", "gpt2", [[0, 0], [1, 1]]),
    "modernbert-to-bert": ("models/modernbert-sequence-classification", "models/bert-sequence-classification", "bert", [[1, 0], [3, 1]]),
}
KEPT = ("bert mse", "bert ce", "gpt2 mse", "llama mse")

scores = []


def recording(module, query, key, value, attention_mask, scaling=None, softcap=None, dropout=0.0, **_):
    """Attention from its definition; its scores are kept."""
    shared = query.shape[1] // key.shape[1]
    key, value = (x.repeat_interleave(shared, 1) for x in (key, value))
    scale = scaling if scaling is not None else 1 / math.sqrt(query.shape[-1])
    found = query @ key.transpose(-1, -2) * scale
    if softcap is not None:
        found = softcap * torch.tanh(found / softcap)
    scores.append(found)
    masked = found if attention_mask is None else found + attention_mask
    return (torch.softmax(masked, -1) @ value).transpose(1, 2).contiguous(), None


AttentionInterface.register("recording", recording)
AttentionMaskInterface.register("recording", eager_mask)


def model(folder, classes):
    kind = AutoModelForSequenceClassification if classes else AutoModelForCausalLM
    return kind.from_pretrained(DATA / folder, attn_implementation="recording").double().eval()


def sight(config, block):
    """Distances key - query that a query of this block sees: the lowest and the highest."""
    window = None
    kinds = getattr(config, "layer_types", None)
    if kinds is not None and kinds[block] == "sliding_attention":
        window = config.sliding_window
    if config.model_type in ("bert", "modernbert"):
        if config.model_type == "modernbert" and window is not None:
            reach = config.local_attention // 2
            return -reach, reach
        return -math.inf, math.inf
    return (-math.inf if window is None else 1 - window), 0


def seen(mask, *sights):
    distance = torch.arange(mask.shape[1])[None, :] - torch.arange(mask.shape[1])[:, None]
    within = torch.ones_like(distance, dtype=torch.bool)
    for low, high in sights:
        within &= (distance >= low) & (distance <= high)
    return mask[:, None, :, None].bool() & mask[:, None, None, :].bool() & within  # [B, 1, L, L]


def attention_loss(kind, student, teacher, pairs):
    """A mean over heads and over what `pairs` [B, 1, L, L] has."""
    heads = student.shape[1]
    if kind == "mse":
        return ((student - teacher) ** 2 * pairs).sum() / (pairs.sum() * heads)
    unseen = ~pairs.expand_as(student)
    queries = pairs.any(-1)  # [B, 1, L]
    q = torch.softmax(teacher.masked_fill(unseen, -1e30), -1)
    log_s = torch.log_softmax(student.masked_fill(unseen, -1e30), -1).masked_fill(unseen, 0)
    return -((q * log_s).sum(-1) * queries).sum() / (queries.sum() * heads)


def batch(family):
    stored = load_file(DATA / "distillation" / family / "batches.safetensors")
    ids, mask = (stored[name].reshape(8, 4, 12)[0].long() for name in ("input_ids", "attention_mask"))
    types = stored["token_type_ids"].reshape(8, 4, 12)[0].long() if "token_type_ids" in stored else None
    return ids, mask, types, stored["labels"].reshape(8, 4, -1)[0].long()


def watch_scores(found):
    """Gives a list that each forward pass extends: of each block [B, H, L, L]."""
    kept = []
    found.register_forward_pre_hook(lambda *_: scores.clear())
    found.register_forward_hook(lambda *_: kept.extend(scores))
    return kept


def run(found, ids, mask, types, counted):
    extra = {"token_type_ids": types} if types is not None and found.config.model_type == "bert" else {}
    logits = found(input_ids=ids, attention_mask=mask, **extra).logits
    return logits if counted is None else logits[:, :-1][counted]


def step(teacher_folder, student_folder, family, watch, imitation):
    """Gives a step's losses, that of `imitation` the third, and the student's gradients.

    `watch(model)` gives what a forward pass fills; of both models' `imitation(theirs, ours, visible)` makes a loss, `visible(t, s)` being what blocks t and s see.
    """
    ids, mask, types, labels = batch(family)
    classes = family == "bert"
    counted = None if classes else labels[:, 1:] != -100
    targets = labels[:, 0] if classes else labels[:, 1:][counted]
    teacher, student = model(teacher_folder, classes), model(student_folder, classes)
    theirs, ours = watch(teacher), watch(student)
    with torch.no_grad():
        said = run(teacher, ids, mask, types, counted)
    own = run(student, ids, mask, types, counted)
    soft = F.kl_div(F.log_softmax(own / TEMPERATURE, -1), F.log_softmax(said / TEMPERATURE, -1), log_target=True, reduction="batchmean")
    hard = F.cross_entropy(own, targets)
    imitated = imitation(theirs, ours, lambda t, s: seen(mask, sight(teacher.config, t), sight(student.config, s)))
    total = ALPHA * TEMPERATURE**2 * soft + (1 - ALPHA) * hard + WEIGHT * imitated
    total.backward()
    gradients = {key: value.grad.float() for key, value in student.named_parameters() if value.grad is not None}
    if student.config.tie_word_embeddings:
        gradients.pop("lm_head.weight", None)
    norm = torch.sqrt(sum((value.double() ** 2).sum() for value in gradients.values()))
    return [value.item() for value in (soft, hard, imitated, total, norm)], gradients


def write(out, cases):
    settings = {"temperature": TEMPERATURE, "alpha": ALPHA, "weight": WEIGHT}
    (out / "losses.json").write_text(json.dumps({"settings": settings, "cases": cases}, indent=2) + "\n")


def main():
    OUT.mkdir(exist_ok=True)
    cases = {}
    for name, (teacher, student, family, layers) in PAIRS.items():
        for kind in ("mse", "ce"):

            def imitation(theirs, ours, visible, kind=kind, layers=layers):
                return sum(attention_loss(kind, ours[s], theirs[t], visible(t, s)) for t, s in layers)

            losses, gradients = step(teacher, student, family, watch_scores, imitation)
            cases[f"{name} {kind}"] = {
                "teacher": teacher,
                "student": student,
                "batches": family,
                "loss": kind,
                "layers": layers,
                **dict(zip(("soft", "hard", "attention", "total", "gradientNorm"), losses, strict=True)),
            }
            if f"{name} {kind}" in KEPT:
                save_file(gradients, OUT / f"{name}-{kind}.safetensors")
    write(OUT, cases)


if __name__ == "__main__":
    main()
