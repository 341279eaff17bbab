"""What TRL's GOLD makes of spans of text that two tokenizers have read: losses, and their gradients by PyTorch. Prints what lies in data/spans.json.

Run with PyTorch 2.15 and the source of TRL 1.16.0, whose other packages are not needed (pip download --no-deps trl==1.16.0, unzip):
python test/golden/spans_by_trl.py trl/experimental/gold/gold_trainer.py > test/golden/data/spans.json

TRL's own functions align, merge, sort and weigh. They are given predictions in the places of the tokens that they predict, as its merge "observed" means them.
TRL has Jensen-Shannon divergences of matched tokens, and KL; what is added to that (decision 130), and other divergences, are written here.
"""

import ast
import json
import sys
import types

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(130)
torch.set_default_dtype(torch.float64)

STUDENT = ["a", "b", "c", "ab", "bc", "!", "s1", "s2", "<end>"]
TEACHER = ["t1", "b", "a", "t2", "abc", "bc", "t3", "t4", "c", "<end>", "t5"]
# Tokens, and the bytes at which they end; the end of a text is one byte behind it.
STUDENT_READS = [
    [("ab", 2), ("c", 3), ("a", 4), ("b", 5), ("!", 6), ("<end>", 7)],
    [("b", 1), ("c", 2), ("a", 3), ("<end>", 4)],
]
TEACHER_READS = [
    [("a", 1), ("bc", 3), ("t2", 5), ("t3", 6), ("<end>", 7)],
    [("bc", 2), ("a", 3), ("<end>", 4)],
]
CASES = [
    ("jsd", 0.5, 1.0),
    ("jsd", 0.1, 2.0),
    ("jsd", 0.9, 4.0),
    ("forward-kl", 0.5, 1.0),
    ("forward-kl", 0.5, 2.0),
    ("reverse-kl", 0.5, 2.0),
    ("skew-kl", 0.1, 2.0),
    ("skew-reverse-kl", 0.3, 2.0),
    ("jeffreys", 0.4, 2.0),
    ("tvd", 0.5, 2.0),
]


def functions_of_trl(path):
    """ULDLoss, and the divergence that it takes of GOLDTrainer, without what the module imports."""
    tree = ast.parse(open(path).read())
    loss = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "ULDLoss")
    trainer = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "GOLDTrainer")
    trainer.body = [one for one in trainer.body if getattr(one, "name", "") == "generalized_jsd_loss"]
    trainer.bases = []
    module = ast.Module(body=[trainer, loss], type_ignores=[])
    names = {"torch": torch, "nn": nn, "F": F, "GOLDConfig": object, "PreTrainedTokenizerBase": object}
    exec(compile(ast.fix_missing_locations(module), path, "exec"), names)
    return names["ULDLoss"]


def integral(name, s, q, beta, trl):
    """Sum over matched tokens, mean over spans, of a divergence of the measures s and q."""
    more = s.sum() - q.sum()
    kl = lambda a, b: (a * (a / b).log() - a + b).sum()
    values = {
        "jsd": lambda: trl(s, q) * s.shape[0],
        "forward-kl": lambda: trl(s, q) * s.shape[0] + more,
        "reverse-kl": lambda: trl(s, q) * s.shape[0] - more,
        "skew-kl": lambda: kl(q, beta * q + (1 - beta) * s),
        "skew-reverse-kl": lambda: kl(s, beta * s + (1 - beta) * q),
        "jeffreys": lambda: beta * kl(q, s) + (1 - beta) * kl(s, q),
        "tvd": lambda: 0.5 * (s - q).abs().sum(),
    }[name]()
    return values / s.shape[0]


def tokenizer(tokens):
    return types.SimpleNamespace(get_vocab=lambda: {token: id for id, token in enumerate(tokens)})


def case(ULDLoss, student, teacher, name, beta, temperature):
    config = types.SimpleNamespace(
        uld_crossentropy_weight=0.0,
        uld_distillation_weight=1.0,
        uld_student_temperature=temperature,
        uld_teacher_temperature=temperature,
        uld_skip_student_eos=False,
        uld_skip_teacher_eos=False,
        use_extended_uld=True,
        uld_token_merge_strategy="observed",
        uld_use_hybrid_loss=True,
        uld_hybrid_matched_weight=None,
        uld_hybrid_unmatched_weight=None,
        beta=beta,
    )
    loss = ULDLoss(config, tokenizer(STUDENT), tokenizer(TEACHER))
    loss.beta = {"forward-kl": 0, "reverse-kl": 1}.get(name, beta)
    trl = loss._compute_jsd_loss_for_matched_tokens
    loss._compute_jsd_loss_for_matched_tokens = lambda s, q: integral(name, s, q, beta, trl)
    student = student.clone().requires_grad_()
    aligned = [[], []]
    at = [0, 0]
    for reads in zip(STUDENT_READS, TEACHER_READS):
        offsets = [[(0, end) for _, end in read] for read in reads]
        groups = loss._align_by_byte_offsets(*offsets)
        for side, (read, logits, tokens) in enumerate(zip(reads, (student, teacher), (STUDENT, TEACHER))):
            probabilities = F.softmax(logits[at[side] : at[side] + len(read)] / temperature, dim=-1)
            ids = [tokens.index(token) for token, _ in read]
            aligned[side].append(loss._merge_probabilities_with_alignment_groups(probabilities, groups[side], ids))
            at[side] += len(read)
    value = loss._compute_hybrid_uld_loss(*[torch.cat(parts) for parts in aligned])
    value.backward()
    return {
        "divergence": name,
        "beta": beta,
        "temperature": temperature,
        "spans": sum(len(part) for part in aligned[0]),
        "soft": value.item(),
        "gradient": student.grad.tolist(),
    }


def main():
    rows = [sum(len(read) for read in reads) for reads in (STUDENT_READS, TEACHER_READS)]
    # What float32 holds exactly.
    normal = lambda *shape: (2 * torch.randn(*shape)).to(torch.float32).to(torch.float64)
    student, teacher = normal(rows[0], len(STUDENT)), normal(rows[1], len(TEACHER))
    ULDLoss = functions_of_trl(sys.argv[1])
    document = {
        "student": {"tokens": STUDENT, "reads": STUDENT_READS, "logits": student.tolist()},
        "teacher": {"tokens": TEACHER, "reads": TEACHER_READS, "logits": teacher.tolist()},
        "cases": [case(ULDLoss, student, teacher, *one) for one in CASES],
    }
    print(json.dumps(document))


main()
