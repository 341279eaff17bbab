"""Golden embeddings: tiny encoders with drawn weights in folders of sentence-transformers, and what that computes with them; losses of embeddings.

Run with the packages of test/peers/requirements.txt and sentence-transformers. Without arguments it writes the folders
data/models/FAMILY-sentence-embedding and data/embedding-losses.json; `--check` computes anew what lies there, and says how far it is from that.
"""

import json
import shutil
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer

DATA = Path(__file__).parent / "data"
MODELS = DATA / "models"
NAMES = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 4}
RATES = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
WIDTH = 24
"""Of the dense layer, where there is one."""
FAMILIES = {
    "bert": ({**NAMES, **RATES}, "mean", None, True),
    "roberta": ({**NAMES, **RATES, "type_vocab_size": 1}, "cls", "torch.nn.modules.activation.Tanh", False),
    "distilbert": (
        {**{"dim": 32, "hidden_dim": 48, "n_layers": 1, "n_heads": 4}, **{"dropout": 0.0, "attention_dropout": 0.0}},
        "max",
        "torch.nn.modules.linear.Identity",
        True,
    ),
    "mpnet": ({**NAMES, **RATES, "num_hidden_layers": 2, "pad_token_id": 1}, "mean", None, True),
}
"""Sizes, pooling, activation of the dense layer, whether embeddings have length 1."""
LENGTHS = (12, 9, 5, 11)
"""Tokens of the rows, of which each two are a pair."""
SCORES = (0.3, 0.9)


def drawn(model):
    """Matrices of a deviation of a quarter, norms and biases by as much around what they are."""
    generator = torch.Generator().manual_seed(28)
    for parameter in model.parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        unit = parameter.data if parameter.dim() == 1 else 0
        parameter.data = unit + noise * (0.2 if parameter.dim() == 1 else 0.25)


def inputs_of(pad):
    generator = torch.Generator().manual_seed(29)
    longest = max(LENGTHS)
    ids = torch.randint(5, 99, (len(LENGTHS), longest), generator=generator, dtype=torch.int32)
    mask = torch.tensor([[int(k < n) for k in range(longest)] for n in LENGTHS], dtype=torch.int32)
    return {
        "input_ids": torch.where(mask == 1, ids, pad).int(),
        "attention_mask": mask,
        "labels": torch.tensor(SCORES),
    }


def write_modules(folder, width, pooling, activation, is_normalized):
    """The layout, as sentence-transformers 2 to 5 have written it."""
    kinds = ["Transformer", "Pooling"] + ["Dense"] * bool(activation) + ["Normalize"] * is_normalized
    paths = ["" if kind == "Transformer" else f"{index}_{kind}" for index, kind in enumerate(kinds)]
    modules = [
        {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for index, (kind, path) in enumerate(zip(kinds, paths))
    ]
    write_json(folder / "modules.json", modules)
    for path in paths[1 : 2 + bool(activation)]:  # of Normalize there is no folder: it has no settings
        (folder / path).mkdir()
    modes = {
        f"pooling_mode_{name}": name.startswith(pooling) and "sqrt" not in name
        for name in ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens")
    }
    write_json(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": width, **modes})
    if activation:
        config = {"in_features": width, "out_features": WIDTH, "bias": True, "activation_function": activation}
        write_json(folder / "2_Dense" / "config.json", config)
        layer = torch.nn.Linear(width, WIDTH)
        drawn(layer)
        tensors = {f"linear.{name}": parameter.data for name, parameter in layer.named_parameters()}
        save_file(tensors, folder / "2_Dense" / "model.safetensors", {"format": "pt"})
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": 48, "do_lower_case": False})


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2) + "\n")


def load(folder):
    """Its tokenizer is no matter: a vocabulary stands there for it while it is loaded."""
    options = {"attn_implementation": "eager", "dtype": torch.float32}
    aside = folder.parent / f"{folder.name}.loading"
    shutil.copytree(folder, aside)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *map(str, range(94))]
    (aside / "vocab.txt").write_text("\n".join(words))
    write_json(aside / "tokenizer_config.json", {"tokenizer_class": "BertTokenizer"})
    try:
        return SentenceTransformer(str(aside), device="cpu", model_kwargs=options).eval()
    finally:
        shutil.rmtree(aside)


def computed(model, inputs, base):
    """All outputs on the inputs, and each parameter's gradient of the mean squared error of the pairs' cosines."""
    model.zero_grad()
    given = {name: inputs[name].long() for name in ("input_ids", "attention_mask")}
    encoder = model[0].auto_model if hasattr(model[0], "auto_model") else model[0].model
    out = encoder(**given, output_hidden_states=True, output_attentions=True)
    embeddings = model({**given})["sentence_embedding"]
    cosines = torch.cosine_similarity(embeddings[0::2], embeddings[1::2])
    loss = torch.nn.functional.mse_loss(cosines, inputs["labels"])
    loss.backward()
    values = {
        "logits": embeddings,
        "loss": loss,
        "hidden_states": torch.stack(out.hidden_states),
        "attentions": torch.stack(out.attentions),
    }
    gradients = {f"{base}{name}": p.grad for name, p in encoder.named_parameters() if p.grad is not None}
    for module in model:
        if hasattr(module, "linear"):
            gradients |= {f"embedding.dense.{name}": p.grad for name, p in module.linear.named_parameters()}
    kept = {name: value.detach().contiguous() for name, value in values.items()}
    return kept, {name: gradient.contiguous() for name, gradient in gradients.items()}


def write(family, sizes, pooling, activation, is_normalized):
    config = transformers.AutoConfig.for_model(
        family,
        **{"vocab_size": 99, "max_position_embeddings": 64, "pad_token_id": 0, **sizes},
        **{"bos_token_id": None, "eos_token_id": None},
    )
    # A pooler is left out: nothing here reads it.
    bare = {} if family == "distilbert" else {"add_pooling_layer": False}
    model = transformers.AutoModel.from_config(config, dtype=torch.float32, **bare)
    drawn(model)
    folder = MODELS / f"{family}-sentence-embedding"
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    write_modules(folder, 32, pooling, activation, is_normalized)
    inputs = inputs_of(config.pad_token_id)
    base = f"{family}."
    expected, gradients = computed(load(folder), inputs, base)
    metadata = {"format": "pt"}
    save_file({**expected, **inputs}, folder / "expected.safetensors", metadata)
    save_file(gradients, folder / "gradients.safetensors", metadata)
    saved = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text((folder / "config.json").read_text().rstrip("\n") + "\n")
    saved["torch_dtype"] = saved.pop("dtype")
    write_json(folder / "config.v4.json", dict(sorted({**saved, "transformers_version": "4.46.3"}.items())))
    case = {
        "task": "sentence-embedding",
        "model_type": family,
        "transformers_class": type(model).__name__,
        # Of what config.json describes.
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "tied": {},
        "loss": expected["loss"].item(),
        "zero_gradients": [name for name, gradient in gradients.items() if gradient.abs().max() < 1e-7],
    }
    write_json(folder / "case.json", case)


def losses():
    """α · soft + (1 − α) · hard of pairs of embeddings, and the gradient, in float64."""
    torch.manual_seed(30)
    pairs, width, alpha = 3, 5, 0.7
    counted, labelled = [1.0, 1.0, 1.0, 1.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    scores = [0.8, 0.8, 0.0, 0.0, 0.0, 0.0]
    student, teacher = (torch.randn(2 * pairs, width).float().double() for _ in range(2))
    weights = torch.tensor(counted, dtype=torch.float64)
    cases = []
    for divergence in ("mse-logits", "cosine-logits"):
        z = student.clone().requires_grad_()
        apart = (
            (z - teacher).square().mean(-1) if divergence == "mse-logits" else 1 - torch.cosine_similarity(z, teacher)
        )
        soft = (apart * weights).sum() / weights.sum()
        # As sentence-transformers' CosineSimilarityLoss has it, over the pairs with a score.
        hard = torch.nn.functional.mse_loss(
            torch.cosine_similarity(z[0:1], z[1:2]), torch.tensor(scores[:1], dtype=torch.float64)
        )
        total = alpha * soft + (1 - alpha) * hard
        total.backward()
        cases.append(
            {
                "divergence": divergence,
                "soft": soft.item(),
                "hard": hard.item(),
                "total": total.item(),
                "gradient": z.grad.flatten().tolist(),
            }
        )
    return {
        **{"alpha": alpha, "shape": [2 * pairs, width], "counted": counted, "labelled": labelled, "scores": scores},
        **{"student": student.flatten().tolist(), "teacher": teacher.flatten().tolist(), "cases": cases},
    }


def check():
    for family in FAMILIES:
        folder = MODELS / f"{family}-sentence-embedding"
        stored, gradients = (load_file(folder / f"{name}.safetensors") for name in ("expected", "gradients"))
        found, slopes = computed(load(folder), stored, f"{family}.")
        far = (found["logits"] - stored["logits"]).abs().max().item()
        steep = max((slopes[name] - gradient).abs().max().item() for name, gradient in gradients.items())
        print(f"{folder.name}: embeddings by {far:.1e}, gradients by {steep:.1e}")
    print(f"losses: {'as there' if json.loads((DATA / 'embedding-losses.json').read_text()) == losses() else 'others'}")


if sys.argv[1:] == ["--check"]:
    check()
else:
    for family, settings in FAMILIES.items():
        write(family, *settings)
    (DATA / "embedding-losses.json").write_text(json.dumps(losses()) + "\n")
