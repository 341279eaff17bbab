"""Losses where several labels may apply, and where the label is a number, as PyTorch's autograd has them in float64: prints what lies in data/label-losses.json.

Run with PyTorch, of any version (1.13 made what is there): python test/golden/label_losses_by_torch.py > test/golden/data/label-losses.json
"""

import json

import torch
import torch.nn.functional as F

torch.manual_seed(43)

ROWS, LABELS = 4, 5
COUNTED = [1.0, 1.0, 0.0, 1.0]
LABELLED = [1.0, 0.0, 0.0, 1.0]  # the second row is one that only the teacher judges
ALPHA = 0.7
WEIGHTS = [0.5, 0.3, 0.2]
CASES = [(name, beta, t) for name, beta in [("forward-kl", 0.5), ("reverse-kl", 0.5), ("skew-kl", 0.1), ("jsd", 0.3), ("tvd", 0.5)] for t in [1.0, 2.0, 8.0]]


def normal(*shape, scale=1.0):
    """What float32 holds exactly, in float64."""
    return (scale * torch.randn(*shape)).to(torch.float32).to(torch.float64)


def bernoulli(logits, temperature):
    """The two log-probabilities of each label: that it applies, and that it does not."""
    return torch.stack([F.logsigmoid(logits / temperature), F.logsigmoid(-logits / temperature)], -1)


def kl(p, q):
    return (p.exp() * (p - q)).sum(-1)


def mixture(p, q, beta):
    return torch.logaddexp(p + torch.tensor(beta, dtype=p.dtype).log(), q + torch.tensor(1 - beta, dtype=q.dtype).log())


def divergence(name, student, teacher, temperature, beta):
    """[rows]: the mean over the labels."""
    s, q = bernoulli(student, temperature), bernoulli(teacher, temperature)
    by_label = {
        "forward-kl": lambda: kl(q, s),
        "reverse-kl": lambda: kl(s, q),
        "skew-kl": lambda: kl(q, mixture(q, s, beta)),
        "jsd": lambda: beta * kl(q, mixture(q, s, beta)) + (1 - beta) * kl(s, mixture(q, s, beta)),
        "tvd": lambda: 0.5 * (s.exp() - q.exp()).abs().sum(-1),
    }[name]()
    return by_label.mean(-1)


counted, labelled = (torch.tensor(which, dtype=torch.float64) for which in (COUNTED, LABELLED))


def over(values, which):
    return (values * which).sum() / which.sum()


def measured(soft, hard, scale, student):
    total = ALPHA * scale * soft + (1 - ALPHA) * hard
    total.backward()
    return {"soft": soft.item(), "hard": hard.item(), "total": total.item(), "gradient": student.grad.flatten().tolist()}


# Far from 0 too, where a naive sigmoid's logarithm is lost.
student, teacher = normal(ROWS, LABELS, scale=3), normal(ROWS, LABELS, scale=6)
student[0, 0], teacher[0, 0], teacher[1, 1] = 40.0, -45.0, 60.0
applies = (torch.rand(ROWS, LABELS) < 0.4).to(torch.float64)
several = []
for name, beta, temperature in CASES:
    own = student.clone().requires_grad_()
    soft = over(divergence(name, own, teacher, temperature, beta), counted)
    hard = over(F.binary_cross_entropy_with_logits(own, applies, reduction="none").mean(-1), labelled)
    several.append({"divergence": name, "beta": beta, "temperature": temperature, **measured(soft, hard, temperature**2, own)})

members = [normal(ROWS, LABELS, scale=3) for _ in WEIGHTS]


def mean_logits(temperature):
    q = sum(w * torch.sigmoid(m / temperature) for w, m in zip(WEIGHTS, members))
    return (temperature * torch.logit(q)).flatten().tolist()


numbers, said, target = normal(ROWS, 1, scale=2), normal(ROWS, 1, scale=2), normal(ROWS, 1, scale=2)
own = numbers.clone().requires_grad_()
regression = measured(over(((own - said) ** 2).mean(-1), counted), over(((own - target) ** 2).mean(-1), labelled), 1.0, own)

print(
    json.dumps(
        {
            "counted": COUNTED,
            "labelled": LABELLED,
            "alpha": ALPHA,
            "several": {
                "shape": [ROWS, LABELS],
                "student": student.flatten().tolist(),
                "teacher": teacher.flatten().tolist(),
                "labels": applies.flatten().tolist(),
                "cases": several,
            },
            "ensemble": {
                "weights": WEIGHTS,
                "members": [m.flatten().tolist() for m in members],
                "means": [{"temperature": t, "logits": mean_logits(t)} for t in [1.0, 4.0]],
            },
            "number": {
                "student": numbers.flatten().tolist(),
                "teacher": said.flatten().tolist(),
                "labels": target.flatten().tolist(),
                **regression,
            },
        }
    )
)
