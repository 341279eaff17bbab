"""GGUF files as llama.cpp's own Python package writes and reads them: makes what lies in data/gguf.

types.gguf         a tensor of each type; types.safetensors what gguf-py makes of them, as float32
llama.gguf         the golden model llama, F32
models.json        of each golden decoder the keys and the tensors of its file: names by gguf-py's tables, and which parameter each is, stored how

Run with the packages gguf (0.19.0 made what is there) and numpy: python test/golden/gguf_by_gguf_py.py
"""

import json
import os
import struct

import gguf
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = os.path.join(HERE, "data", "models")
OUT = os.path.join(HERE, "data", "gguf")
T = gguf.GGMLQuantizationType
rng = np.random.default_rng(14)


def read_safetensors(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    header.pop("__metadata__", None)
    types = {"F32": np.float32, "I32": np.int32, "I64": np.int64}
    return {
        name: np.frombuffer(data[entry["data_offsets"][0] : entry["data_offsets"][1]], types[entry["dtype"]]).reshape(entry["shape"])
        for name, entry in header.items()
    }


def write_safetensors(path, tensors):
    header, data = {}, b""
    for name, values in tensors.items():
        raw = np.ascontiguousarray(values, np.float32).tobytes()
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def half(value):
    return np.float16(value).tobytes()


def random_blocks(kind, rows, blocks):
    """K-quants cannot be written by gguf-py: blocks of any bytes, but for the scales, which are to be numbers."""
    _, size = gguf.GGML_QUANT_SIZES[kind]
    raw = rng.integers(0, 256, (rows * blocks, size), np.uint8)
    for block in raw:
        scales = [np.frombuffer(half(value), np.uint8) for value in rng.normal(0, 0.01, 2)]
        if kind == T.Q6_K:
            block[208:210] = scales[0]
        else:
            block[0:2], block[2:4] = scales
    return raw.reshape(rows, blocks * size)


def types():
    plain = [T.F32, T.F16, T.BF16, T.Q8_0, T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1]
    super_blocks = [T.Q4_K, T.Q5_K, T.Q6_K]
    writer = gguf.GGUFWriter(os.path.join(OUT, "types.gguf"), "llama")
    expected = {}
    values = rng.normal(0, 1, (3, 64)).astype(np.float32)
    values[0, :32] = 0
    values[2, 5] = 1000
    for kind in plain:
        raw = gguf.quants.quantize(values, kind)
        writer.add_tensor(kind.name, raw, raw_shape=raw.shape if raw.dtype == np.uint8 else None, raw_dtype=kind)
        expected[kind.name] = gguf.quants.dequantize(raw, kind)
    for kind in super_blocks:
        raw = random_blocks(kind, 2, 2)
        writer.add_tensor(kind.name, raw, raw_dtype=kind)
        expected[kind.name] = gguf.quants.dequantize(raw, kind)
    save(writer)
    write_safetensors(os.path.join(OUT, "types.safetensors"), expected)


def save(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def permuted(weights, heads):
    """As convert_hf_to_gguf.py stores queries and keys of Llama."""
    return weights.reshape(heads, 2, weights.shape[0] // heads // 2, *weights.shape[1:]).swapaxes(1, 2).reshape(weights.shape)


ARCHITECTURES = {
    "llama": gguf.MODEL_ARCH.LLAMA,
    "qwen2": gguf.MODEL_ARCH.QWEN2,
    "qwen3": gguf.MODEL_ARCH.QWEN3,
    "gemma2": gguf.MODEL_ARCH.GEMMA2,
    "gemma3_text": gguf.MODEL_ARCH.GEMMA3,
    "phi3": gguf.MODEL_ARCH.PHI3,
    "olmo2": gguf.MODEL_ARCH.OLMO2,
    "smollm3": gguf.MODEL_ARCH.SMOLLM3,
    "gpt2": gguf.MODEL_ARCH.GPT2,
}


def llama3_factors(rope, head_size):
    """As LlamaModel.generate_extra_tensors of convert_hf_to_gguf.py."""
    base, factor, old = rope["rope_theta"], rope["factor"], rope["original_max_position_embeddings"]
    low, high = rope["low_freq_factor"], rope["high_freq_factor"]
    factors = []
    for frequency in 1.0 / (base ** (np.arange(0, head_size, 2, dtype=np.float32) / head_size)):
        wavelength = 2 * np.pi / frequency
        if wavelength < old / high:
            factors.append(1)
        elif wavelength > old / low:
            factors.append(factor)
        else:
            smooth = (old / wavelength - low) / (high - low)
            factors.append(1 / ((1 - smooth) / factor + smooth))
    return np.array(factors, np.float32)


def add_keys(writer, config, layers):
    family = config["model_type"]
    if family == "gpt2":
        writer.add_block_count(layers)
        writer.add_context_length(config["n_positions"])
        writer.add_embedding_length(config["n_embd"])
        writer.add_feed_forward_length(config["n_inner"] or 4 * config["n_embd"])
        writer.add_head_count(config["n_head"])
        writer.add_layer_norm_eps(config["layer_norm_epsilon"])
        return
    rope = config["rope_parameters"]
    writer.add_block_count(layers)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    head_size = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    writer.add_key_length(head_size)
    writer.add_value_length(head_size)
    writer.add_rope_dimension_count(head_size)
    full = rope.get("full_attention", rope)
    writer.add_rope_freq_base(full["rope_theta"])
    if full["rope_type"] == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(full["factor"])
    if full["rope_type"] == "yarn":
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(full["factor"])
        writer.add_rope_scaling_orig_ctx_len(full["original_max_position_embeddings"])
    if family in ("gemma2", "gemma3_text", "phi3"):
        writer.add_sliding_window(config["sliding_window"])
    if family == "gemma2":
        writer.add_attn_logit_softcapping(config["attn_logit_softcapping"])
        writer.add_final_logit_softcapping(config["final_logit_softcapping"])
    if family == "gemma3_text":
        writer.add_sliding_window_pattern([kind == "sliding_attention" for kind in config["layer_types"]])
    if family in ("gemma2", "gemma3_text"):
        writer.add_attention_scale(config["query_pre_attn_scalar"] ** -0.5)


def add_ids(writer, config):
    for key, add in [
        ("bos_token_id", writer.add_bos_token_id),
        ("eos_token_id", writer.add_eos_token_id),
        ("pad_token_id", writer.add_pad_token_id),
    ]:
        value = config.get(key)
        value = value[0] if isinstance(value, list) else value
        if value is not None:
            add(value)


def stored(config, name, values):
    """What is done to a parameter before it is stored."""
    family = config["model_type"]
    if family in ("llama", "smollm3"):
        for part, key in [("q_proj", "num_attention_heads"), ("k_proj", "num_key_value_heads")]:
            if f".{part}." in name:
                return "interleaved", permuted(values, config[key])
    if family.startswith("gemma") and name.endswith("norm.weight"):
        return "plus-one", values + 1
    if family == "gpt2" and any(name.endswith(end) for end in (".c_attn.weight", ".c_proj.weight", ".c_fc.weight")):
        return "transposed", values.T
    return "plain", values


def model(folder, path=None):
    with open(os.path.join(MODELS, folder, "config.json")) as file:
        config = json.load(file)
    parameters = read_safetensors(os.path.join(MODELS, folder, "model.safetensors"))
    arch = ARCHITECTURES[config["model_type"]]
    layers = config.get("num_hidden_layers") or config["n_layer"]
    names = gguf.get_tensor_name_map(arch, layers)
    writer = gguf.GGUFWriter(path or os.devnull, gguf.MODEL_ARCH_NAMES[arch])
    add_keys(writer, config, layers)
    add_ids(writer, config)
    keys = {key: value.value for key, value in writer.kv_data[0].items()}
    tensors = []
    rope = config.get("rope_parameters", {})
    if rope.get("rope_type") == "llama3":
        factors = llama3_factors(rope, config["head_dim"])
        tensors.append({"name": "rope_freqs.weight", "values": factors.tolist()})
    for name, values in parameters.items():
        there = names.get_name(name, try_suffixes=(".weight", ".bias"))
        assert there is not None, name
        how, data = stored(config, name, values)
        tensors.append({"name": there, "shape": list(data.shape), "parameter": name, "stored": how})
        if path:
            writer.add_tensor(there, np.ascontiguousarray(data))
    if path:
        save(writer)
    else:
        writer.close()
    return {"keys": keys, "tensors": tensors}


def main():
    os.makedirs(OUT, exist_ok=True)
    types()
    model("llama", os.path.join(OUT, "llama.gguf"))
    folders = ["llama", "llama-rope-linear", "llama-rope-llama3", "llama-rope-yarn", "qwen2", "qwen3"]
    folders += ["gemma2", "gemma3_text", "phi3", "olmo2", "smollm3", "gpt2"]
    with open(os.path.join(OUT, "models.json"), "w") as file:
        json.dump({folder: model(folder) for folder in folders}, file, indent=1)
        file.write("\n")


main()
