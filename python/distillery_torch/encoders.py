"""BERT and its descendants, DistilBERT, ModernBERT: every token sees the real ones on both sides."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import torch
import torch.nn.functional as F
from torch import nn

from distillery_torch.transformer import (
    ACTIVATIONS,
    RELATIVE_BUCKETS,
    Block,
    Computed,
    Dropout,
    Forward,
    Model,
    Named,
    States,
    Turns,
    attend,
    local_bias,
    padding_bias,
    relative_buckets,
    run_blocks,
    split_heads,
    thirds,
    turn,
    turns_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from distillery_torch.architecture import Architecture
    from distillery_torch.data import Batch


# BERT, RoBERTa, MPNet, ELECTRA and DistilBERT: blocks with their norms after the residual sums.


@dataclass(frozen=True)
class _PostNorm:
    """The parts of a block under whatever names its checkpoint has for them."""

    query: nn.Module
    key: nn.Module
    value: nn.Module
    attention_output: nn.Module
    attention_norm: nn.Module
    inner: nn.Module
    outer: nn.Module
    output_norm: nn.Module

    def forward(
        self,
        a: Architecture,
        x: torch.Tensor,
        forward: Forward,
        bias: torch.Tensor,
        relative: torch.Tensor | None = None,
    ) -> Computed:
        """Compute a block: x [B, L, D] → see ``Computed``."""
        choose, chosen = forward.choose, forward.choose is not None
        residual = choose(x) if choose else x
        # A token that no head reads need not ask, only be seen.
        asking = residual[:, None] if forward.chooses_one_of_each else x
        projected = (self.query(asking), self.key(x), self.value(x))
        queries = self.query(x) if forward.vectors and forward.chooses_one_of_each else projected[0]
        query, key, value = (split_heads(part, a.heads) for part in projected)
        if relative is not None and forward.chooses_one_of_each:
            relative = relative[:, :, :1]
        context, scores = attend(query, key, value, bias, a, forward, relative)
        if choose:
            context = context[:, 0] if forward.chooses_one_of_each else choose(context)
        attention = forward.dropout(self.attention_output(context), a.dropout, chosen=chosen)
        attended = self.attention_norm(attention + residual)
        mlp = forward.dropout(self.outer(ACTIVATIONS[a.activation](self.inner(attended))), a.dropout, chosen=chosen)
        vectors = (queries, projected[1], projected[2]) if forward.vectors else None
        return self.output_norm(mlp + attended), scores, vectors


class BertBlock(Block):
    """x [B, L, D] → the same shape, or [R, D] where rows are chosen."""

    def __init__(self, a: Architecture) -> None:
        super().__init__()
        self.a = a
        width, inner = a.hidden_size, a.intermediate_size

        def output(inputs: int) -> Named:
            return Named(dense=nn.Linear(inputs, width), LayerNorm=nn.LayerNorm(width, a.layer_norm_epsilon))

        heads = {name: nn.Linear(width, width) for name in ("query", "key", "value")}
        self.attention = Named(self=Named(**heads), output=output(width))
        self.intermediate = Named(dense=nn.Linear(width, inner))
        self.output = output(inner)

    def compute(self, x: torch.Tensor, forward: Forward, bias: torch.Tensor) -> Computed:
        """See the class."""
        own, attention = self.attention.self, self.attention.output
        parts = _PostNorm(
            own.query,
            own.key,
            own.value,
            attention.dense,
            attention.LayerNorm,
            self.intermediate.dense,
            self.output.dense,
            self.output.LayerNorm,
        )
        return parts.forward(self.a, x, forward, bias)


class BertEncoder(Model):
    """The encoder that BERT and its descendants share; what stands on it is theirs."""

    sees_both_sides = True

    def __init__(
        self,
        a: Architecture,
        base_name: str,
        first_position: int = 0,
        block: Callable[[Architecture], Block] = BertBlock,
    ) -> None:
        super().__init__(a)
        self.base_name, self.first_position = base_name, first_position
        width = a.embedding_size or a.hidden_size
        tables = {
            "word": a.vocabulary_size,
            "position": a.max_positions + first_position,
            "token_type": a.type_vocabulary_size,
        }
        parts: dict[str, nn.Module] = {
            "embeddings": Named(
                **{f"{name}_embeddings": nn.Embedding(rows, width) for name, rows in tables.items() if rows > 0},
                LayerNorm=nn.LayerNorm(width, a.layer_norm_epsilon),
            )
        }
        self.projects = width != a.hidden_size
        if self.projects:
            parts["embeddings_project"] = nn.Linear(width, a.hidden_size)
        parts["encoder"] = Named(**self.below_blocks(), layer=nn.ModuleList(block(a) for _ in range(a.layers)))
        self.add_module(base_name, Named(**parts))

    @property
    def base(self) -> Named:
        """The backbone, under its name."""
        return cast("Named", getattr(self, self.base_name))

    def blocks(self) -> list[Block]:
        """See ``Model``."""
        return list(self.base.encoder.layer)

    def states(self, batch: Batch, forward: Forward) -> States:
        """See ``Model``."""
        embeddings, length = self.base.embeddings, batch.input_ids.shape[1]
        positions = torch.arange(self.first_position, self.first_position + length, device=batch.input_ids.device)
        x = embeddings.word_embeddings(batch.input_ids)
        if self.a.type_vocabulary_size > 0:
            # A table of one row, as RoBERTa's published models have it, has that one for all tokens.
            x = x + embeddings.token_type_embeddings(batch.type_ids.clamp(max=self.a.type_vocabulary_size - 1))
        x = embeddings.LayerNorm(x + embeddings.position_embeddings(positions))
        x = forward.dropout(x, self.a.embedding_dropout)
        if self.projects:
            x = self.base.embeddings_project(x)
        seeing = (padding_bias(batch.attention_mask), *self.by_distance(length))
        return run_blocks(cast("nn.ModuleList", self.base.encoder.layer), x, forward, lambda _: seeing, None)

    def below_blocks(self) -> dict[str, nn.Module]:
        """Give what the encoder has beside its blocks, by its name; before them, as what all of them read."""
        return {}

    def by_distance(self, _length: int) -> tuple[torch.Tensor, ...]:
        """Give what every block is told of distances, [1, H, L, L]; nothing in most families."""
        return ()

    def classified(self, batch: Batch, x: torch.Tensor) -> torch.Tensor:
        """See ``Model``: the first token."""
        return x[:, 0]

    def classify_words(self, rows: torch.Tensor, dropout: Dropout) -> torch.Tensor:
        """See ``Model``."""
        return _words_logits(self, rows, dropout, self.a.classifier_dropout)

    @property
    def words(self) -> torch.Tensor:
        """The table of the words' embeddings, with which a language model's rows are multiplied."""
        return cast("torch.Tensor", self.base.embeddings.word_embeddings.weight)


def _words_logits(model: Model, rows: torch.Tensor, dropout: Dropout, rate: float) -> torch.Tensor:
    """Classify words, which most families do alike. [R, D] → logits [R, C]."""
    return cast("torch.Tensor", cast("nn.Module", model.classifier)(dropout(rows, rate, chosen=True)))


class Bert(BertEncoder):
    """BERT (Devlin et al., 2019)."""

    def __init__(self, a: Architecture) -> None:
        super().__init__(a, "bert")
        width = a.hidden_size
        if a.head == "masked-lm":
            norm = nn.LayerNorm(width, a.layer_norm_epsilon)
            self.cls = Named(predictions=Named(transform=Named(dense=nn.Linear(width, width), LayerNorm=norm)))
            self.cls.predictions.register_parameter("bias", nn.Parameter(torch.zeros(a.vocabulary_size)))
        elif a.head == "token-classification":
            self.classifier = nn.Linear(width, len(a.labels or []))
        else:
            self.base.add_module("pooler", Named(dense=nn.Linear(width, width)))
            self.classifier = nn.Linear(width, len(a.labels or []))

    def transform(self, rows: torch.Tensor) -> torch.Tensor:
        """See ``Model``."""
        transform = self.cls.predictions.transform
        return cast("torch.Tensor", transform.LayerNorm(ACTIVATIONS[self.a.activation](transform.dense(rows))))

    def vocabulary_weights(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        """See ``Model``."""
        return self.words, cast("torch.Tensor", self.cls.predictions.bias)

    def classify(self, rows: torch.Tensor, dropout: Dropout) -> torch.Tensor:
        """See ``Model``."""
        pooled = torch.tanh(self.base.pooler.dense(rows))
        return cast("torch.Tensor", self.classifier(dropout(pooled, self.a.classifier_dropout)))


class _TwoLayerClassifier(nn.Module):
    """RoBERTa's and ELECTRA's: a dense layer before the last."""

    def __init__(self, a: Architecture) -> None:
        super().__init__()
        self.rate = a.classifier_dropout
        self.dense = nn.Linear(a.hidden_size, a.hidden_size)
        self.out_proj = nn.Linear(a.hidden_size, len(a.labels or []))

    def forward(
        self, rows: torch.Tensor, dropout: Dropout, activation: Callable[[torch.Tensor], torch.Tensor]
    ) -> torch.Tensor:
        """[B, D] → logits [B, C]."""
        hidden = activation(self.dense(dropout(rows, self.rate)))
        return cast("torch.Tensor", self.out_proj(dropout(hidden, self.rate)))


class Roberta(BertEncoder):
    """RoBERTa (Liu et al., 2019): BERT with positions counted from the row after the padding token's, and other heads."""

    def __init__(
        self, a: Architecture, base_name: str = "roberta", block: Callable[[Architecture], Block] = BertBlock
    ) -> None:
        super().__init__(a, base_name, (1 if a.pad_id is None else a.pad_id) + 1, block)
        width = a.hidden_size
        if a.head == "masked-lm":
            self.lm_head = Named(dense=nn.Linear(width, width), layer_norm=nn.LayerNorm(width, a.layer_norm_epsilon))
            self.lm_head.register_parameter("bias", nn.Parameter(torch.zeros(a.vocabulary_size)))
        elif a.head == "token-classification":
            self.classifier: nn.Module = nn.Linear(a.hidden_size, len(a.labels or []))
        else:
            self.classifier = _TwoLayerClassifier(a)

    def transform(self, rows: torch.Tensor) -> torch.Tensor:
        """See ``Model``. The activation here is gelu whatever that of the blocks is."""
        return cast("torch.Tensor", self.lm_head.layer_norm(F.gelu(self.lm_head.dense(rows))))

    def vocabulary_weights(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        """See ``Model``."""
        return self.words, cast("torch.Tensor", self.lm_head.bias)

    def classify(self, rows: torch.Tensor, dropout: Dropout) -> torch.Tensor:
        """See ``Model``."""
        return cast("torch.Tensor", self.classifier(rows, dropout, torch.tanh))


class MPNetBlock(Block):
    """x [B, L, D] → the same shape, or [R, D] where rows are chosen."""

    def __init__(self, a: Architecture) -> None:
        super().__init__()
        self.a = a
        width, inner = a.hidden_size, a.intermediate_size

        def norm() -> nn.Module:
            return nn.LayerNorm(width, a.layer_norm_epsilon)

        self.attention = Named(attn=Named(**{name: nn.Linear(width, width) for name in "qkvo"}), LayerNorm=norm())
        self.intermediate = Named(dense=nn.Linear(width, inner))
        self.output = Named(dense=nn.Linear(inner, width), LayerNorm=norm())

    def compute(self, x: torch.Tensor, forward: Forward, bias: torch.Tensor, relative: torch.Tensor) -> Computed:
        """See the class."""
        own = self.attention.attn
        parts = _PostNorm(
            own.q,
            own.k,
            own.v,
            own.o,
            self.attention.LayerNorm,
            self.intermediate.dense,
            self.output.dense,
            self.output.LayerNorm,
        )
        return parts.forward(self.a, x, forward, bias, relative)


class MPNet(Roberta):
    """MPNet (Song et al., 2020): RoBERTa without token types, and with a number by distance for each head, the same in all blocks."""

    def __init__(self, a: Architecture) -> None:
        super().__init__(a, "mpnet", MPNetBlock)

    def below_blocks(self) -> dict[str, nn.Module]:
        """See ``BertEncoder``."""
        return {"relative_attention_bias": nn.Embedding(RELATIVE_BUCKETS, self.a.heads)}

    def by_distance(self, length: int) -> tuple[torch.Tensor, ...]:
        """See ``BertEncoder``."""
        table = self.base.encoder.relative_attention_bias
        return (table(relative_buckets(length, table.weight.device)).permute(2, 0, 1)[None],)


class Electra(BertEncoder):
    """ELECTRA (Clark et al., 2020): BERT on projected embeddings; the generator's head, or a classifier."""

    def __init__(self, a: Architecture) -> None:
        super().__init__(a, "electra")
        if a.head == "masked-lm":
            width = a.embedding_size or a.hidden_size
            self.generator_predictions = Named(
                LayerNorm=nn.LayerNorm(width, a.layer_norm_epsilon), dense=nn.Linear(a.hidden_size, width)
            )
            self.generator_lm_head = Named()
            self.generator_lm_head.register_parameter("bias", nn.Parameter(torch.zeros(a.vocabulary_size)))
        elif a.head == "token-classification":
            self.classifier: nn.Module = nn.Linear(a.hidden_size, len(a.labels or []))
        else:
            self.classifier = _TwoLayerClassifier(a)

    def transform(self, rows: torch.Tensor) -> torch.Tensor:
        """See ``Model``: back to the width of the embeddings. The activation of both heads is gelu whatever that of the blocks is."""
        head = self.generator_predictions
        return cast("torch.Tensor", head.LayerNorm(F.gelu(head.dense(rows))))

    def vocabulary_weights(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        """See ``Model``."""
        return self.words, cast("torch.Tensor", self.generator_lm_head.bias)

    def classify(self, rows: torch.Tensor, dropout: Dropout) -> torch.Tensor:
        """See ``Model``."""
        return cast("torch.Tensor", self.classifier(rows, dropout, F.gelu))


class DistilBertBlock(Block):
    """x [B, L, D] → the same shape, or [R, D] where rows are chosen."""

    def __init__(self, a: Architecture) -> None:
        super().__init__()
        self.a = a
        width = a.hidden_size
        self.attention = Named(**{name: nn.Linear(width, width) for name in ("q_lin", "k_lin", "v_lin", "out_lin")})
        self.sa_layer_norm = nn.LayerNorm(width, a.layer_norm_epsilon)
        self.ffn = Named(lin1=nn.Linear(width, a.intermediate_size), lin2=nn.Linear(a.intermediate_size, width))
        self.output_layer_norm = nn.LayerNorm(width, a.layer_norm_epsilon)

    def compute(self, x: torch.Tensor, forward: Forward, bias: torch.Tensor) -> Computed:
        """See the class."""
        own, ffn = self.attention, self.ffn
        parts = _PostNorm(
            own.q_lin,
            own.k_lin,
            own.v_lin,
            own.out_lin,
            self.sa_layer_norm,
            ffn.lin1,
            ffn.lin2,
            self.output_layer_norm,
        )
        return parts.forward(self.a, x, forward, bias)


class DistilBert(Model):
    """DistilBERT (Sanh et al., 2019): BERT's encoder without token types and pooler."""

    sees_both_sides = True

    def __init__(self, a: Architecture) -> None:
        super().__init__(a)
        width = a.hidden_size
        self.distilbert = Named(
            embeddings=Named(
                word_embeddings=nn.Embedding(a.vocabulary_size, width),
                position_embeddings=nn.Embedding(a.max_positions, width),
                LayerNorm=nn.LayerNorm(width, a.layer_norm_epsilon),
            ),
            transformer=Named(layer=nn.ModuleList(DistilBertBlock(a) for _ in range(a.layers))),
        )
        if a.head == "masked-lm":
            self.vocab_transform = nn.Linear(width, width)
            self.vocab_layer_norm = nn.LayerNorm(width, a.layer_norm_epsilon)
            self.vocab_projector = Named()
            self.vocab_projector.register_parameter("bias", nn.Parameter(torch.zeros(a.vocabulary_size)))
        else:
            if a.head == "sequence-classification":
                self.pre_classifier = nn.Linear(width, width)
            self.classifier = nn.Linear(width, len(a.labels or []))

    def blocks(self) -> list[Block]:
        """See ``Model``."""
        return list(self.distilbert.transformer.layer)

    def states(self, batch: Batch, forward: Forward) -> States:
        """See ``Model``."""
        embeddings = self.distilbert.embeddings
        positions = torch.arange(batch.input_ids.shape[1], device=batch.input_ids.device)
        x = embeddings.LayerNorm(
            embeddings.word_embeddings(batch.input_ids) + embeddings.position_embeddings(positions)
        )
        x = forward.dropout(x, self.a.embedding_dropout)
        bias = padding_bias(batch.attention_mask)
        layers = cast("nn.ModuleList", self.distilbert.transformer.layer)
        return run_blocks(layers, x, forward, lambda _: (bias,), None)

    def transform(self, rows: torch.Tensor) -> torch.Tensor:
        """See ``Model``."""
        return cast("torch.Tensor", self.vocab_layer_norm(ACTIVATIONS[self.a.activation](self.vocab_transform(rows))))

    def vocabulary_weights(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        """See ``Model``."""
        words = self.distilbert.embeddings.word_embeddings.weight
        return cast("torch.Tensor", words), cast("torch.Tensor", self.vocab_projector.bias)

    def classified(self, batch: Batch, x: torch.Tensor) -> torch.Tensor:
        """See ``Model``: the first token."""
        return x[:, 0]

    def classify(self, rows: torch.Tensor, dropout: Dropout) -> torch.Tensor:
        """See ``Model``."""
        hidden = torch.relu(self.pre_classifier(rows))
        return cast("torch.Tensor", self.classifier(dropout(hidden, self.a.classifier_dropout)))

    def classify_words(self, rows: torch.Tensor, dropout: Dropout) -> torch.Tensor:
        """See ``Model``. Its rate is that of the blocks."""
        return _words_logits(self, rows, dropout, self.a.dropout)


# ModernBERT: norms before the matrices, gated MLP, local attention in most blocks (Warner et al., 2024).


class ModernBertBlock(Block):
    """x [B, L, D] → the same shape, or [R, D] where rows are chosen."""

    def __init__(self, a: Architecture, *, is_first: bool) -> None:
        super().__init__()
        self.a, self.is_first = a, is_first
        width, inner = a.hidden_size, a.intermediate_size
        if not is_first:  # the embeddings have a norm
            self.attn_norm = nn.LayerNorm(width, a.layer_norm_epsilon, bias=False)
        self.attn = Named(Wqkv=nn.Linear(width, 3 * width, bias=False), Wo=nn.Linear(width, width, bias=False))
        self.mlp_norm = nn.LayerNorm(width, a.layer_norm_epsilon, bias=False)
        self.mlp = Named(Wi=nn.Linear(width, 2 * inner, bias=False), Wo=nn.Linear(inner, width, bias=False))

    def compute(self, x: torch.Tensor, forward: Forward, bias: torch.Tensor, turns: Turns) -> Computed:
        """See the class."""
        a, choose, chosen = self.a, forward.choose, forward.choose is not None
        normed = x if self.is_first else self.attn_norm(x)
        projected = thirds(self.attn.Wqkv(normed))
        query, key, value = (split_heads(part, a.heads) for part in projected)
        context, scores = attend(turn(query, turns), turn(key, turns), value, bias, a, forward)
        if choose:
            context, x = choose(context), choose(x)
        attended = forward.dropout(self.attn.Wo(context), a.attention_dropout, chosen=chosen) + x
        inner, gate = self.mlp.Wi(self.mlp_norm(attended)).chunk(2, -1)
        gated = forward.dropout(ACTIVATIONS[a.activation](inner) * gate, a.dropout, chosen=chosen)
        return self.mlp.Wo(gated) + attended, scores, projected if forward.vectors else None


class ModernBert(Model):
    """ModernBERT, whose classifier may read the mean of all tokens."""

    sees_both_sides = True

    def __init__(self, a: Architecture) -> None:
        super().__init__(a)
        width = a.hidden_size

        def norm() -> nn.Module:
            return nn.LayerNorm(width, a.layer_norm_epsilon, bias=False)

        self.model = Named(
            embeddings=Named(tok_embeddings=nn.Embedding(a.vocabulary_size, width), norm=norm()),
            layers=nn.ModuleList(ModernBertBlock(a, is_first=index == 0) for index in range(a.layers)),
            final_norm=norm(),
        )
        self.head = Named(dense=nn.Linear(width, width, bias=False), norm=norm())
        if a.is_language_model:
            self.decoder = Named()
            self.decoder.register_parameter("bias", nn.Parameter(torch.zeros(a.vocabulary_size)))
        else:
            self.classifier = nn.Linear(width, len(a.labels or []))

    def blocks(self) -> list[Block]:
        """See ``Model``."""
        return list(self.model.layers)

    def states(self, batch: Batch, forward: Forward) -> States:
        """See ``Model``. A mean is of finished rows: it cannot be taken before the last block's end."""
        a, mask, embeddings = self.a, batch.attention_mask, self.model.embeddings
        everywhere = (padding_bias(mask), turns_of(a.rotary, a.width_of_head, mask))
        nearby = everywhere
        if a.sliding_window is not None and any(a.sliding_layers or []):
            nearby = (local_bias(mask, a.sliding_window // 2), turns_of(a.sliding_rotary, a.width_of_head, mask))
        x = forward.dropout(embeddings.norm(embeddings.tok_embeddings(batch.input_ids)), a.embedding_dropout)
        whole = not a.predicts_tokens and a.pools_mean

        def of_block(index: int) -> tuple[object, ...]:
            return nearby if a.sliding_layers is not None and a.sliding_layers[index] else everywhere

        forward = replace(forward, choose=None) if whole else forward
        return run_blocks(cast("nn.ModuleList", self.model.layers), x, forward, of_block, self.model.final_norm)

    def transform(self, rows: torch.Tensor) -> torch.Tensor:
        """See ``Model``: the dense layer of both heads with its norm."""
        return cast("torch.Tensor", self.head.norm(F.gelu(self.head.dense(rows))))

    def vocabulary_weights(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        """See ``Model``."""
        words = self.model.embeddings.tok_embeddings.weight
        return cast("torch.Tensor", words), cast("torch.Tensor", self.decoder.bias)

    def classified(self, batch: Batch, x: torch.Tensor) -> torch.Tensor:
        """See ``Model``: the first token, or the mean of the real ones."""
        if not self.a.pools_mean:
            return x[:, 0]
        shares = batch.attention_mask / batch.attention_mask.sum(1, keepdim=True).clamp(min=1)
        return (shares[:, None, :] @ x.float()).squeeze(1)

    def classify(self, rows: torch.Tensor, dropout: Dropout) -> torch.Tensor:
        """See ``Model``."""
        return cast("torch.Tensor", self.classifier(dropout(self.transform(rows), self.a.classifier_dropout)))

    def classify_words(self, rows: torch.Tensor, dropout: Dropout) -> torch.Tensor:
        """See ``Model``."""
        return _words_logits(self, self.transform(rows), dropout, self.a.classifier_dropout)


ENCODERS: dict[str, type[Model]] = {
    "bert": Bert,
    "distilbert": DistilBert,
    "roberta": Roberta,
    "xlm-roberta": Roberta,
    "electra": Electra,
    "mpnet": MPNet,
    "modernbert": ModernBert,
}
"""By ``model_type``."""
