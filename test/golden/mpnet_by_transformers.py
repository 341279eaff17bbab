"""Golden numbers of MPNet by Python transformers: a tiny masked language model and a tiny classifier, buckets of distances, and its tokenizer.

Run with the packages of test/peers/requirements.txt. Without arguments it writes data/models/mpnet-masked-lm and mpnet-sequence-classification,
data/mpnet-buckets.json, and data/tokenizers/mpnet, which has the words and texts of bert-uncased; `--check` computes the models anew and says how far they
are from what lies there. Its classifier of tokens and its embeddings are made with those of the other families.
"""

import json
import shutil
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers.models.mpnet.modeling_mpnet import MPNetEncoder

DATA = Path(__file__).parent / "data"
PAD = 1
TASKS = {
    "masked-lm": (transformers.MPNetForMaskedLM, 2, (40, 25)),
    "sequence-classification": (transformers.MPNetForSequenceClassification, 3, (12, 9)),
}
"""Class, blocks, tokens of the two rows: 40 reach 12 of the 15 distances and ranges of them that either side has."""
DISTANCES = 300


def drawn(model):
    """Matrices of a deviation of a quarter, the numbers by distance of 1, norms and biases by a fifth around what they are."""
    generator = torch.Generator().manual_seed(31)
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        unit = parameter.data if parameter.dim() == 1 else 0
        size = 0.2 if parameter.dim() == 1 else 1.0 if "relative" in name else 0.25
        parameter.data = unit + noise * size


def inputs_of(task, lengths):
    """Rows padded on the right; a class each, or labels at about a third of the tokens."""
    generator = torch.Generator().manual_seed(32)
    longest = max(lengths)
    ids = torch.randint(5, 99, (len(lengths), longest), generator=generator, dtype=torch.int32)
    mask = torch.tensor([[int(k < n) for k in range(longest)] for n in lengths], dtype=torch.int32)
    asked = (torch.rand(ids.shape, generator=generator) < 0.35) & (mask == 1)
    classes = torch.randint(0, 3, (len(lengths),), generator=generator, dtype=torch.int32)
    return {
        "input_ids": torch.where(mask == 1, ids, PAD).int(),
        "attention_mask": mask,
        "labels": torch.where(asked, ids, -100).int() if task == "masked-lm" else classes,
    }


def load(folder, cls):
    return cls.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


def computed(model, inputs):
    """All outputs on the inputs, and each parameter's gradient of the loss."""
    model.zero_grad()
    given = {name: inputs[name].long() for name in ("input_ids", "attention_mask", "labels")}
    out = model(**given, output_hidden_states=True, output_attentions=True)
    out.loss.backward()
    values = {
        "logits": out.logits,
        "loss": out.loss,
        "hidden_states": torch.stack(out.hidden_states),
        "attentions": torch.stack(out.attentions),
    }
    gradients = {name: parameter.grad.contiguous() for name, parameter in model.named_parameters()}
    return {name: value.detach().contiguous() for name, value in values.items()}, gradients


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2) + "\n")


def write_model(task, cls, layers, lengths):
    config = transformers.MPNetConfig(
        **{"vocab_size": 99, "hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 4},
        **{"num_hidden_layers": layers, "max_position_embeddings": 66, "num_labels": 3},
        **{"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "layer_norm_eps": 1e-5},
    )
    model = cls(config)
    drawn(model)
    folder = DATA / "models" / f"mpnet-{task}"
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    inputs = inputs_of(task, lengths)
    model = load(folder, cls)
    expected, gradients = computed(model, inputs)
    metadata = {"format": "pt"}
    save_file({**expected, **inputs}, folder / "expected.safetensors", metadata)
    save_file(gradients, folder / "gradients.safetensors", metadata)
    saved = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text((folder / "config.json").read_text().rstrip("\n") + "\n")
    saved["torch_dtype"] = saved.pop("dtype")
    write_json(folder / "config.v4.json", dict(sorted({**saved, "transformers_version": "4.46.3"}.items())))
    case = {
        "task": task,
        "model_type": "mpnet",
        "transformers_class": cls.__name__,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "tied": dict(getattr(model, "_tied_weights_keys", None) or {}),
        "loss": expected["loss"].item(),
        "zero_gradients": [name for name, gradient in gradients.items() if gradient.abs().max() < 1e-7],
    }
    write_json(folder / "case.json", case)


def write_buckets():
    """Of distances (key − query) from −DISTANCES to DISTANCES."""
    distances = torch.arange(-DISTANCES, DISTANCES + 1)
    buckets = MPNetEncoder.relative_position_bucket(distances)
    (DATA / "mpnet-buckets.json").write_text(json.dumps({"from": -DISTANCES, "buckets": buckets.tolist()}) + "\n")


def encoded(tokenizer, record):
    """The texts and options of another tokenizer's record, and what this one makes of them."""
    truncation, padding = record.get("truncation"), record.get("padding")
    tokenizer.enable_truncation(**truncation) if truncation else tokenizer.no_truncation()
    padding = padding and {**padding, "pad_id": PAD, "pad_token": "<pad>"}
    tokenizer.enable_padding(**padding) if padding else tokenizer.no_padding()
    given = {key: record[key] for key in ("name", "text", "pair", "add_special_tokens") if key in record}
    made = tokenizer.encode(record["text"], record.get("pair"), add_special_tokens=record["add_special_tokens"])
    return {
        **given,
        **({"truncation": truncation} if truncation else {}),
        **({"padding": padding} if padding else {}),
        "ids": made.ids,
        "tokens": made.tokens,
        "offsets": made.offsets,
        "type_ids": made.type_ids,
        "special_tokens_mask": made.special_tokens_mask,
        "decoded": tokenizer.decode(made.ids, skip_special_tokens=False),
        "decoded_skip_special": tokenizer.decode(made.ids, skip_special_tokens=True),
    }


def write_tokenizer():
    """As transformers makes it of a vocabulary, whose special tokens lie as in the published one: <unk> is none that texts get."""
    source, folder = DATA / "tokenizers" / "bert-uncased", DATA / "tokenizers" / "mpnet"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    vocabulary = json.loads((source / "tokenizer.json").read_text())["model"]["vocab"]
    words = [word for word in sorted(vocabulary, key=vocabulary.get) if word not in ("[PAD]", "[MASK]")]
    words = ["<s>", "<pad>", "</s>", "<unk>", *words, "<mask>"]
    aside = folder / "vocab.txt"
    aside.write_text("\n".join(words) + "\n")
    transformers.MPNetTokenizer.from_pretrained(folder, model_max_length=64).save_pretrained(folder)
    aside.unlink()
    for path in folder.iterdir():
        path.write_text(path.read_text().rstrip("\n") + "\n")
    records = json.loads((source / "encodings.json").read_text())
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    rows = ",\n".join(json.dumps(encoded(tokenizer, record), ensure_ascii=False) for record in records)
    (folder / "encodings.json").write_text(f"[\n{rows}\n]\n")


def check():
    for task, (cls, _, _) in TASKS.items():
        folder = DATA / "models" / f"mpnet-{task}"
        stored, gradients = (load_file(folder / f"{name}.safetensors") for name in ("expected", "gradients"))
        found, slopes = computed(load(folder, cls), stored)
        at = stored["attention_mask"].bool() if task == "masked-lm" else slice(None)
        far = (found["logits"][at] - stored["logits"][at]).abs().max().item()
        steep = max((slopes[name] - gradient).abs().max().item() for name, gradient in gradients.items())
        print(f"{folder.name}: logits by {far:.1e}, gradients by {steep:.1e}")


if sys.argv[1:] == ["--check"]:
    check()
else:
    for task, sizes in TASKS.items():
        write_model(task, *sizes)
    write_buckets()
    write_tokenizer()
