"""Intervals as scipy has them, of numbers that the test makes by the same rule: prints what lies in intervals-by-scipy.json.

Run with scipy 1.17: python test/distill/intervals_by_scipy.py > test/distill/intervals-by-scipy.json
"""

import json

import numpy as np
from scipy import stats

SEEDS, ROWS = 4, 60


def number(model, seed, row):
    """0 to 1, of no pattern that matters."""
    return ((model * 7919 + seed * 1543 + row * 104729 + model * seed * 613 + row * row * 31 + seed * row * 17) % 1009) / 1009


def table(model):
    return np.array([[number(model, seed, row) for row in range(ROWS)] for seed in range(SEEDS)])


def interval(result):
    return [float(result.confidence_interval(0.95).low), float(result.confidence_interval(0.95).high)]


def fieller(above, below):
    """Fieller (1954) in closed form: the roots of (a - r b)^2 = t^2 (va - 2 r vab + r^2 vb)."""
    n = len(above)
    t = stats.t.ppf(0.975, n - 1)
    va, vb, vab = np.var(above, ddof=1) / n, np.var(below, ddof=1) / n, np.cov(above, below)[0, 1] / n
    a, b = above.mean(), below.mean()
    return sorted(float(root) for root in np.roots([b * b - t * t * vb, 2 * (t * t * vab - a * b), a * a - t * t * va]).real)


student, control, teacher = table(1), table(2), table(3)[0]
student = 0.3 + 0.5 * student + 0.4 * control + np.array([0, 0.2, -0.15, 0.1])[:, None] + (np.arange(ROWS) % 5) / 10
gain = student - control
by_seed = gain.mean(axis=1)
# Two ways: seeds, rows, and what is left, which is both together. What of the rows' variance all seeds share is what is not left.
rows = gain.mean(axis=0)
left = gain - by_seed[:, None] - rows[None] + gain.mean()
together = (left**2).sum() / ((SEEDS - 1) * (ROWS - 1))
of_seeds = by_seed.var(ddof=1) / SEEDS
of_rows = max(0, rows.var(ddof=1) - together / SEEDS) / ROWS
quantiles = stats.t.ppf(0.975, SEEDS - 1), stats.t.ppf(0.975, ROWS - 1)
half = (quantiles[0] * of_seeds + quantiles[1] * of_rows) / np.sqrt(of_seeds + of_rows)
bootstrap = stats.bootstrap(
    (student[0], control[0]), lambda a, b, axis: a.mean(axis=axis) - b.mean(axis=axis), paired=True, method="percentile",
    n_resamples=20000, vectorized=True, rng=np.random.default_rng(1),
)
document = {
    "quantiles": {str(df): float(stats.t.ppf(0.975, df)) for df in (1, 2, 3, 4, 7, 10, 59, 400, 3999)},
    "pairedOverSeeds": interval(stats.ttest_rel(student.mean(axis=1), control.mean(axis=1))),
    "pairedOverRows": interval(stats.ttest_rel(student.mean(axis=0), control.mean(axis=0))),
    "overBoth": [float(gain.mean() - half), float(gain.mean() + half)],
    "partsOfBoth": {"seeds": float(of_seeds), "rows": float(of_rows)},
    "percentiles": [float(bootstrap.confidence_interval.low), float(bootstrap.confidence_interval.high)],
    "fiellerOverSeeds": fieller(by_seed, (1.2 - control).mean(axis=1)),
    "fiellerOverRows": fieller(rows, (1.2 - control).mean(axis=0)),
}
print(json.dumps(document, indent=2))
