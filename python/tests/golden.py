"""What Python transformers computed, as the tests of Distillery's own engines have it (test/golden/data)."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from distillery_torch.architecture import Architecture, Rotary

DATA = Path(__file__).parents[2] / "test" / "golden" / "data"


def architecture_of(folder: Path) -> Architecture:
    """Read a published config.json, as far as the golden models need it."""
    c: dict[str, Any] = json.loads((folder / "config.json").read_text("utf-8"))
    kind = c["architectures"][0]
    heads = {"Sequence": "sequence-classification", "Token": "token-classification", "Masked": "masked-lm"}
    head = next((head for part, head in heads.items() if part in kind), "causal-lm")
    problem = {"multi_label_classification": "multi-label", "regression": "regression"}.get(c.get("problem_type"))
    gpt2 = c["model_type"] == "gpt2"
    positions = c["n_positions" if gpt2 else "max_position_embeddings"]
    if "roberta" in c["model_type"] or c["model_type"] == "mpnet":
        positions -= c["pad_token_id"] + 1
    dropout = c.get("hidden_dropout_prob", c.get("resid_pdrop", 0.0))
    sliding = c.get("layer_types")

    def first(*names: str) -> Any:
        return next((c[name] for name in names if c.get(name) is not None), None)

    return Architecture(
        family=c["model_type"],
        head=head,
        hidden_size=first("hidden_size", "n_embd", "dim"),
        layers=first("num_hidden_layers", "n_layer", "n_layers"),
        heads=first("num_attention_heads", "n_head", "n_heads"),
        intermediate_size=first("intermediate_size", "n_inner", "hidden_dim") or 4 * c["n_embd"],
        vocabulary_size=c["vocab_size"],
        max_positions=positions,
        type_vocabulary_size=c.get("type_vocab_size", 0),
        activation=first("hidden_act", "activation_function", "activation", "hidden_activation"),
        # DistilBERT's config names none: a constant of its code.
        layer_norm_epsilon=first("layer_norm_eps", "layer_norm_epsilon", "rms_norm_eps", "norm_eps") or 1e-12,
        dropout=dropout,
        attention_dropout=0.0,
        embedding_dropout=0.0,
        classifier_dropout=0.0,
        tie_word_embeddings=c.get("tie_word_embeddings", True),
        labels=[c["id2label"][key] for key in sorted(c["id2label"], key=int)] if "id2label" in c else None,
        problem_type=problem or "single-label",
        pad_id=c.get("pad_token_id"),
        key_value_heads=c.get("num_key_value_heads"),
        head_size=c.get("head_dim"),
        rotary=_rotary(c, "full_attention") if "rope_parameters" in c or "num_key_value_heads" in c else None,
        rotary_layers=[bool(one) for one in c["no_rope_layers"]] if c.get("no_rope_layers") else None,
        sliding_window=first("sliding_window", "local_attention"),
        sliding_layers=[one == "sliding_attention" for one in sliding]
        if sliding
        else [c["model_type"] in ("mistral", "phi3")] * c.get("num_hidden_layers", 0),
        embedding_size=c.get("embedding_size"),
        sliding_rotary=_rotary(c, "sliding_attention") if "sliding_attention" in c.get("rope_parameters", {}) else None,
        pools_mean=c.get("classifier_pooling") == "mean",
        query_scalar=c.get("query_pre_attn_scalar"),
        score_cap=c.get("attn_logit_softcapping"),
        logit_cap=c.get("final_logit_softcapping"),
    )


def _rotary(c: dict[str, Any], layers: str) -> Rotary:
    r = c.get("rope_parameters") or c.get("rope_scaling") or {}
    r = r.get(layers, r)
    theta = r.get("rope_theta", c.get("rope_theta", 10000.0))
    kind = r.get("rope_type", "default")
    if kind == "default":
        return Rotary(theta)
    scaling = {
        "type": kind,
        "factor": r["factor"],
        "low_frequency_factor": r.get("low_freq_factor"),
        "high_frequency_factor": r.get("high_freq_factor"),
        "original_positions": r.get("original_max_position_embeddings", c["max_position_embeddings"]),
        "beta_fast": r.get("beta_fast") or 32,
        "beta_slow": r.get("beta_slow") or 1,
        "truncate": r.get("truncate", True),
        "attention_factor": r.get("attention_factor"),
    }
    if kind == "yarn" and scaling["attention_factor"] is None:
        scaling["attention_factor"] = 0.1 * math.log(r["factor"]) + 1
    return Rotary(theta, scaling)
