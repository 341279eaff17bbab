"""Hard losses with smoothed labels as PyTorch's autograd has them in float64: prints what lies in data/label-smoothing.json.

Run with PyTorch, of any version (2.15 made what is there): python test/golden/label_smoothing_by_torch.py > test/golden/data/label-smoothing.json
"""

import json

import torch
import torch.nn.functional as F

torch.manual_seed(44)

ROWS, WIDTH, CLASSES = 5, 3, 7
SMOOTHING = 0.1
CAP = 1.5
COUNTED = [1.0, 1.0, 0.0, 1.0, 1.0]
counted = torch.tensor(COUNTED, dtype=torch.float64)


def normal(*shape, scale=1.0):
    """What float32 holds exactly, in float64."""
    return (scale * torch.randn(*shape)).to(torch.float32).to(torch.float64)


def over(values):
    return (values * counted).sum() / counted.sum()


def measured(loss, *variables):
    loss.backward()
    return {"hard": loss.item(), "gradients": [v.grad.flatten().tolist() for v in variables]}


logits = normal(ROWS, CLASSES, scale=4)
labels = torch.randint(CLASSES, (ROWS,))
own = logits.clone().requires_grad_()
one = measured(over(F.cross_entropy(own, labels, reduction="none", label_smoothing=SMOOTHING)), own)

# Of each label that applies or not, the two have ε/2 each.
applies = (torch.rand(ROWS, CLASSES) < 0.4).to(torch.float64)
own = logits.clone().requires_grad_()
smoothed = applies * (1 - SMOOTHING) + SMOOTHING / 2
several = measured(over(F.binary_cross_entropy_with_logits(own, smoothed, reduction="none").mean(-1)), own)

hidden, weight, bias = normal(ROWS, WIDTH), normal(CLASSES, WIDTH), normal(CLASSES)


def over_vocabulary(cap):
    variables = [x.clone().requires_grad_() for x in (hidden, weight, bias)]
    z = F.linear(*variables)
    z = z if cap is None else cap * torch.tanh(z / cap)
    return measured(over(F.cross_entropy(z, labels, reduction="none", label_smoothing=SMOOTHING)), *variables)


print(
    json.dumps(
        {
            "smoothing": SMOOTHING,
            "shape": [ROWS, CLASSES],
            "counted": COUNTED,
            "logits": logits.flatten().tolist(),
            "labels": labels.tolist(),
            "applies": applies.flatten().tolist(),
            "one": one,
            "several": several,
            "head": {
                "width": WIDTH,
                "cap": CAP,
                "hidden": hidden.flatten().tolist(),
                "weight": weight.flatten().tolist(),
                "bias": bias.flatten().tolist(),
                "plain": over_vocabulary(None),
                "capped": over_vocabulary(CAP),
            },
        }
    )
)
