"""Measures where several labels may apply, and where the label is a number, as scikit-learn and scipy have them: prints what lies in label-metrics.json.

Run with scikit-learn 1.9 and scipy 1.17: python test/distill/label_metrics_by_sklearn.py > test/distill/label-metrics.json
"""

import json
import warnings

import numpy as np
from scipy import stats
from sklearn.metrics import average_precision_score, f1_score, root_mean_squared_error

warnings.simplefilter("ignore")
random = np.random.default_rng(7)
ROWS, LABELS = 40, 6

# Rounded, so that scores are tied. The last label applies to no row, and the one before neither applies nor is said.
applies = (random.random((ROWS, LABELS)) < [0.5, 0.3, 0.1, 0.6, 0.0, 0.0]).astype(int)
scores = np.round(random.normal(size=(ROWS, LABELS)) + 1.2 * applies - [0.5, 0.5, 1.5, 0.0, 9.0, 0.0], 1)
said = (scores >= 0).astype(int)
weights = random.integers(0, 4, ROWS)

with_rows = [label for label in range(LABELS) if applies[:, label].any()]
drawn_with_rows = [label for label in range(LABELS) if applies[weights > 0, label].any()]


def mean_precision(labels, **options):
    return float(np.mean([average_precision_score(applies[:, label], scores[:, label], **options) for label in labels]))


labels = np.round(random.normal(3, 1.5, ROWS), 1)  # with ties
values = np.round(labels + random.normal(0.2, 1, ROWS), 1)


def repeated(of):
    return np.repeat(of, weights)


print(
    json.dumps(
        {
            "shape": [ROWS, LABELS],
            "weights": weights.tolist(),
            "several": {
                "applies": applies.flatten().tolist(),
                "scores": scores.flatten().tolist(),
                "microF1": f1_score(applies, said, average="micro"),
                "macroF1": f1_score(applies, said, average="macro", zero_division=np.nan),
                "meanAveragePrecision": mean_precision(with_rows),
                "weighted": mean_precision(drawn_with_rows, sample_weight=weights),
            },
            "numbers": {
                "labels": labels.tolist(),
                "values": values.tolist(),
                "rmse": root_mean_squared_error(labels, values),
                "pearson": float(stats.pearsonr(labels, values).statistic),
                "spearman": float(stats.spearmanr(labels, values).statistic),
                "weightedPearson": float(stats.pearsonr(repeated(labels), repeated(values)).statistic),
                "weightedSpearman": float(stats.spearmanr(repeated(labels), repeated(values)).statistic),
            },
        }
    )
)
