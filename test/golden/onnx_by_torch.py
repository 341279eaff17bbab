"""Golden models as ONNX files, as people's tools export them, with the logits that PyTorch computes: what lies in data/onnx.

Run with the packages of test/peers/requirements.txt and `pip install onnx onnxscript`: python test/golden/onnx_by_torch.py
"""

import json
import shutil
from pathlib import Path

import onnx
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

HERE = Path(__file__).parent
MODELS, OUT = HERE / "data" / "models", HERE / "data" / "onnx"


class Logits(torch.nn.Module):
    """The logits alone, of inputs by place."""

    def __init__(self, model, names):
        super().__init__()
        self.model, self.names = model, names

    def forward(self, *inputs):
        return self.model(**dict(zip(self.names, inputs)), return_dict=True).logits


def inputs_of(lengths, vocabulary):
    generator = torch.Generator().manual_seed(5)
    longest = max(lengths)
    ids = torch.randint(5, vocabulary, (len(lengths), longest), generator=generator)
    mask = torch.tensor([[int(k < length) for k in range(longest)] for length in lengths])
    types = torch.tensor([[int(k >= length // 2) for k in range(longest)] for length in lengths]) * mask
    return {"input_ids": ids * mask, "attention_mask": mask, "token_type_ids": types}


def export(name, folder, kind, names, dynamo=False, external=False, lengths=(9, 5, 7)):
    # The first block alone: the files are to be small.
    model = kind.from_pretrained(MODELS / folder, attn_implementation="eager", num_hidden_layers=1).eval()
    model.config.use_cache = False
    given = inputs_of(lengths, model.config.vocab_size)
    chosen = tuple(given[key] for key in names)
    target = OUT / name
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    axes = {key: {0: "batch", 1: "length"} for key in names}
    wrapped = Logits(model, names).eval()
    if dynamo:
        dynamic = tuple({0: torch.export.Dim("batch"), 1: torch.export.Dim("length", max=60)} for _ in names)
        program = torch.onnx.export(wrapped, chosen, dynamo=True, input_names=names, output_names=["logits"], dynamic_shapes=(dynamic,))
        saved = program.model_proto
        # Where in Python's sources each node came from is most of such a file.
        for part in [*saved.graph.node, *saved.graph.value_info, *saved.graph.input, *saved.graph.output, *saved.graph.initializer, saved.graph, saved]:
            part.ClearField("metadata_props")
        onnx.save(saved, target / "model.onnx")
    else:
        torch.onnx.export(wrapped, chosen, target / "model.onnx", input_names=names, output_names=["logits"], dynamic_axes=axes | {"logits": {0: "batch"} | ({1: "length"} if kind is AutoModelForCausalLM else {})}, opset_version=17, dynamo=False)
        if external:
            loaded = onnx.load(target / "model.onnx")
            (target / "model.onnx").unlink()
            onnx.save(loaded, target / "model.onnx", save_as_external_data=True, location="model.onnx_data", size_threshold=0)
    if kind is AutoModelForSequenceClassification:
        shutil.copy(MODELS / folder / "config.json", target)
    with torch.no_grad():
        # Each row by itself, as long as it is: what no padding can have changed.
        rows = [model(**{key: given[key][i : i + 1, :length] for key in names}).logits[0] for i, length in enumerate(lengths)]
    answers = {f"logits.{i}": row.contiguous() for i, row in enumerate(rows)}
    save_file({key: value.to(torch.int32).contiguous() for key, value in given.items()} | answers, target / "expected.safetensors")
    (target / "case.json").write_text(json.dumps({"lengths": list(lengths)}) + "\n")
    print(name, {file.name: file.stat().st_size for file in sorted(target.iterdir())})


export("bert-external", "bert-sequence-classification", AutoModelForSequenceClassification, ["input_ids", "attention_mask", "token_type_ids"], external=True)
export("distilbert-without-mask", "distilbert-sequence-classification", AutoModelForSequenceClassification, ["input_ids"])
export("gpt2-by-dynamo", "gpt2", AutoModelForCausalLM, ["input_ids", "attention_mask"], dynamo=True)
