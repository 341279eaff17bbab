"""What a model is apart from its weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

ProblemType = Literal["single-label", "multi-label", "regression"]


@dataclass(frozen=True)
class Rotary:
    """Rotary positions: theta and how its frequencies are changed for longer texts."""

    theta: float
    scaling: dict[str, Any] | None = None


@dataclass(frozen=True)
class Architecture:
    """A model apart from its weights, as ``src/model/architecture.ts`` has it."""

    family: str
    head: Literal["sequence-classification", "token-classification", "masked-lm", "causal-lm"]
    hidden_size: int
    layers: int
    heads: int
    intermediate_size: int
    vocabulary_size: int
    max_positions: int
    type_vocabulary_size: int
    activation: str
    layer_norm_epsilon: float
    dropout: float
    attention_dropout: float
    embedding_dropout: float
    classifier_dropout: float
    tie_word_embeddings: bool
    labels: list[str] | None = None
    problem_type: ProblemType = "single-label"
    pad_id: int | None = None
    key_value_heads: int | None = None
    head_size: int | None = None
    rotary: Rotary | None = None
    rotary_layers: list[bool] | None = None
    sliding_window: int | None = None
    sliding_layers: list[bool] | None = None
    embedding_size: int | None = None
    sliding_rotary: Rotary | None = None
    pools_mean: bool = False
    query_scalar: float | None = None
    score_cap: float | None = None
    logit_cap: float | None = None

    @property
    def is_language_model(self) -> bool:
        """Whether it predicts tokens of the vocabulary."""
        return self.head in ("masked-lm", "causal-lm")

    @property
    def predicts_tokens(self) -> bool:
        """Whether its predictions are of tokens, whatever they say of them, rather than one of each text."""
        return self.head != "sequence-classification"

    @property
    def width_of_head(self) -> int:
        """Elements of a head of queries."""
        return self.head_size or self.hidden_size // self.heads

    @property
    def shared_heads(self) -> int:
        """Heads of keys and values."""
        return self.key_value_heads or self.heads
