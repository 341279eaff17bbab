"""What the families' modules share: masks, attention, dropout, rotary positions, and what a model is.

B rows of L tokens, width D, H heads of width d.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

from distillery_torch.randomness import keep_mask, random_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from distillery_torch.architecture import Architecture, Rotary
    from distillery_torch.data import Batch

UNSEEN = 2.0**30
"""Subtracted from the scores of what must not be seen: its exponential is 0, and a row that sees nothing is uniform, not NaN."""

ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "gelu": F.gelu,
    "gelu_new": lambda x: F.gelu(x, approximate="tanh"),
    "gelu_pytorch_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "relu": F.relu,
    "silu": F.silu,
}


class Dropout(Protocol):
    """Drops elements of x at a rate; ``chosen``: its rows are predictions, not rows of the batch."""

    site: int
    """How many masks were drawn: what is computed again goes back to the place where it began."""

    def __call__(self, x: torch.Tensor, rate: float, *, chosen: bool = False) -> torch.Tensor:
        """Give x with elements dropped and the others scaled by 1 / (1 − rate)."""


class DrawnDropout:
    """Inverted dropout (Srivastava et al., 2014) whose masks do not depend on the number of processes.

    Each is drawn for the whole batch, of which this process takes its rows. ``exact``: the masks of Distillery's own engines, drawn on the
    host one after the other; otherwise PyTorch draws them on the device.
    """

    def __init__(self, batch: Batch, key: tuple[int, int], *, exact: bool) -> None:
        self._batch, self._key, self._exact, self.site = batch, key, exact, 0

    @torch.compiler.disable  # type: ignore[misc]
    def __call__(self, x: torch.Tensor, rate: float, *, chosen: bool = False) -> torch.Tensor:
        """See ``Dropout``. Each call with a rate is one more site."""
        if rate == 0:
            return x
        batch = self._batch
        whole = batch.whole_predictions if chosen else batch.whole_rows
        places = batch.prediction_places if chosen else batch.row_places
        shape = (whole, *x.shape[1:])
        key = (*self._key, self.site)
        self.site += 1
        if self._exact:
            keep = keep_mask(math.prod(shape), rate, key).view(shape).to(x.device)
        else:
            generator = torch.Generator(x.device).manual_seed(random_words(*key)())
            keep = torch.rand(shape, device=x.device, generator=generator) >= rate
        return x * (keep[places] / (1 - rate)).to(x.dtype)


class _NoDropout:
    site = 0

    def __call__(self, x: torch.Tensor, rate: float, *, chosen: bool = False) -> torch.Tensor:
        """Keep everything."""
        return x


no_dropout = _NoDropout()
"""Keeps everything, in evaluation."""


@dataclass(frozen=True)
class Forward:
    """What a model's blocks are told beside their inputs."""

    dropout: Dropout
    choose: Callable[[torch.Tensor], torch.Tensor] | None
    """Picks the rows that predict, [B, L, D] → [R, D], where the last block is to compute no others."""
    chooses_one_of_each: bool
    """Whether these are one token of each text: R is B. Blocks with their norms after the sums need no other queries then."""
    recomputes: bool
    """Whether a block keeps its input alone and is computed again in the backward pass (Chen et al., 2016)."""
    attentions: frozenset[int] = frozenset()
    """Blocks whose scores of attention are wanted."""
    related: frozenset[int] = frozenset()
    """Blocks whose vectors are wanted."""
    scores: bool = False
    """Of one block, whether it is among the first."""
    vectors: bool = False
    """Of one block, whether it is among the others."""


Vectors = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""What a block's projections give of each token: queries, keys and values, [B, L, heads · d], before they are normed and turned."""

VECTOR_KINDS = ("queries", "keys", "values")


def block_of(name: str) -> int:
    """Give the block that what is read of it is named after."""
    return int(name.rpartition(".")[2])


Computed = tuple[torch.Tensor, torch.Tensor | None, Vectors | None]
"""What a block gives: [B, L, D], or [R, D] where rows are chosen; its scores [B, H, L, L] and its vectors, where they are wanted."""


@dataclass(frozen=True)
class States:
    """Hidden states after the embeddings and after each block, [B, L, D]; the last of them after the final norm."""

    hidden: list[torch.Tensor]
    chosen: torch.Tensor | None
    """[R, D], in place of the last, where rows were chosen before the last block's end."""
    scores: dict[int, torch.Tensor]
    """Of the blocks where they are wanted: [B, H, L, L], before the mask and the softmax."""
    vectors: dict[str, torch.Tensor]
    """Of the blocks where they are wanted, by their names: [B, L, heads · d]."""

    def read(self, name: str) -> torch.Tensor:
        """Give what ``Model.predict`` was asked for under this name."""
        kind, block = name.partition(".")[0], block_of(name)
        if kind == "hidden":
            return self.hidden[block + 1]
        return self.scores[block] if kind == "attention" else self.vectors[name]


def capped(x: torch.Tensor, cap: float | None) -> torch.Tensor:
    """C · tanh(x / c): nearly x while that is small beside c, and never beyond ± c; x itself without a cap."""
    return x if cap is None else cap * torch.tanh(x / cap)


def attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    bias: torch.Tensor,
    a: Architecture,
    forward: Forward,
    relative: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """softmax(cap(q · kᵀ / √d) + relative + bias) · v. query [B, H, L, d], key and value [B, K, L, d], K dividing H → [B, L, H · d].

    And the scores, cap(q · kᵀ / √d) + relative in float32, where they are wanted. ``relative``: what is added by distance, [1, H, L, L].
    """
    dropout, scores = forward.dropout, None
    rows, heads, length, width = query.shape
    if a.shared_heads != heads:
        key, value = (x.repeat_interleave(heads // a.shared_heads, 1) for x in (key, value))
    scale = 1 / math.sqrt(a.query_scalar or width)
    if not forward.scores and a.score_cap is None and (dropout is no_dropout or a.attention_dropout == 0):
        mask = bias if relative is None else bias + relative
        context = F.scaled_dot_product_attention(query, key, value, attn_mask=mask.to(query.dtype), scale=scale)
    else:
        scores = capped(((query * scale) @ key.transpose(-1, -2)).float(), a.score_cap)
        scores = scores if relative is None else scores + relative
        probabilities = torch.softmax(scores + bias, -1).to(value.dtype)  # [B, H, L, L]
        context = dropout(probabilities, a.attention_dropout) @ value
    return context.transpose(1, 2).reshape(rows, length, heads * width), scores if forward.scores else None


def split_heads(x: torch.Tensor, heads: int) -> torch.Tensor:
    """[B, L, H · d] → [B, H, L, d]."""
    rows, length, width = x.shape
    return x.view(rows, length, heads, width // heads).transpose(1, 2)


def thirds(x: torch.Tensor) -> Vectors:
    """[B, L, 3 · W] → queries, keys and values."""
    query, key, value = x.chunk(3, -1)
    return query, key, value


def padding_bias(mask: torch.Tensor) -> torch.Tensor:
    """Every query sees all real keys. [B, L] → [B, 1, 1, L]."""
    return (mask[:, None, None, :] - 1) * UNSEEN


def causal_bias(mask: torch.Tensor, window: int | None) -> torch.Tensor:
    """A query sees real keys up to its own, at most ``window`` of them. [B, L] → [B, 1, L, L]."""
    positions = torch.arange(mask.shape[1], device=mask.device)
    distance = positions[:, None] - positions
    seen = distance >= 0
    if window is not None:
        seen &= distance < window
    return (mask[:, None, None, :] * seen - 1) * UNSEEN


def common_sight(*sights: tuple[float, float]) -> tuple[float, float]:
    """What all of them see."""
    before, after = zip(*sights, strict=True)
    return min(before), min(after)


def seen_pairs(mask: torch.Tensor, sight: tuple[float, float]) -> torch.Tensor:
    """Whether a real query sees a real key. [B, L] → [B, 1, L, L]."""
    positions = torch.arange(mask.shape[1], device=mask.device)
    distance = positions - positions[:, None]
    near = (distance >= -sight[0]) & (distance <= sight[1])
    real = mask.bool()
    return real[:, None, :, None] & real[:, None, None, :] & near


def local_bias(mask: torch.Tensor, reach: int) -> torch.Tensor:
    """A query sees real keys at most ``reach`` before or after it. [B, L] → [B, 1, L, L]."""
    positions = torch.arange(mask.shape[1], device=mask.device)
    near = (positions[:, None] - positions).abs() <= reach
    return (mask[:, None, None, :] * near - 1) * UNSEEN


RELATIVE_BUCKETS = 32
"""Of distances in a relative attention bias (Raffel et al., 2020)."""
MOST_DISTANCE = 128
"""From here on distances share the last bucket of their side."""


def relative_buckets(length: int, device: torch.device) -> torch.Tensor:
    """Which bucket a query's and a key's distance has: half of them for each side, of which half have one distance each. int64 [L, L]."""
    side = RELATIVE_BUCKETS // 2
    single = side // 2
    ratio = MOST_DISTANCE / single
    # A bound that is a whole number is one: the factor is a root of two.
    least = [math.ceil(single * ratio ** (k / (side - single)) - 1e-9) for k in range(1, side - single)]
    positions = torch.arange(length, device=device)
    distance = positions - positions[:, None]  # key − query
    size = distance.abs()
    shared = single + torch.bucketize(size, torch.tensor(least, device=device), right=True)
    return torch.where(size < single, size, shared) + side * (distance > 0)


@dataclass(frozen=True)
class Vocabulary:
    """A language model's last layer: matrix [V, D], bias [V], and a cap of the logits."""

    weight: torch.Tensor
    bias: torch.Tensor | None
    cap: float | None

    def logits(self, rows: torch.Tensor) -> torch.Tensor:
        """[R, D] → [R, V]."""
        logits = F.linear(rows, self.weight, self.bias)
        return logits if self.cap is None else capped(logits.float(), self.cap)


class Block(nn.Module):
    """A transformer block."""

    def compute(self, x: torch.Tensor, forward: Forward, *arguments: Any) -> Computed:  # noqa: ANN401 - a family's own
        """X [B, L, D] → see ``Computed``."""
        raise NotImplementedError

    def forward(self, x: torch.Tensor, forward: Forward, *arguments: Any) -> Computed:  # noqa: ANN401
        """Compute it, once, or once more in the backward pass."""
        if not forward.recomputes:
            return self.compute(x, forward, *arguments)
        dropout = forward.dropout
        site = dropout.site

        def compute(x: torch.Tensor) -> Computed:
            dropout.site = site
            return self.compute(x, forward, *arguments)

        # Masks are drawn by their keys: no state of a generator has to be kept.
        computed: Computed = checkpoint(compute, x, use_reentrant=False, preserve_rng_state=False)
        return computed

    def compile_it(self) -> None:
        """Have ``torch.compile`` make kernels of it; masks are drawn between them."""
        self.__dict__["compute"] = torch.compile(self.compute)


class Model(nn.Module):
    """A backbone with its head."""

    sees_both_sides = False
    """Whether a token sees those after it."""

    def __init__(self, a: Architecture) -> None:
        super().__init__()
        self.a = a
        self.recomputes = False
        """Whether training computes its blocks again in the backward pass."""

    def states(self, batch: Batch, forward: Forward) -> States:
        """Compute the backbone."""
        raise NotImplementedError

    def blocks(self) -> list[Block]:
        """Give its transformer blocks, lowest first."""
        raise NotImplementedError

    def transform(self, rows: torch.Tensor) -> torch.Tensor:
        """Turn hidden states into what the vocabulary's matrix multiplies. [R, D] → [R, D]."""
        return rows

    def vocabulary(self) -> Vocabulary:
        """Give a language model's last layer."""
        weight, bias = self.vocabulary_weights()
        return Vocabulary(weight, bias, self.a.logit_cap)

    def vocabulary_weights(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Give its matrix [V, D] and bias [V]."""
        raise NotImplementedError

    def classified(self, batch: Batch, x: torch.Tensor) -> torch.Tensor:
        """Pick the row of each text that its classifier reads. [B, L, D] → [B, D]."""
        raise NotImplementedError

    def classify(self, rows: torch.Tensor, dropout: Dropout) -> torch.Tensor:
        """[B, D] → logits [B, C]."""
        raise NotImplementedError

    def classify_words(self, rows: torch.Tensor, dropout: Dropout) -> torch.Tensor:
        """[R, D] → logits [R, C]."""
        raise NotImplementedError

    def predict(
        self,
        batch: Batch,
        dropout: Dropout = no_dropout,
        reads: Iterable[str] = (),
    ) -> tuple[torch.Tensor, States]:
        """Compute a classifier's logits [B, C], of words [R, C], or a language model's transformed rows [R, D]; and what is inside.

        ``reads``: what is wanted of blocks, counted from 0: ``hidden.1`` its output for all rows, ``attention.1`` its scores, ``queries.1``,
        ``keys.1``, ``values.1`` its vectors.
        """
        wanted = [(name.partition(".")[0], block_of(name)) for name in reads]

        def choose(x: torch.Tensor) -> torch.Tensor:
            if self.a.predicts_tokens:
                return x.reshape(-1, x.shape[-1])[batch.prediction_rows]
            return self.classified(batch, x)

        early = batch.predicts_few and ("hidden", self.a.layers - 1) not in wanted
        recomputes = self.recomputes and torch.is_grad_enabled()
        one_of_each = early and not self.a.predicts_tokens
        attentions = frozenset(block for kind, block in wanted if kind == "attention")
        related = frozenset(block for kind, block in wanted if kind in VECTOR_KINDS)
        told = Forward(dropout, choose if early else None, one_of_each, recomputes, attentions, related)
        states = self.states(batch, told)
        rows = choose(states.hidden[-1]) if states.chosen is None else states.chosen
        if self.a.is_language_model:
            return self.transform(rows), states
        classify = self.classify_words if self.a.predicts_tokens else self.classify
        return classify(rows, dropout), states


def run_blocks(
    blocks: nn.ModuleList,
    x: torch.Tensor,
    forward: Forward,
    arguments: Callable[[int], tuple[object, ...]],
    last: nn.Module | None,
) -> States:
    """Run the blocks one after the other; ``last``: the norm after them."""
    hidden, scores = [x], {}
    vectors: dict[str, torch.Tensor] = {}
    for index, block in enumerate(blocks):
        if index > 0:
            hidden.append(x)
        is_last, is_wanted = index == len(blocks) - 1, index in forward.attentions
        told = replace(
            forward,
            choose=forward.choose if is_last else None,
            chooses_one_of_each=forward.chooses_one_of_each and is_last and not is_wanted,
            scores=is_wanted,
            vectors=index in forward.related,
        )
        x, attended, projected = block(x, told, *arguments(index))
        if attended is not None:
            scores[index] = attended
        if projected is not None:
            vectors |= {f"{kind}.{index}": one for kind, one in zip(VECTOR_KINDS, projected, strict=True)}
    x = last(x) if last is not None else x
    return States(hidden, x, scores, vectors) if forward.choose else States([*hidden, x], None, scores, vectors)


class Named(nn.Module):
    """Modules under the names of a checkpoint."""

    def __init__(self, /, **modules: nn.Module) -> None:
        super().__init__()
        for name, module in modules.items():
            self.add_module(name, module)

    if TYPE_CHECKING:  # what a name stands for is known to the checkpoint alone

        def __getattr__(self, name: str) -> Any: ...  # noqa: ANN401


def last_rows(a: Architecture, batch: Batch, x: torch.Tensor) -> torch.Tensor:
    """Pick each text's last token that is not padding, by its id where there is a pad token. [B, L, D] → [B, D]."""
    real = batch.attention_mask if a.pad_id is None else (batch.input_ids != a.pad_id).float()
    positions = torch.arange(x.shape[1], device=x.device)
    return x[torch.arange(x.shape[0], device=x.device), (real * positions).argmax(1)]


# Rotary positions, which ModernBERT and the descendants of Llama have.


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


Turns = tuple[torch.Tensor, torch.Tensor]
"""Cosines and sines of each position, [L, d / 2]."""


def turns_of(rotary: Rotary | None, width: int, mask: torch.Tensor) -> Turns:
    """Give those of the positions of a batch, whose mask is [B, L]."""
    if rotary is None:
        raise ValueError("This family has rotary positions, and its architecture names none.")
    angles = torch.arange(mask.shape[1], dtype=torch.float64)[:, None] * rotary_frequencies(rotary, width)
    scaling = rotary.scaling or {}
    factor = scaling["attention_factor"] if scaling.get("type") == "yarn" else 1
    return (factor * torch.cos(angles)).float().to(mask.device), (factor * torch.sin(angles)).float().to(mask.device)


def turn(heads: torch.Tensor, turns: Turns) -> torch.Tensor:
    """Turn the pairs (x_i, x_(i + d / 2)) of each head [B, H, L, d] by the angles of their positions."""
    first, second = heads.chunk(2, -1)
    cosines, sines = turns
    turned = torch.cat([first * cosines - second * sines, second * cosines + first * sines], -1)
    return turned.to(heads.dtype)
