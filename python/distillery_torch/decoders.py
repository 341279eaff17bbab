"""GPT-2, Llama and its descendants: a token sees those before it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, cast

import torch
import torch.nn.functional as F
from torch import nn

from distillery_torch.transformer import (
    ACTIVATIONS,
    Block,
    Computed,
    Dropout,
    Forward,
    Model,
    Named,
    States,
    Turns,
    Vectors,
    attend,
    causal_bias,
    last_rows,
    run_blocks,
    split_heads,
    thirds,
    turn,
    turns_of,
)

if TYPE_CHECKING:
    from distillery_torch.architecture import Architecture
    from distillery_torch.data import Batch


# GPT-2: norms before attention and MLP, learned positions (Radford et al., 2019).


class Conv1D(nn.Module):
    """A linear layer whose weight is [in, out], as GPT-2's checkpoints have it."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[..., in] → [..., out]."""
        return F.linear(x, self.weight.T, self.bias)


class Gpt2Block(Block):
    """x [B, L, D] → the same shape, or [R, D] where rows are chosen."""

    def __init__(self, a: Architecture) -> None:
        super().__init__()
        self.a = a
        width, inner = a.hidden_size, a.intermediate_size
        self.ln_1 = nn.LayerNorm(width, a.layer_norm_epsilon)
        self.attn = Named(c_attn=Conv1D(width, 3 * width), c_proj=Conv1D(width, width))
        self.ln_2 = nn.LayerNorm(width, a.layer_norm_epsilon)
        self.mlp = Named(c_fc=Conv1D(width, inner), c_proj=Conv1D(inner, width))

    def compute(self, x: torch.Tensor, forward: Forward, bias: torch.Tensor) -> Computed:
        """See the class."""
        a, choose, chosen = self.a, forward.choose, forward.choose is not None
        projected = thirds(self.attn.c_attn(self.ln_1(x)))
        query, key, value = (split_heads(part, a.heads) for part in projected)
        context, scores = attend(query, key, value, bias, a, forward)
        if choose:
            context, x = choose(context), choose(x)
        attended = forward.dropout(self.attn.c_proj(context), a.dropout, chosen=chosen) + x
        inner = ACTIVATIONS[a.activation](self.mlp.c_fc(self.ln_2(attended)))
        output = forward.dropout(self.mlp.c_proj(inner), a.dropout, chosen=chosen) + attended
        return output, scores, projected if forward.vectors else None


class Gpt2(Model):
    """GPT-2 with its tied head, or a classifier."""

    def __init__(self, a: Architecture) -> None:
        super().__init__(a)
        self.transformer = Named(
            wte=nn.Embedding(a.vocabulary_size, a.hidden_size),
            wpe=nn.Embedding(a.max_positions, a.hidden_size),
            h=nn.ModuleList(Gpt2Block(a) for _ in range(a.layers)),
            ln_f=nn.LayerNorm(a.hidden_size, a.layer_norm_epsilon),
        )
        if not a.is_language_model:
            self.score = nn.Linear(a.hidden_size, len(a.labels or []), bias=False)

    def blocks(self) -> list[Block]:
        """See ``Model``."""
        return list(self.transformer.h)

    def states(self, batch: Batch, forward: Forward) -> States:
        """See ``Model``."""
        positions = torch.arange(batch.input_ids.shape[1], device=batch.input_ids.device)
        x = self.transformer.wte(batch.input_ids) + self.transformer.wpe(positions)
        x = forward.dropout(x, self.a.embedding_dropout)
        bias = causal_bias(batch.attention_mask, None)
        blocks = cast("nn.ModuleList", self.transformer.h)
        return run_blocks(blocks, x, forward, lambda _: (bias,), self.transformer.ln_f)

    def vocabulary_weights(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        """See ``Model``."""
        return cast("torch.Tensor", self.transformer.wte.weight), None

    def classified(self, batch: Batch, x: torch.Tensor) -> torch.Tensor:
        """See ``Model``."""
        return last_rows(self.a, batch, x)

    def classify(self, rows: torch.Tensor, dropout: Dropout) -> torch.Tensor:
        """See ``Model``."""
        return cast("torch.Tensor", self.score(rows))


# Llama and the decoders that descend from it: RMS norms, rotary positions, gated MLP.


@dataclass(frozen=True)
class Decoder:
    """What a family has of its own among them; the fields are those of ``src/model/layouts/rms-decoder.ts``."""

    before_attention: str | None = "input_layernorm"
    after_attention: str | None = None
    before_mlp: str | None = "post_attention_layernorm"
    after_mlp: str | None = None
    has_bias: bool = False
    norms_queries_and_keys: Literal["each", "together"] | None = None
    adds_one_to_norms: bool = False
    scales_embeddings: bool = False
    joins_matrices: bool = False


_GEMMA = Decoder(
    after_attention="post_attention_layernorm",
    before_mlp="pre_feedforward_layernorm",
    after_mlp="post_feedforward_layernorm",
    adds_one_to_norms=True,
    scales_embeddings=True,
)

DECODERS: dict[str, Decoder] = {
    "llama": Decoder(),
    "mistral": Decoder(),
    "qwen2": Decoder(has_bias=True),
    "qwen3": Decoder(norms_queries_and_keys="each"),
    "smollm3": Decoder(),
    "gemma": Decoder(adds_one_to_norms=True, scales_embeddings=True),
    "gemma2": _GEMMA,
    "gemma3_text": replace(_GEMMA, norms_queries_and_keys="each"),
    "olmo2": Decoder(
        before_attention=None,
        after_attention="post_attention_layernorm",
        before_mlp=None,
        after_mlp="post_feedforward_layernorm",
        norms_queries_and_keys="together",
    ),
    "phi3": Decoder(joins_matrices=True),
}


class _RmsNorm(nn.Module):
    """x / √(mean x² + ε) · weight, or · (1 + weight), as Gemma has it (Zhang and Sennrich, 2019)."""

    def __init__(self, size: int, epsilon: float, *, adds_one: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(size))
        self.epsilon, self.adds_one = epsilon, adds_one

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Norm the last axis."""
        weight = 1 + self.weight if self.adds_one else self.weight
        return F.rms_norm(x, weight.shape, weight, self.epsilon)


class LlamaBlock(Block):
    """x [B, L, D] → the same shape, or [R, D] where rows are chosen."""

    def __init__(self, a: Architecture) -> None:
        super().__init__()
        self.a, self.own = a, DECODERS[a.family]
        own, width, inner = self.own, a.hidden_size, a.intermediate_size
        self.queries, self.keys = a.heads * a.width_of_head, a.shared_heads * a.width_of_head

        def norm(size: int) -> nn.Module:
            return _RmsNorm(size, a.layer_norm_epsilon, adds_one=own.adds_one_to_norms)

        sizes = {"q": self.queries, "k": self.keys, "v": self.keys}
        if own.joins_matrices:
            sizes = {"qkv": self.queries + 2 * self.keys}
        attention: dict[str, nn.Module] = {
            f"{part}_proj": nn.Linear(width, size, bias=own.has_bias) for part, size in sizes.items()
        }
        attention["o_proj"] = nn.Linear(self.queries, width, bias=False)
        if own.norms_queries_and_keys:
            each = own.norms_queries_and_keys == "each"
            attention["q_norm"] = norm(a.width_of_head if each else self.queries)
            attention["k_norm"] = norm(a.width_of_head if each else self.keys)
        self.self_attn = Named(**attention)
        parts = {"gate_up": 2 * inner} if own.joins_matrices else {"gate": inner, "up": inner}
        mlp: dict[str, nn.Module] = {f"{part}_proj": nn.Linear(width, size, bias=False) for part, size in parts.items()}
        self.mlp = Named(**mlp, down_proj=nn.Linear(inner, width, bias=False))
        for name in (own.before_attention, own.after_attention, own.before_mlp, own.after_mlp):
            if name is not None:
                self.add_module(name, norm(width))

    def _norm(self, name: str | None, x: torch.Tensor) -> torch.Tensor:
        return x if name is None else cast("torch.Tensor", self.get_submodule(name)(x))

    def _project(self, x: torch.Tensor) -> Vectors:
        """X [B, L, D] → queries, keys and values, all heads beside each other."""
        attention = self.self_attn
        if self.own.joins_matrices:
            query, key, value = attention.qkv_proj(x).split([self.queries, self.keys, self.keys], -1)
            return query, key, value
        return attention.q_proj(x), attention.k_proj(x), attention.v_proj(x)

    def _heads(self, projected: Vectors) -> Vectors:
        """Queries [B, H, L, d], keys and values [B, K, L, d], before they are turned."""
        a, own, attention = self.a, self.own, self.self_attn
        query, key, value = projected
        if own.norms_queries_and_keys == "together":
            query, key = attention.q_norm(query), attention.k_norm(key)
        query, key, value = (
            split_heads(query, a.heads),
            split_heads(key, a.shared_heads),
            split_heads(value, a.shared_heads),
        )
        if own.norms_queries_and_keys == "each":
            query, key = attention.q_norm(query), attention.k_norm(key)
        return query, key, value

    def _mlp(self, x: torch.Tensor) -> torch.Tensor:
        if self.own.joins_matrices:
            gate, up = self.mlp.gate_up_proj(x).chunk(2, -1)
        else:
            gate, up = self.mlp.gate_proj(x), self.mlp.up_proj(x)
        return cast("torch.Tensor", self.mlp.down_proj(ACTIVATIONS[self.a.activation](gate) * up))

    def compute(self, x: torch.Tensor, forward: Forward, bias: torch.Tensor, turns: Turns | None) -> Computed:
        """See the class. ``turns``: none where positions are not told."""
        a, own, choose, chosen = self.a, self.own, forward.choose, forward.choose is not None
        projected = self._project(self._norm(own.before_attention, x))
        query, key, value = self._heads(projected)
        if turns:
            query, key = turn(query, turns), turn(key, turns)
        context, scores = attend(query, key, value, bias, a, forward)
        if choose:
            context, x = choose(context), choose(x)
        output = self._norm(own.after_attention, self.self_attn.o_proj(context))
        attended = forward.dropout(output, a.dropout, chosen=chosen) + x
        inner = self._norm(own.after_mlp, self._mlp(self._norm(own.before_mlp, attended)))
        output = forward.dropout(inner, a.dropout, chosen=chosen) + attended
        return output, scores, projected if forward.vectors else None


class Llama(Model):
    """Llama and its descendants, which ``DECODERS`` describes."""

    def __init__(self, a: Architecture) -> None:
        super().__init__(a)
        self.own = DECODERS[a.family]
        self.model = Named(
            embed_tokens=nn.Embedding(a.vocabulary_size, a.hidden_size),
            layers=nn.ModuleList(LlamaBlock(a) for _ in range(a.layers)),
            norm=_RmsNorm(a.hidden_size, a.layer_norm_epsilon, adds_one=self.own.adds_one_to_norms),
        )
        if not a.is_language_model:
            self.score = nn.Linear(a.hidden_size, len(a.labels or []), bias=False)
        elif not a.tie_word_embeddings:
            self.lm_head = nn.Linear(a.hidden_size, a.vocabulary_size, bias=False)

    def blocks(self) -> list[Block]:
        """See ``Model``."""
        return list(self.model.layers)

    def states(self, batch: Batch, forward: Forward) -> States:
        """See ``Model``."""
        a, mask = self.a, batch.attention_mask
        turns = turns_of(a.rotary, a.width_of_head, mask)
        near_turns = turns_of(a.sliding_rotary, a.width_of_head, mask) if a.sliding_rotary else turns
        full = causal_bias(mask, None)
        near = full if a.sliding_window is None else causal_bias(mask, a.sliding_window)

        def of_block(index: int) -> tuple[object, ...]:
            slides = a.sliding_layers is not None and a.sliding_layers[index]
            turned = a.rotary_layers is None or a.rotary_layers[index]
            return (near if slides else full, (near_turns if slides else turns) if turned else None)

        words = self.model.embed_tokens(batch.input_ids)
        x = forward.dropout(
            words * math.sqrt(a.hidden_size) if self.own.scales_embeddings else words, a.embedding_dropout
        )
        return run_blocks(cast("nn.ModuleList", self.model.layers), x, forward, of_block, self.model.norm)

    def vocabulary_weights(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        """See ``Model``."""
        head = self.model.embed_tokens if self.a.tie_word_embeddings else self.lm_head
        return cast("torch.Tensor", head.weight), None

    def classified(self, batch: Batch, x: torch.Tensor) -> torch.Tensor:
        """See ``Model``."""
        return last_rows(self.a, batch, x)

    def classify(self, rows: torch.Tensor, dropout: Dropout) -> torch.Tensor:
        """See ``Model``."""
        return cast("torch.Tensor", self.score(rows))
