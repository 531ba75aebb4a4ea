# SPDX-License-Identifier: Apache-2.0
"""Writes a folder with the dimensions of HealthGPT-XL32 that takes little disk: the shards of the language model have
their full length, but all except the first kilobytes of each tensor are holes, which read as zeros.

usage: python reference/sparse_xl32.py FOLDER CLIP_FOLDER TOKENIZER_FOLDER

CLIP_FOLDER is a folder with a full-size CLIP ("clip" of `random_model m3`), TOKENIZER_FOLDER one with Qwen2 tokenizer
files (tests/data/text/qwen2); both are linked. For measuring how much memory converting takes.
"""
import json
import os
import sys

import numpy as np
from safetensors.numpy import save_file

LAYERS, HIDDEN, FFN, HEADS, KV_HEADS, HEAD, VOCAB, CLIP = 64, 5120, 27648, 40, 8, 128, 152064, 1024
RANK, EXPERTS, FILLED = 32, 4, 1 << 16
SHARD_BYTES = 5_000_000_000


def linear_layers():
    q, kv = HEADS * HEAD, KV_HEADS * HEAD
    return {"self_attn.q_proj": (q, HIDDEN), "self_attn.k_proj": (kv, HIDDEN), "self_attn.v_proj": (kv, HIDDEN),
            "self_attn.o_proj": (HIDDEN, q), "mlp.gate_proj": (FFN, HIDDEN), "mlp.up_proj": (FFN, HIDDEN),
            "mlp.down_proj": (HIDDEN, FFN)}


def base_tensors():
    yield "model.embed_tokens.weight", (VOCAB, HIDDEN)
    for i in range(LAYERS):
        for name, shape in linear_layers().items():
            yield f"model.layers.{i}.{name}.weight", shape
            if name.split(".")[1] in ("q_proj", "k_proj", "v_proj"):
                yield f"model.layers.{i}.{name}.bias", shape[:1]
        yield f"model.layers.{i}.input_layernorm.weight", (HIDDEN,)
        yield f"model.layers.{i}.post_attention_layernorm.weight", (HIDDEN,)
    yield "model.norm.weight", (HIDDEN,)
    yield "lm_head.weight", (VOCAB, HIDDEN)


def write_shard(path, tensors, rng):
    """One safetensors file of bfloat16 tensors; holes after the first FILLED bytes of each."""
    header, position = {}, 0
    for name, shape in tensors:
        size = 2 * int(np.prod(shape))
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [position, position + size]}
        position += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 64)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for entry in header.values():
            begin, end = entry["data_offsets"]
            values = (0.02 * rng.standard_normal(min(FILLED, end - begin) // 2)).astype(np.float32)
            file.seek(8 + len(text) + begin)
            file.write((values.view(np.uint32) >> 16).astype(np.uint16).tobytes())
        file.truncate(8 + len(text) + position)


def write_base(folder, rng):
    shards, size = [[]], 0
    for name, shape in base_tensors():
        bytes_ = 2 * int(np.prod(shape))
        if size + bytes_ > SHARD_BYTES and shards[-1]:
            shards.append([])
            size = 0
        shards[-1].append((name, shape))
        size += bytes_
    weight_map = {}
    for i, tensors in enumerate(shards):
        shard = f"model-{i + 1:05d}-of-{len(shards):05d}.safetensors"
        write_shard(os.path.join(folder, shard), tensors, rng)
        weight_map.update({name: shard for name, _ in tensors})
    with open(os.path.join(folder, "model.safetensors.index.json"), "w") as file:
        json.dump({"metadata": {}, "weight_map": weight_map}, file)
    config = {"model_type": "qwen2", "num_hidden_layers": LAYERS, "hidden_size": HIDDEN, "intermediate_size": FFN,
              "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS, "vocab_size": VOCAB, "hidden_act": "silu",
              "max_position_embeddings": 32768, "rope_theta": 1000000.0, "rms_norm_eps": 1e-06,
              "tie_word_embeddings": False, "use_sliding_window": False, "bos_token_id": 1, "eos_token_id": 1}
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump(config, file)


def write_plugin(path, rng):
    prefix, tensors = "base_model.model.model.", {}

    def put(name, *shape):
        tensors[prefix + name] = (0.02 * rng.standard_normal(shape)).astype(np.float16)

    for i in range(LAYERS):
        for name, (n_out, n_in) in linear_layers().items():
            put(f"layers.{i}.{name}.lora_A.weight", RANK, n_in)
            put(f"layers.{i}.{name}.lora_B.weight", n_out, RANK)
            put(f"layers.{i}.{name}.lora_route.weight", EXPERTS, n_in)
    put("mm_projector.0.weight", HIDDEN, CLIP)
    put("mm_projector.0.bias", HIDDEN)
    put("mm_projector.2.weight", HIDDEN, HIDDEN)
    put("mm_projector.2.bias", HIDDEN)
    save_file(tensors, path)
    print(f"{path}: {len(tensors)} tensors")


def main():
    folder, clip, tokenizer = sys.argv[1:4]
    rng = np.random.default_rng(1)
    base = os.path.join(folder, "base")
    os.makedirs(base, exist_ok=True)
    for name in os.listdir(tokenizer):
        if "token" in name or name in ("vocab.json", "merges.txt"):
            link = os.path.join(base, name)
            if not os.path.lexists(link):
                os.symlink(os.path.realpath(os.path.join(tokenizer, name)), link)
    if not os.path.lexists(os.path.join(folder, "clip")):
        os.symlink(os.path.realpath(clip), os.path.join(folder, "clip"))
    write_base(base, rng)
    write_plugin(os.path.join(folder, "com_hlora_weights_QWEN_32B.safetensors"), rng)


if __name__ == "__main__":
    main()
