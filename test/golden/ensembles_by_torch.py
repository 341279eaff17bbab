"""An ensemble's soft labels, and what a student learns from them, as PyTorch's autograd has them in float64: prints what lies in data/ensembles.json.

Run with PyTorch, of any version (1.13 made what is there): python test/golden/ensembles_by_torch.py > test/golden/data/ensembles.json
"""

import json

import torch
import torch.nn.functional as F

torch.manual_seed(12)

ROWS, CLASSES, VOCABULARY = 4, 5, 7
WEIGHTS = [0.5, 0.3, 0.2]
WIDTHS = [3, 2, 4]  # of the members; their heads are padded by as many tokens as PADDING says
PADDING = [0, 2, 1]
STUDENT_WIDTH = 3
ALPHA = 0.7
COUNTED = [1.0, 1.0, 0.0, 1.0]
CASES = [("forward-kl", 1.0), ("forward-kl", 2.0), ("forward-kl", 8.0), ("reverse-kl", 2.0), ("jsd", 4.0)]


def normal(*shape, scale=1.0):
    """What float32 holds exactly, in float64."""
    return (scale * torch.randn(*shape)).to(torch.float32).to(torch.float64)


def mean(members, temperature):
    """log Q, Q = sum of w softmax(z / T)."""
    terms = [F.log_softmax(logits / temperature, -1) + torch.tensor(w, dtype=torch.float64).log() for logits, w in zip(members, WEIGHTS)]
    return torch.logsumexp(torch.stack(terms), 0)


def divergence(name, student, log_q, temperature):
    log_s = F.log_softmax(student / temperature, -1)
    kl = lambda log_p, log_r: F.kl_div(log_r, log_p, reduction="none", log_target=True).sum(-1)  # KL(p || r)
    if name == "forward-kl":
        return kl(log_q, log_s)
    if name == "reverse-kl":
        return kl(log_s, log_q)
    log_m = torch.logsumexp(torch.stack([log_q, log_s]), 0) - torch.log(torch.tensor(2.0, dtype=torch.float64))
    return 0.5 * kl(log_q, log_m) + 0.5 * kl(log_s, log_m)


def losses(name, student, log_q, labels, temperature):
    counted = torch.tensor(COUNTED, dtype=torch.float64)
    soft = (divergence(name, student, log_q, temperature) * counted).sum() / counted.sum()
    hard = (F.cross_entropy(student, labels, reduction="none") * counted).sum() / counted.sum()
    return soft, hard, ALPHA * temperature**2 * soft + (1 - ALPHA) * hard


def listed(tensor):
    return tensor.detach().tolist()


def classifiers():
    members = [normal(ROWS, CLASSES, scale=3) for _ in WEIGHTS]
    student = normal(ROWS, CLASSES).requires_grad_()
    labels = torch.tensor([4, 0, 1, 2])
    cases = []
    for name, temperature in CASES:
        log_q = mean(members, temperature)
        soft, hard, total = losses(name, student, log_q, labels, temperature)
        (gradient,) = torch.autograd.grad(total, [student])
        cases.append({
            "divergence": name, "temperature": temperature, "softLabels": listed(log_q.exp()),
            "soft": soft.item(), "hard": hard.item(), "total": total.item(), "gradient": listed(gradient),
        })
    return {"members": [listed(one) for one in members], "student": listed(student), "labels": labels.tolist(), "cases": cases}


def language_models():
    members = [
        {"hidden": normal(ROWS, width), "weight": normal(VOCABULARY + padding, width, scale=2), "bias": normal(VOCABULARY + padding)}
        for width, padding in zip(WIDTHS, PADDING)
    ]
    hidden, weight = normal(ROWS, STUDENT_WIDTH).requires_grad_(), normal(VOCABULARY, STUDENT_WIDTH).requires_grad_()
    labels = torch.tensor([6, 0, 3, 2])
    cases = []
    for name, temperature in CASES:
        logits = [(one["hidden"] @ one["weight"].T + one["bias"])[:, :VOCABULARY] for one in members]
        soft, hard, total = losses(name, hidden @ weight.T, mean(logits, temperature), labels, temperature)
        gradients = torch.autograd.grad(total, [hidden, weight])
        cases.append({
            "divergence": name, "temperature": temperature, "soft": soft.item(), "hard": hard.item(), "total": total.item(),
            "hiddenGradient": listed(gradients[0]), "weightGradient": listed(gradients[1]),
        })
    return {
        "members": [{name: listed(tensor) for name, tensor in one.items()} for one in members],
        "student": {"hidden": listed(hidden), "weight": listed(weight)}, "labels": labels.tolist(), "cases": cases,
    }


print(json.dumps({"weights": WEIGHTS, "alpha": ALPHA, "counted": COUNTED, "classifiers": classifiers(), "languageModels": language_models()}))
