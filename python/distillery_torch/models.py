"""Transformer families as modules whose ``state_dict`` is the Hugging Face checkpoint, name by name.

B rows of L tokens, width D, H heads of width d. What each computes is in ``src/model/computations/`` under the same family's name.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

import torch
import torch.nn.functional as F
from torch import nn

from distillery_torch.randomness import keep_mask, random_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from distillery_torch.data import Batch
    from distillery_torch.experiment import Architecture, Rotary

_UNSEEN = 2.0**30
"""Subtracted from the scores of what must not be seen: its exponential is 0, and a row that sees nothing is uniform, not NaN."""

_ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "gelu": F.gelu,
    "gelu_new": lambda x: F.gelu(x, approximate="tanh"),
    "gelu_pytorch_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "relu": F.relu,
    "silu": F.silu,
}


class Dropout(Protocol):
    """Drops elements of x at a rate; ``chosen``: its rows are predictions, not rows of the batch."""

    def __call__(self, x: torch.Tensor, rate: float, *, chosen: bool = False) -> torch.Tensor:
        """Give x with elements dropped and the others scaled by 1 / (1 − rate)."""


class DrawnDropout:
    """Inverted dropout (Srivastava et al., 2014) whose masks do not depend on the number of processes.

    Each is drawn for the whole batch, of which this process takes its rows. ``exact``: the masks of Distillery's own engines, drawn on the
    host one after the other; otherwise PyTorch draws them on the device.
    """

    def __init__(self, batch: Batch, key: tuple[int, int], *, exact: bool) -> None:
        self._batch, self._key, self._exact, self._site = batch, key, exact, 0

    def __call__(self, x: torch.Tensor, rate: float, *, chosen: bool = False) -> torch.Tensor:
        """See ``Dropout``. Each call with a rate is one more site."""
        if rate == 0:
            return x
        batch = self._batch
        whole = batch.whole_predictions if chosen else batch.whole_rows
        places = batch.prediction_places if chosen else batch.row_places
        shape = (whole, *x.shape[1:])
        key = (*self._key, self._site)
        self._site += 1
        if self._exact:
            keep = keep_mask(math.prod(shape), rate, key).view(shape).to(x.device)
        else:
            generator = torch.Generator(x.device).manual_seed(random_words(*key)())
            keep = torch.rand(shape, device=x.device, generator=generator) >= rate
        return x * (keep[places] / (1 - rate)).to(x.dtype)


def no_dropout(x: torch.Tensor, rate: float, *, chosen: bool = False) -> torch.Tensor:
    """Keep everything, in evaluation."""
    return x


@dataclass(frozen=True)
class Forward:
    """What a model's blocks are told beside their inputs."""

    dropout: Dropout
    choose: Callable[[torch.Tensor], torch.Tensor] | None
    """Picks the rows that predict, [B, L, D] → [R, D], where the last block is to compute no others."""


@dataclass(frozen=True)
class States:
    """Hidden states after the embeddings and after each block, [B, L, D]; the last of them after the final norm."""

    hidden: list[torch.Tensor]
    chosen: torch.Tensor | None
    """[R, D], in place of the last, where rows were chosen before the last block's end."""


def _attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    bias: torch.Tensor,
    a: Architecture,
    dropout: Dropout,
) -> torch.Tensor:
    """softmax(q · kᵀ / √d + bias) · v. query [B, H, L, d], key and value [B, K, L, d], K dividing H → [B, L, H · d]."""
    rows, heads, length, width = query.shape
    if a.shared_heads != heads:
        key, value = (x.repeat_interleave(heads // a.shared_heads, 1) for x in (key, value))
    if dropout is no_dropout or a.attention_dropout == 0:
        context = F.scaled_dot_product_attention(query, key, value, attn_mask=bias.to(query.dtype))
    else:
        scores = (query / math.sqrt(width)) @ key.transpose(-1, -2)
        probabilities = torch.softmax(scores.float() + bias, -1).to(value.dtype)  # [B, H, L, L]
        context = dropout(probabilities, a.attention_dropout) @ value
    return context.transpose(1, 2).reshape(rows, length, heads * width)


def _split(x: torch.Tensor, heads: int) -> torch.Tensor:
    """[B, L, H · d] → [B, H, L, d]."""
    rows, length, width = x.shape
    return x.view(rows, length, heads, width // heads).transpose(1, 2)


def padding_bias(mask: torch.Tensor) -> torch.Tensor:
    """Every query sees all real keys. [B, L] → [B, 1, 1, L]."""
    return (mask[:, None, None, :] - 1) * _UNSEEN


def causal_bias(mask: torch.Tensor, window: int | None) -> torch.Tensor:
    """A query sees real keys up to its own, at most ``window`` of them. [B, L] → [B, 1, L, L]."""
    positions = torch.arange(mask.shape[1], device=mask.device)
    distance = positions[:, None] - positions
    seen = distance >= 0
    if window is not None:
        seen &= distance < window
    return (mask[:, None, None, :] * seen - 1) * _UNSEEN


class Model(nn.Module):
    """A backbone with its head."""

    def __init__(self, a: Architecture) -> None:
        super().__init__()
        self.a = a

    def states(self, batch: Batch, forward: Forward) -> States:
        """Compute the backbone."""
        raise NotImplementedError

    def blocks(self) -> list[nn.Module]:
        """Give its transformer blocks, lowest first."""
        raise NotImplementedError

    def transform(self, rows: torch.Tensor) -> torch.Tensor:
        """Turn hidden states into what the vocabulary's matrix multiplies. [R, D] → [R, D]."""
        return rows

    def vocabulary(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Give matrix [V, D] and bias [V] of a language model's last layer."""
        raise NotImplementedError

    def classified(self, batch: Batch, x: torch.Tensor) -> torch.Tensor:
        """Pick the row of each text that its classifier reads. [B, L, D] → [B, D]."""
        raise NotImplementedError

    def classify(self, rows: torch.Tensor, dropout: Dropout) -> torch.Tensor:
        """[B, D] → logits [B, C]."""
        raise NotImplementedError

    def predict(
        self, batch: Batch, dropout: Dropout = no_dropout, whole: list[int] | None = None
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Compute a classifier's logits [B, C], or a language model's transformed rows [R, D]; and the hidden states.

        ``whole``: blocks whose hidden states are wanted for all rows.
        """

        def choose(x: torch.Tensor) -> torch.Tensor:
            if self.a.is_language_model:
                return x.reshape(-1, x.shape[-1])[batch.prediction_rows]
            return self.classified(batch, x)

        early = batch.predicts_few and self.a.layers - 1 not in (whole or [])
        states = self.states(batch, Forward(dropout, choose if early else None))
        rows = choose(states.hidden[-1]) if states.chosen is None else states.chosen
        prediction = self.transform(rows) if self.a.is_language_model else self.classify(rows, dropout)
        return prediction, states.hidden


def _run_blocks(
    blocks: nn.ModuleList,
    x: torch.Tensor,
    forward: Forward,
    arguments: Callable[[int], tuple[object, ...]],
    last: nn.Module | None,
) -> States:
    """Run the blocks one after the other; ``last``: the norm after them."""
    hidden = [x]
    quiet = Forward(forward.dropout, None)
    for index, block in enumerate(blocks):
        if index > 0:
            hidden.append(x)
        x = block(x, forward if index == len(blocks) - 1 else quiet, *arguments(index))
    x = last(x) if last is not None else x
    return States(hidden, x) if forward.choose else States([*hidden, x], None)


# BERT and RoBERTa: blocks with their norms after the residual sums (Devlin et al., 2019; Liu et al., 2019).


class _Named(nn.Module):
    """Modules under the names of a checkpoint."""

    def __init__(self, /, **modules: nn.Module) -> None:
        super().__init__()
        for name, module in modules.items():
            self.add_module(name, module)

    if TYPE_CHECKING:  # what a name stands for is known to the checkpoint alone

        def __getattr__(self, name: str) -> Any: ...  # noqa: ANN401


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

    def forward(self, a: Architecture, x: torch.Tensor, forward: Forward, bias: torch.Tensor) -> torch.Tensor:
        """Compute a block: x [B, L, D] → the same shape, or [R, D] where rows are chosen."""
        choose, chosen = forward.choose, forward.choose is not None
        query, key, value = (_split(part(x), a.heads) for part in (self.query, self.key, self.value))
        context = _attend(query, key, value, bias, a, forward.dropout)
        if choose:
            context, x = choose(context), choose(x)
        attention = forward.dropout(self.attention_output(context), a.dropout, chosen=chosen)
        attended = self.attention_norm(attention + x)
        mlp = forward.dropout(self.outer(_ACTIVATIONS[a.activation](self.inner(attended))), a.dropout, chosen=chosen)
        return cast("torch.Tensor", self.output_norm(mlp + attended))


class BertBlock(nn.Module):
    """x [B, L, D] → the same shape, or [R, D] where rows are chosen."""

    def __init__(self, a: Architecture) -> None:
        super().__init__()
        self.a = a
        width, inner = a.hidden_size, a.intermediate_size

        def output(inputs: int) -> _Named:
            return _Named(dense=nn.Linear(inputs, width), LayerNorm=nn.LayerNorm(width, a.layer_norm_epsilon))

        heads = {name: nn.Linear(width, width) for name in ("query", "key", "value")}
        self.attention = _Named(self=_Named(**heads), output=output(width))
        self.intermediate = _Named(dense=nn.Linear(width, inner))
        self.output = output(inner)

    def forward(self, x: torch.Tensor, forward: Forward, bias: torch.Tensor) -> torch.Tensor:
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


class Bert(Model):
    """BERT; RoBERTa where ``family`` says so, with positions counted from the row after the padding token's."""

    def __init__(self, a: Architecture) -> None:
        super().__init__(a)
        width = a.hidden_size
        self.is_roberta = a.family != "bert"
        self.first_position = (1 if a.pad_id is None else a.pad_id) + 1 if self.is_roberta else 0
        base = _Named(
            embeddings=_Named(
                word_embeddings=nn.Embedding(a.vocabulary_size, width),
                position_embeddings=nn.Embedding(a.max_positions + self.first_position, width),
                token_type_embeddings=nn.Embedding(a.type_vocabulary_size, width),
                LayerNorm=nn.LayerNorm(width, a.layer_norm_epsilon),
            ),
            encoder=_Named(layer=nn.ModuleList(BertBlock(a) for _ in range(a.layers))),
        )
        self.base_name = "roberta" if self.is_roberta else "bert"
        self.add_module(self.base_name, base)
        classes = len(a.labels or [])
        if a.head == "masked-lm":
            norm = nn.LayerNorm(width, a.layer_norm_epsilon)
            if self.is_roberta:
                self.lm_head = _Named(dense=nn.Linear(width, width), layer_norm=norm)
                self.lm_head.register_parameter("bias", nn.Parameter(torch.zeros(a.vocabulary_size)))
            else:
                self.cls = _Named(predictions=_Named(transform=_Named(dense=nn.Linear(width, width), LayerNorm=norm)))
                self.cls.predictions.register_parameter("bias", nn.Parameter(torch.zeros(a.vocabulary_size)))
        elif self.is_roberta:
            self.classifier: Any = _Named(dense=nn.Linear(width, width), out_proj=nn.Linear(width, classes))
        else:
            base.add_module("pooler", _Named(dense=nn.Linear(width, width)))
            self.classifier = nn.Linear(width, classes)

    @property
    def base(self) -> _Named:
        """The backbone, under its name."""
        return cast("_Named", getattr(self, self.base_name))

    def blocks(self) -> list[nn.Module]:
        """See ``Model``."""
        return list(cast("nn.ModuleList", self.base.encoder.layer))

    def states(self, batch: Batch, forward: Forward) -> States:
        """See ``Model``."""
        embeddings, length = self.base.embeddings, batch.input_ids.shape[1]
        positions = torch.arange(self.first_position, self.first_position + length, device=batch.input_ids.device)
        # A table of one row, as RoBERTa's published models have it, has that one for all tokens.
        types = batch.type_ids.clamp(max=self.a.type_vocabulary_size - 1)
        x = embeddings.word_embeddings(batch.input_ids) + embeddings.token_type_embeddings(types)
        x = embeddings.LayerNorm(x + embeddings.position_embeddings(positions))
        x = forward.dropout(x, self.a.embedding_dropout)
        bias = padding_bias(batch.attention_mask)
        return _run_blocks(cast("nn.ModuleList", self.base.encoder.layer), x, forward, lambda _: (bias,), None)

    def transform(self, rows: torch.Tensor) -> torch.Tensor:
        """See ``Model``. RoBERTa's activation here is gelu whatever that of its blocks is."""
        if self.is_roberta:
            return cast("torch.Tensor", self.lm_head.layer_norm(F.gelu(self.lm_head.dense(rows))))
        transform = self.cls.predictions.transform
        return cast("torch.Tensor", transform.LayerNorm(_ACTIVATIONS[self.a.activation](transform.dense(rows))))

    def vocabulary(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        """See ``Model``."""
        head = self.lm_head if self.is_roberta else self.cls.predictions
        words = self.base.embeddings.word_embeddings.weight
        return cast("torch.Tensor", words), cast("torch.Tensor", head.bias)

    def classified(self, batch: Batch, x: torch.Tensor) -> torch.Tensor:
        """See ``Model``: the first token."""
        return x[:, 0]

    def classify(self, rows: torch.Tensor, dropout: Dropout) -> torch.Tensor:
        """See ``Model``."""
        rate = self.a.classifier_dropout
        if self.is_roberta:
            hidden = torch.tanh(self.classifier.dense(dropout(rows, rate)))
            return cast("torch.Tensor", self.classifier.out_proj(dropout(hidden, rate)))
        return cast("torch.Tensor", self.classifier(dropout(torch.tanh(self.base.pooler.dense(rows)), rate)))


class DistilBertBlock(nn.Module):
    """x [B, L, D] → the same shape, or [R, D] where rows are chosen."""

    def __init__(self, a: Architecture) -> None:
        super().__init__()
        self.a = a
        width = a.hidden_size
        self.attention = _Named(**{name: nn.Linear(width, width) for name in ("q_lin", "k_lin", "v_lin", "out_lin")})
        self.sa_layer_norm = nn.LayerNorm(width, a.layer_norm_epsilon)
        self.ffn = _Named(lin1=nn.Linear(width, a.intermediate_size), lin2=nn.Linear(a.intermediate_size, width))
        self.output_layer_norm = nn.LayerNorm(width, a.layer_norm_epsilon)

    def forward(self, x: torch.Tensor, forward: Forward, bias: torch.Tensor) -> torch.Tensor:
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

    def __init__(self, a: Architecture) -> None:
        super().__init__(a)
        width = a.hidden_size
        self.distilbert = _Named(
            embeddings=_Named(
                word_embeddings=nn.Embedding(a.vocabulary_size, width),
                position_embeddings=nn.Embedding(a.max_positions, width),
                LayerNorm=nn.LayerNorm(width, a.layer_norm_epsilon),
            ),
            transformer=_Named(layer=nn.ModuleList(DistilBertBlock(a) for _ in range(a.layers))),
        )
        if a.head == "masked-lm":
            self.vocab_transform = nn.Linear(width, width)
            self.vocab_layer_norm = nn.LayerNorm(width, a.layer_norm_epsilon)
            self.vocab_projector = _Named()
            self.vocab_projector.register_parameter("bias", nn.Parameter(torch.zeros(a.vocabulary_size)))
        else:
            self.pre_classifier = nn.Linear(width, width)
            self.classifier = nn.Linear(width, len(a.labels or []))

    def blocks(self) -> list[nn.Module]:
        """See ``Model``."""
        return list(cast("nn.ModuleList", self.distilbert.transformer.layer))

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
        return _run_blocks(layers, x, forward, lambda _: (bias,), None)

    def transform(self, rows: torch.Tensor) -> torch.Tensor:
        """See ``Model``."""
        return cast("torch.Tensor", self.vocab_layer_norm(_ACTIVATIONS[self.a.activation](self.vocab_transform(rows))))

    def vocabulary(self) -> tuple[torch.Tensor, torch.Tensor | None]:
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


def _last_rows(a: Architecture, batch: Batch, x: torch.Tensor) -> torch.Tensor:
    """Pick each text's last token that is not padding, by its id where there is a pad token. [B, L, D] → [B, D]."""
    real = batch.attention_mask if a.pad_id is None else (batch.input_ids != a.pad_id).float()
    positions = torch.arange(x.shape[1], device=x.device)
    return x[torch.arange(x.shape[0], device=x.device), (real * positions).argmax(1)]


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


class Gpt2Block(nn.Module):
    """x [B, L, D] → the same shape, or [R, D] where rows are chosen."""

    def __init__(self, a: Architecture) -> None:
        super().__init__()
        self.a = a
        width, inner = a.hidden_size, a.intermediate_size
        self.ln_1 = nn.LayerNorm(width, a.layer_norm_epsilon)
        self.attn = _Named(c_attn=Conv1D(width, 3 * width), c_proj=Conv1D(width, width))
        self.ln_2 = nn.LayerNorm(width, a.layer_norm_epsilon)
        self.mlp = _Named(c_fc=Conv1D(width, inner), c_proj=Conv1D(inner, width))

    def forward(self, x: torch.Tensor, forward: Forward, bias: torch.Tensor) -> torch.Tensor:
        """See the class."""
        a, choose, chosen = self.a, forward.choose, forward.choose is not None
        query, key, value = (_split(part, a.heads) for part in self.attn.c_attn(self.ln_1(x)).chunk(3, -1))
        context = _attend(query, key, value, bias, a, forward.dropout)
        if choose:
            context, x = choose(context), choose(x)
        attended = forward.dropout(self.attn.c_proj(context), a.dropout, chosen=chosen) + x
        inner = _ACTIVATIONS[a.activation](self.mlp.c_fc(self.ln_2(attended)))
        return forward.dropout(self.mlp.c_proj(inner), a.dropout, chosen=chosen) + attended


class Gpt2(Model):
    """GPT-2 with its tied head, or a classifier."""

    def __init__(self, a: Architecture) -> None:
        super().__init__(a)
        self.transformer = _Named(
            wte=nn.Embedding(a.vocabulary_size, a.hidden_size),
            wpe=nn.Embedding(a.max_positions, a.hidden_size),
            h=nn.ModuleList(Gpt2Block(a) for _ in range(a.layers)),
            ln_f=nn.LayerNorm(a.hidden_size, a.layer_norm_epsilon),
        )
        if not a.is_language_model:
            self.score = nn.Linear(a.hidden_size, len(a.labels or []), bias=False)

    def blocks(self) -> list[nn.Module]:
        """See ``Model``."""
        return list(cast("nn.ModuleList", self.transformer.h))

    def states(self, batch: Batch, forward: Forward) -> States:
        """See ``Model``."""
        positions = torch.arange(batch.input_ids.shape[1], device=batch.input_ids.device)
        x = self.transformer.wte(batch.input_ids) + self.transformer.wpe(positions)
        x = forward.dropout(x, self.a.embedding_dropout)
        bias = causal_bias(batch.attention_mask, None)
        blocks = cast("nn.ModuleList", self.transformer.h)
        return _run_blocks(blocks, x, forward, lambda _: (bias,), self.transformer.ln_f)

    def vocabulary(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        """See ``Model``."""
        return cast("torch.Tensor", self.transformer.wte.weight), None

    def classified(self, batch: Batch, x: torch.Tensor) -> torch.Tensor:
        """See ``Model``."""
        return _last_rows(self.a, batch, x)

    def classify(self, rows: torch.Tensor, dropout: Dropout) -> torch.Tensor:
        """See ``Model``."""
        return cast("torch.Tensor", self.score(rows))


# Llama, Mistral, Qwen and SmolLM3: RMS norms, rotary positions, gated MLP.


def rotary_frequencies(rotary: Rotary, width: int) -> torch.Tensor:
    """Radians a position of each of the d / 2 pairs (Su et al., 2021), float64 [d / 2]."""
    pairs = torch.arange(width // 2, dtype=torch.float64)
    frequencies = torch.pow(torch.tensor(rotary.theta, dtype=torch.float64), -2 * pairs / width)
    scaling = rotary.scaling
    if scaling is None:
        return frequencies
    factor: float = scaling["factor"]
    if scaling["type"] == "linear":
        return frequencies / factor
    if scaling["type"] == "llama3":
        low: float = scaling["low_frequency_factor"]
        high: float = scaling["high_frequency_factor"]
        waves: torch.Tensor = scaling["original_positions"] * frequencies / (2 * math.pi)
        share = ((waves - low) / (high - low)).clamp(0, 1)
        return (1 - share) * frequencies / factor + share * frequencies
    ramp = _yarn_ramp(rotary, width)
    return frequencies * (1 - ramp + ramp / factor)


def _yarn_ramp(rotary: Rotary, width: int) -> torch.Tensor:
    """YaRN's ramp over the pairs (Peng et al., 2023, section 3.2): 0 where a frequency stays, 1 where it is divided."""
    scaling = rotary.scaling or {}

    def pair_of(rotations: float) -> float:
        original: float = scaling["original_positions"]
        return width * math.log(original / (rotations * 2 * math.pi)) / (2 * math.log(rotary.theta))

    fast, slow = pair_of(scaling["beta_fast"]), pair_of(scaling["beta_slow"])
    if scaling["truncate"]:
        fast, slow = math.floor(fast), math.ceil(slow)
    low, high = float(max(fast, 0)), float(min(slow, width - 1))
    span = 0.001 if high == low else high - low
    return ((torch.arange(width // 2, dtype=torch.float64) - low) / span).clamp(0, 1)


def _turn(heads: torch.Tensor, cosines: torch.Tensor, sines: torch.Tensor) -> torch.Tensor:
    """Turn the pairs (x_i, x_(i + d / 2)) of each head [B, H, L, d] by the angles of their positions."""
    first, second = heads.chunk(2, -1)
    turned = torch.cat([first * cosines - second * sines, second * cosines + first * sines], -1)
    return turned.to(heads.dtype)


class LlamaBlock(nn.Module):
    """x [B, L, D] → the same shape, or [R, D] where rows are chosen."""

    def __init__(self, a: Architecture) -> None:
        super().__init__()
        self.a = a
        width, d = a.hidden_size, a.width_of_head
        bias = a.family == "qwen2"

        def norm(size: int) -> nn.Module:
            return nn.RMSNorm(size, a.layer_norm_epsilon)

        attention: dict[str, nn.Module] = {
            "q_proj": nn.Linear(width, a.heads * d, bias=bias),
            "k_proj": nn.Linear(width, a.shared_heads * d, bias=bias),
            "v_proj": nn.Linear(width, a.shared_heads * d, bias=bias),
            "o_proj": nn.Linear(a.heads * d, width, bias=False),
        }
        self.norms_heads = a.family == "qwen3"
        if self.norms_heads:
            attention |= {"q_norm": norm(d), "k_norm": norm(d)}
        self.self_attn = _Named(**attention)
        self.mlp = _Named(
            gate_proj=nn.Linear(width, a.intermediate_size, bias=False),
            up_proj=nn.Linear(width, a.intermediate_size, bias=False),
            down_proj=nn.Linear(a.intermediate_size, width, bias=False),
        )
        self.input_layernorm = norm(width)
        self.post_attention_layernorm = norm(width)

    def forward(
        self, x: torch.Tensor, forward: Forward, bias: torch.Tensor, turns: tuple[torch.Tensor, torch.Tensor] | None
    ) -> torch.Tensor:
        """See the class. ``turns``: cosines and sines, [L, d / 2]; none where positions are not told."""
        a, choose, chosen = self.a, forward.choose, forward.choose is not None
        normed = self.input_layernorm(x)
        query = _split(self.self_attn.q_proj(normed), a.heads)
        key, value = (_split(part(normed), a.shared_heads) for part in (self.self_attn.k_proj, self.self_attn.v_proj))
        if self.norms_heads:
            query, key = self.self_attn.q_norm(query), self.self_attn.k_norm(key)
        if turns:
            query, key = _turn(query, *turns), _turn(key, *turns)
        context = _attend(query, key, value, bias, a, forward.dropout)
        if choose:
            context, x = choose(context), choose(x)
        attended = forward.dropout(self.self_attn.o_proj(context), a.dropout, chosen=chosen) + x
        inner = self.post_attention_layernorm(attended)
        mlp = self.mlp.down_proj(_ACTIVATIONS[a.activation](self.mlp.gate_proj(inner)) * self.mlp.up_proj(inner))
        return forward.dropout(mlp, a.dropout, chosen=chosen) + attended


class Llama(Model):
    """Llama and the descendants that are listed in ``FAMILIES``."""

    def __init__(self, a: Architecture) -> None:
        super().__init__(a)
        self.model = _Named(
            embed_tokens=nn.Embedding(a.vocabulary_size, a.hidden_size),
            layers=nn.ModuleList(LlamaBlock(a) for _ in range(a.layers)),
            norm=nn.RMSNorm(a.hidden_size, a.layer_norm_epsilon),
        )
        if not a.is_language_model:
            self.score = nn.Linear(a.hidden_size, len(a.labels or []), bias=False)
        elif not a.tie_word_embeddings:
            self.lm_head = nn.Linear(a.hidden_size, a.vocabulary_size, bias=False)

    def blocks(self) -> list[nn.Module]:
        """See ``Model``."""
        return list(cast("nn.ModuleList", self.model.layers))

    def states(self, batch: Batch, forward: Forward) -> States:
        """See ``Model``."""
        a, mask = self.a, batch.attention_mask
        if a.rotary is None:
            raise ValueError(f"{a.family} has rotary positions, and its architecture names none.")
        angles = torch.arange(mask.shape[1], dtype=torch.float64)[:, None] * rotary_frequencies(
            a.rotary, a.width_of_head
        )
        scaling = a.rotary.scaling or {}
        factor = scaling["attention_factor"] if scaling.get("type") == "yarn" else 1
        cosines, sines = ((factor * f(angles)).float().to(mask.device) for f in (torch.cos, torch.sin))
        full = causal_bias(mask, None)
        near = full if a.sliding_window is None else causal_bias(mask, a.sliding_window)

        def of_block(index: int) -> tuple[object, ...]:
            slides = a.sliding_layers is not None and a.sliding_layers[index]
            turned = a.rotary_layers is None or a.rotary_layers[index]
            return (near if slides else full, (cosines, sines) if turned else None)

        x = forward.dropout(self.model.embed_tokens(batch.input_ids), a.embedding_dropout)
        return _run_blocks(cast("nn.ModuleList", self.model.layers), x, forward, of_block, self.model.norm)

    def vocabulary(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        """See ``Model``."""
        head = self.model.embed_tokens if self.a.tie_word_embeddings else self.lm_head
        return cast("torch.Tensor", head.weight), None

    def classified(self, batch: Batch, x: torch.Tensor) -> torch.Tensor:
        """See ``Model``."""
        return _last_rows(self.a, batch, x)

    def classify(self, rows: torch.Tensor, dropout: Dropout) -> torch.Tensor:
        """See ``Model``."""
        return cast("torch.Tensor", self.score(rows))


FAMILIES: dict[str, type[Model]] = {
    "bert": Bert,
    "distilbert": DistilBert,
    "roberta": Bert,
    "xlm-roberta": Bert,
    "gpt2": Gpt2,
    "llama": Llama,
    "mistral": Llama,
    "qwen2": Llama,
    "qwen3": Llama,
    "smollm3": Llama,
}
"""By ``model_type``. ``src/protocol/torchrun.ts`` has the same list, by which an experiment is checked."""


def build(a: Architecture) -> Model:
    """Make a model without values; ``load_state_dict(…, assign=True)`` gives it some."""
    with torch.device("meta"):
        return FAMILIES[a.family](a)
