# SPDX-License-Identifier: Apache-2.0
"""Writes tiny random models in the layout of the released files, by the libraries' own writers.

A model folder holds base/ (transformers, sharded safetensors), clip/ (torch zip), the adapter files *.bin and vqgan/.
The scales of the random weights are chosen so that attention, experts and image all matter for the next token.
"""
import json
import math
import os
from collections import OrderedDict
from dataclasses import dataclass

import torch
import yaml
from transformers import (
    AutoTokenizer,
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    GenerationConfig,
    Phi3Config,
    Phi3ForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from hlora import PREFIX
from vqgan import Vqgan, VqganConfig

N_CODES = 512
CLIP_HIDDEN = 32
PICTURE_TOKENS = ["<start_index>", *(f"<idx_{k}>" for k in range(N_CODES)), "<end_index>", "<pixel_newline>"]
VQGAN = VqganConfig(ch=32, ch_mult=(2, 1, 1, 1), num_res_blocks=1, attn_resolutions=(32,), resolution=256,
                    z_channels=32, embed_dim=32, n_embed=N_CODES)


@dataclass(frozen=True)
class TinyModel:
    """What one folder of tests/data/tiny holds. Ranks: 0 = the folder has no such adapter."""

    name: str
    family: str  # phi3 or qwen2
    tokenizer: str  # folder in tests/data/text
    template: str
    layers: int
    hidden: int
    kv_heads: int
    ffn: int
    rope_theta: float
    sliding_window: int | None
    padding_rows: int  # rows of the checkpoint's vocabulary beyond the tokenizer's
    com_rank: int
    gen_rank: int
    adapter_type: torch.dtype
    stop: tuple  # tokens that end an answer; the first one is the config's eos
    seed: int
    gen_seed: int
    repetition_penalty: float = 1.0
    heads: int = 4
    experts: int = 4

    @property
    def extended(self):
        """Whether the picture tokens are added to the vocabulary."""
        return self.gen_rank > 0


MODELS = [
    TinyModel("m3", "phi3", "phi3", "phi3_instruct", layers=3, hidden=32, kv_heads=4, ffn=96, rope_theta=10000.0,
              sliding_window=2047, padding_rows=5, com_rank=16, gen_rank=32, adapter_type=torch.float16,
              stop=("<|endoftext|>", "<|assistant|>", "<|end|>"), seed=100, gen_seed=1100),
    TinyModel("l14", "phi3", "phi4", "phi4_instruct", layers=2, hidden=32, kv_heads=2, ffn=96, rope_theta=250000.0,
              sliding_window=None, padding_rows=0, com_rank=8, gen_rank=16, adapter_type=torch.bfloat16,
              stop=("<|im_end|>",), seed=200, gen_seed=1200),
    TinyModel("xl32", "qwen2", "qwen2", "qwen_2", layers=2, hidden=32, kv_heads=2, ffn=96, rope_theta=1000000.0,
              sliding_window=None, padding_rows=7, com_rank=8, gen_rank=0, adapter_type=torch.float16,
              stop=("<|im_end|>", "<|endoftext|>"), seed=300, gen_seed=0, repetition_penalty=1.05),
]


def normal(generator, *shape, std=1.0):
    return torch.randn(shape, generator=generator) * std


def load_tokenizer(folder):
    """The slow tokenizer, as the reference uses."""
    return AutoTokenizer.from_pretrained(folder, use_fast=False)


def link_files(source, target):
    """Relative symbolic links in folder `target` to every file of folder `source`."""
    for name in sorted(os.listdir(source)):
        os.symlink(os.path.relpath(os.path.join(source, name), target), os.path.join(target, name))


def decoder_config(spec, tokenizer):
    common = dict(
        vocab_size=len(tokenizer) + spec.padding_rows, hidden_size=spec.hidden, intermediate_size=spec.ffn,
        num_hidden_layers=spec.layers, num_attention_heads=spec.heads, num_key_value_heads=spec.kv_heads,
        rope_theta=spec.rope_theta, tie_word_embeddings=False, torch_dtype="bfloat16",
        eos_token_id=tokenizer.convert_tokens_to_ids(spec.stop[0]), bos_token_id=tokenizer.bos_token_id,
        pad_token_id=tokenizer.pad_token_id, max_position_embeddings=4096,
    )
    if spec.family == "qwen2":
        return Qwen2Config(**common, rms_norm_eps=1e-6, use_sliding_window=False)
    return Phi3Config(**common, rms_norm_eps=1e-5, sliding_window=spec.sliding_window,
                      original_max_position_embeddings=4096)


@torch.no_grad()
def fill_decoder(model, generator, tokenizer_length):
    """Norm weights near 1; projections that keep the variance, those that read the residual stream a little larger."""
    for name, p in model.named_parameters():
        if "norm" in name:
            p.copy_(1 + normal(generator, *p.shape, std=0.1))
        elif name.endswith("bias"):
            p.copy_(normal(generator, *p.shape, std=0.3))
        elif "embed_tokens" in name:
            p.copy_(normal(generator, *p.shape))
        elif "lm_head" in name:
            p.copy_(normal(generator, *p.shape, std=3 / math.sqrt(p.shape[1])))
            p[tokenizer_length:] *= 0.1  # padding rows: never the best
        else:
            p.copy_(normal(generator, *p.shape, std=1.7 / math.sqrt(p.shape[1])))


def write_base(folder, spec, text_folder, seed):
    """base/ with its tokenizer; returns nothing, the goldens read the files again."""
    base = os.path.join(folder, "base")
    os.makedirs(base)
    link_files(os.path.join(text_folder, spec.tokenizer), base)
    tokenizer = load_tokenizer(base)
    model_class = Qwen2ForCausalLM if spec.family == "qwen2" else Phi3ForCausalLM
    model = model_class(decoder_config(spec, tokenizer))
    fill_decoder(model, torch.Generator().manual_seed(seed), len(tokenizer))
    model.to(torch.bfloat16)
    model.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id, pad_token_id=tokenizer.pad_token_id,
        eos_token_id=[tokenizer.convert_tokens_to_ids(t) for t in spec.stop],
        **({"repetition_penalty": spec.repetition_penalty} if spec.repetition_penalty != 1.0 else {}))
    n_bytes = sum(p.numel() * p.element_size() for p in model.parameters())
    model.save_pretrained(base, max_shard_size=int(n_bytes * 0.6))


def adapted_layers(spec):
    """(path, in, out) of every linear layer that H-LoRA adapts."""
    head = spec.hidden // spec.heads
    q, kv = spec.heads * head, spec.kv_heads * head
    if spec.family == "qwen2":
        shapes = [("self_attn.q_proj", spec.hidden, q), ("self_attn.k_proj", spec.hidden, kv),
                  ("self_attn.v_proj", spec.hidden, kv), ("self_attn.o_proj", q, spec.hidden),
                  ("mlp.gate_proj", spec.hidden, spec.ffn), ("mlp.up_proj", spec.hidden, spec.ffn),
                  ("mlp.down_proj", spec.ffn, spec.hidden)]
    else:
        shapes = [("self_attn.qkv_proj", spec.hidden, q + 2 * kv), ("self_attn.o_proj", q, spec.hidden),
                  ("mlp.gate_up_proj", spec.hidden, 2 * spec.ffn), ("mlp.down_proj", spec.ffn, spec.hidden)]
    return [(f"model.layers.{i}.{name}", n_in, n_out) for i in range(spec.layers) for name, n_in, n_out in shapes]


def save_torch(tensors, path, root, dtype):
    """torch.save with the archive folder `root`, as in the released files: torch takes it from the file's name."""
    temporary = os.path.join(os.path.dirname(path), root + ".bin")
    torch.save(OrderedDict((name, t.to(dtype).contiguous()) for name, t in tensors.items()), temporary)
    os.replace(temporary, path)


def write_adapter(folder, spec, task, seed):
    """com_ or gen_hlora_weights.bin: H-LoRA and the task's projector. The experts' gates differ clearly by token."""
    generator = torch.Generator().manual_seed(seed)
    rank = spec.com_rank if task == "com" else spec.gen_rank
    scale = 2 * spec.experts
    tensors = {}
    for path, n_in, n_out in adapted_layers(spec):
        tensors[f"{PREFIX}{path}.lora_route.weight"] = normal(generator, spec.experts, n_in, std=1.5 / math.sqrt(n_in))
        tensors[f"{PREFIX}{path}.lora_A.weight"] = normal(generator, rank, n_in, std=1 / math.sqrt(n_in))
        spread = spec.experts / (scale * math.sqrt(rank))
        tensors[f"{PREFIX}{path}.lora_B.weight"] = normal(generator, n_out, rank, std=spread)
    prefix = f"{PREFIX}model.mm_projector."
    for index, n_in in ((0, CLIP_HIDDEN), (2, spec.hidden)):
        tensors[f"{prefix}{index}.weight"] = normal(generator, spec.hidden, n_in, std=1.5 / math.sqrt(n_in))
        tensors[f"{prefix}{index}.bias"] = normal(generator, spec.hidden, std=0.2)
    save_torch(tensors, os.path.join(folder, f"{task}_hlora_weights.bin"), "adapter_model", spec.adapter_type)


def write_fusion(folder, spec, n_rows, seed):
    """fusion_layer_weights.bin: embedding and head of the extended vocabulary."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {
        f"{PREFIX}model.embed_tokens.weight": normal(generator, n_rows, spec.hidden),
        f"{PREFIX}lm_head.weight": normal(generator, n_rows, spec.hidden, std=3 / math.sqrt(spec.hidden)),
    }
    path = os.path.join(folder, "fusion_layer_weights.bin")
    save_torch(tensors, path, "non_lora_trainables", spec.adapter_type)


@torch.no_grad()
def write_clip(folder, seed):
    """clip/: a whole CLIPModel of which only the vision part is read; the released file also has position_ids."""
    os.makedirs(folder)
    text = dict(vocab_size=16, hidden_size=8, intermediate_size=8, projection_dim=8, num_hidden_layers=1,
                num_attention_heads=1, max_position_embeddings=8)
    vision = dict(hidden_size=CLIP_HIDDEN, intermediate_size=64, projection_dim=8, num_hidden_layers=4,
                  num_attention_heads=4, image_size=336, patch_size=14)
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=8)
    model = CLIPModel(config)
    generator = torch.Generator().manual_seed(seed)
    for name, p in model.named_parameters():
        if "norm" in name and name.endswith("weight"):
            p.copy_(1 + normal(generator, *p.shape, std=0.1))
        elif p.dim() < 2:
            p.copy_(normal(generator, *p.shape, std=0.1))
        elif "position_embedding" in name:
            p.copy_(normal(generator, *p.shape, std=0.5))
        else:
            p.copy_(normal(generator, *p.shape, std=1 / math.sqrt(p[0].numel())))
    tensors = OrderedDict((name, t.half().contiguous()) for name, t in model.state_dict().items())
    for part, n in (("text_model", 8), ("vision_model", (336 // 14) ** 2 + 1)):
        tensors[f"{part}.embeddings.position_ids"] = torch.arange(n).unsqueeze(0)
    torch.save(tensors, os.path.join(folder, "pytorch_model.bin"))
    config.architectures = ["CLIPModel"]
    config.torch_dtype = torch.float16
    config.save_pretrained(folder)
    CLIPImageProcessor(size={"shortest_edge": 336}, crop_size=336).save_pretrained(folder)


@torch.no_grad()
def write_vqgan(folder, seed):
    """vqgan/last.ckpt, like a Lightning checkpoint with tensors of the loss in it, and vqgan/model.yaml."""
    os.makedirs(folder)
    generator = torch.Generator().manual_seed(seed)
    model = Vqgan(VQGAN)
    for name, p in model.named_parameters():
        if "norm" in name:
            p.copy_((1 if name.endswith("weight") else 0) + normal(generator, *p.shape, std=0.1))
        elif p.dim() == 1:
            p.copy_(normal(generator, *p.shape, std=0.05))
        elif name == "quantize.embed.weight":
            p.copy_(normal(generator, *p.shape))
        else:  # milder residual branches and output: a smoother picture, a smaller file
            gain = 0.5 if "conv2" in name or "decoder.conv_out" in name else 1.0
            p.copy_(normal(generator, *p.shape, std=gain / math.sqrt(p[0].numel())))
    state = OrderedDict((name, t.half().contiguous()) for name, t in model.state_dict().items())
    state["loss.perceptual_loss.lin0.model.1.weight"] = normal(generator, 1, 8, 1, 1).half()
    state["loss.discriminator.main.0.weight"] = normal(generator, 4, 3, 4, 4).half()
    checkpoint = {"epoch": 3, "global_step": 1234, "pytorch-lightning_version": "1.0.8", "callbacks": {},
                  "optimizer_states": [], "lr_schedulers": [], "state_dict": state}
    torch.save(checkpoint, os.path.join(folder, "last.ckpt"))
    with open(os.path.join(folder, "model.yaml"), "w", encoding="utf-8") as f:
        yaml.safe_dump(vqgan_yaml(), f, sort_keys=False)


def vqgan_yaml():
    cfg = VQGAN
    return {"model": {
        "base_learning_rate": 4.5e-06,
        "target": "taming.models.vqgan.GumbelVQ",
        "params": {
            "kl_weight": 1.0e-08, "embed_dim": cfg.embed_dim, "n_embed": cfg.n_embed, "monitor": "val/rec_loss",
            "temperature_scheduler_config": {
                "target": "taming.lr_scheduler.LambdaWarmUpCosineScheduler",
                "params": {"warm_up_steps": 0, "max_decay_steps": 1000001, "lr_start": 0.9, "lr_max": 0.9,
                           "lr_min": 1.0e-06}},
            "ddconfig": {
                "double_z": False, "z_channels": cfg.z_channels, "resolution": cfg.resolution,
                "in_channels": cfg.in_channels, "out_ch": cfg.out_ch, "ch": cfg.ch, "ch_mult": list(cfg.ch_mult),
                "num_res_blocks": cfg.num_res_blocks, "attn_resolutions": list(cfg.attn_resolutions),
                "dropout": 0.0},
            "lossconfig": {"target": "taming.modules.losses.vqperceptual.DummyLoss"}}}}


def write_manifest(folder, spec):
    """healthgpt.json: says that the weights are random, and what the generation plug-in may be asked for."""
    manifest = {"name": f"tiny-{spec.name}", "random_weights": True, "template": spec.template}
    if spec.extended:
        manifest["tasks"] = ["reconstruct"]
    with open(os.path.join(folder, "healthgpt.json"), "w", encoding="utf-8") as f:
        json.dump(manifest, f, indent=2)
        f.write("\n")
