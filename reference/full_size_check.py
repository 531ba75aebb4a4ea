# SPDX-License-Identifier: Apache-2.0
"""First answer token and first picture code of a full-size model, layer by layer, for comparison with the program.

    python reference/full_size_check.py MODEL_FOLDER IMAGE [QUESTION]

MODEL_FOLDER is one that `build/random_model m3` wrote (a tokenizer.json, one model.safetensors). Only one decoder layer is in memory
at a time, in float32, so about 4 GB are enough. Compare with

    healthgpt ask --json --max-tokens 1 --model MODEL_FOLDER IMAGE QUESTION          (tokens[0])
    healthgpt draw --codes --task reconstruct --model MODEL_FOLDER IMAGE -o OUT.png  (the first code)
"""
import json
import sys

import torch
from PIL import Image
from safetensors import safe_open
from tokenizers import Tokenizer
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModel, Phi3Config
from transformers.models.phi3.modeling_phi3 import Phi3DecoderLayer, Phi3RotaryEmbedding

from hlora import HLoraLinear
from splice import build_prompt, expand_to_square, project

PREFIX = "base_model.model.model."
MODULES = ("self_attn.qkv_proj", "self_attn.o_proj", "mlp.gate_up_proj", "mlp.down_proj")
TASKS = {"com": -2, "gen": 1}  # the hidden state of CLIP that the task reads


def load_torch(path):
    return torch.load(path, weights_only=True, mmap=True)


def prompt_ids(tokenizer, question, draw):
    """Ids before and after the picture."""
    before, after = (tokenizer.encode(part).ids for part in build_prompt("phi3_instruct", question).split("<image>"))
    return before, after + ([tokenizer.get_vocab_size()] if draw else [])


def image_features(folder, path):
    vision = json.load(open(f"{folder}/clip/config.json"))["vision_config"]
    clip = CLIPVisionModel(CLIPVisionConfig(**vision)).eval()
    missing = clip.load_state_dict(load_torch(f"{folder}/clip/pytorch_model.bin"), strict=False).missing_keys
    assert all("post_layernorm" in name for name in missing), missing
    processor = CLIPImageProcessor.from_pretrained(f"{folder}/clip")
    image = expand_to_square(Image.open(path).convert("RGB"))
    pixels = processor.preprocess(image, return_tensors="pt")["pixel_values"]
    states = clip(pixels, output_hidden_states=True).hidden_states
    return {task: states[index][0, 1:] for task, index in TASKS.items()}


def embed(features, adapter, table, ids):
    before, after = (table[part].float() for part in ids)
    return torch.cat([before, project(features, adapter), after])[None]


def run_layer(layer, adapter, index, rotary, x):
    """One decoder layer with the adapter's H-LoRA; the layer is left as it was."""
    plain = {path: layer.get_submodule(path) for path in MODULES}
    for path in MODULES:
        parts = (adapter[f"{PREFIX}layers.{index}.{path}.{n}.weight"].float() for n in ("lora_A", "lora_B", "lora_route"))
        a, b, route = parts
        parent, leaf = path.split(".")
        setattr(layer.get_submodule(parent), leaf, HLoraLinear(plain[path], a, b, route, alpha=2 * a.shape[0]))
    n = x.shape[1]
    positions = torch.arange(n)[None]
    mask = torch.full((n, n), torch.finfo(x.dtype).min).triu(1)[None, None]
    y = layer(x, attention_mask=mask, position_ids=positions, position_embeddings=rotary(x, positions))[0]
    for path in MODULES:
        parent, leaf = path.split(".")
        setattr(layer.get_submodule(parent), leaf, plain[path])
    return y


def main(folder, image, question="Is there a pleural effusion?"):
    settings = json.load(open(f"{folder}/base/config.json"))
    config = Phi3Config(**{k: v for k, v in settings.items() if k not in ("architectures", "model_type")})
    config._attn_implementation = "eager"
    base = safe_open(f"{folder}/base/model.safetensors", "pt")
    tokenizer = Tokenizer.from_file(f"{folder}/base/tokenizer.json")
    n_tokens = tokenizer.get_vocab_size()
    adapters = {task: load_torch(f"{folder}/{task}_hlora_weights.bin") for task in TASKS}
    fusion = load_torch(f"{folder}/fusion_layer_weights.bin")
    features = image_features(folder, image)
    tables = {"com": base.get_tensor("model.embed_tokens.weight"), "gen": fusion[f"{PREFIX}embed_tokens.weight"]}
    questions = {"com": question, "gen": "Reconstruct the image."}
    x = {
        task: embed(features[task], adapters[task], tables[task], prompt_ids(tokenizer, questions[task], task == "gen"))
        for task in TASKS
    }
    rotary = Phi3RotaryEmbedding(config)
    for index in range(config.num_hidden_layers):
        layer = Phi3DecoderLayer(config, index).eval()
        name = f"model.layers.{index}."
        layer.load_state_dict({key: base.get_tensor(name + key).float() for key in layer.state_dict()})
        for task in TASKS:
            x[task] = run_layer(layer, adapters[task], index, rotary, x[task])
        print(f"layer {index + 1} of {config.num_hidden_layers}", file=sys.stderr)
    gain = base.get_tensor("model.norm.weight").float()
    heads = {
        "com": base.get_tensor("lm_head.weight")[:n_tokens],
        "gen": fusion["base_model.model.lm_head.weight"][n_tokens + 1 : -2],
    }
    for task, label in (("com", "first token"), ("gen", "first picture code")):
        last = x[task][0, -1]
        last = last / torch.sqrt((last * last).mean() + config.rms_norm_eps) * gain
        logits, ids = (heads[task].float() @ last).topk(2)
        print(f"{label}: {ids[0]} (logit {logits[0]:.4f}, next {logits[1]:.4f}), prompt of {x[task].shape[1]} positions")


if __name__ == "__main__":
    with torch.no_grad():
        main(*sys.argv[1:])
