#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Released tensor names and what the gguf library's tables call them, as lines "FAMILY PART RELEASED GGUF".

    /opt/ref/venv/bin/python reference/make_part_names.py > tests/data/formats/part_names.txt
"""
from gguf import MODEL_ARCH, get_tensor_name_map

AFFINE = ("weight", "bias")
BASE = {
    "phi3": (MODEL_ARCH.PHI3, ["self_attn.qkv_proj", "self_attn.o_proj", "mlp.gate_up_proj", "mlp.down_proj"], []),
    "qwen2": (
        MODEL_ARCH.QWEN2,
        ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
         "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"],
        ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
    ),
}
CLIP_LAYER = ["layer_norm1", "layer_norm2", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
              "self_attn.out_proj", "mlp.fc1", "mlp.fc2"]
LAYERS = (0, 7, 63)


def base_names(linear, biased):
    yield from ("model.embed_tokens.weight", "model.norm.weight", "lm_head.weight")
    for layer in LAYERS:
        for module in ["input_layernorm", "post_attention_layernorm", *linear]:
            yield f"model.layers.{layer}.{module}.weight"
        for module in biased:
            yield f"model.layers.{layer}.{module}.bias"


def clip_names():
    yield "vision_model.embeddings.class_embedding"
    yield from (f"vision_model.embeddings.{name}_embedding.weight" for name in ("patch", "position"))
    for norm in ("pre_layrnorm", "post_layernorm"):
        yield from (f"vision_model.{norm}.{part}" for part in AFFINE)
    for layer in LAYERS[:2]:
        for module in CLIP_LAYER:
            yield from (f"vision_model.encoder.layers.{layer}.{module}.{part}" for part in AFFINE)


def main():
    for family, (arch, linear, biased) in BASE.items():
        table = get_tensor_name_map(arch, 64)
        for name in base_names(linear, biased):
            print(family, "base", name, table.get_name(name, try_suffixes=(".weight", ".bias")))
    # The library knows the image encoder below the prefix that LLaVA gives it.
    table = get_tensor_name_map(MODEL_ARCH.MMPROJ, 64)
    for name in clip_names():
        print("phi3 clip", name, table.get_name("vision_tower." + name, try_suffixes=(".weight", ".bias")))


if __name__ == "__main__":
    main()
