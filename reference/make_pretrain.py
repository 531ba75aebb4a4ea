# SPDX-License-Identifier: Apache-2.0
"""tests/data/pretrain: what PyTorch, transformers and tokenizers make of the stages that begin from nothing.

    make_pretrain.py PROGRAM

A run is begun by PROGRAM (build/healthgpt) with fixed settings; from its checkpoint after step 1 the steps 2 to 5 are
computed here in float64, with every item in every step, so that their order does not matter but for the noise of the
Gumbel quantiser, which is made here as the program makes it. The tests repeat the runs and compare the losses. The
tokenizer is trained by PROGRAM from corpus.txt and read by tokenizers.
"""
import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch.nn import functional as F
from transformers import CLIPVisionConfig, CLIPVisionModel, Phi3Config, Phi3ForCausalLM

from vqgan import Vqgan, VqganConfig

DATA = Path(__file__).parent.parent / "tests" / "data" / "pretrain"
STEPS = 5
PROGRAM = os.path.abspath(sys.argv[1])

SAMPLES = [
    "The left lung is clear.",
    "No fracture of the 3rd rib, 12.5 mm!",
    "a  b\n\n\tc",
    "Größe: 45 µm – naïve",
    "<|user|>\nIs it a CT?<|end|>\n<|assistant|>\nYes<|end|>",
    "肺 🙂 x",
]

LM = ["--length", "24", "--layers", "2", "--hidden", "32", "--heads", "4", "--kv-heads", "2", "--ffn", "48", "--lr", "3e-3"]
VQ = ["--size", "32", "--channels", "32", "--groups", "32", "--multipliers", "1,2", "--blocks", "1", "--codes", "16",
      "--batch", "12", "--flip", "no", "--precision", "f32", "--restart-every", "0", "--lr", "1e-3", "--attention", "16"]
VIT = ["--size", "32", "--patch", "8", "--layers", "3", "--hidden", "32", "--heads", "4", "--ffn", "64", "--batch", "12", "--noise", "0",
       "--shift", "0", "--lr", "1e-3"]
COMMON = ["--schedule", "constant", "--warmup", "0", "--holdout", "0", "--json", "--quiet"]


def run(*args):
    return json.loads(subprocess.run([PROGRAM, "train", *args], check=True, stdout=subprocess.PIPE).stdout)


class AdamW:
    """PyTorch's, from given moments, at its second step; decays what `decays` names."""

    def __init__(self, state, params, rate, beta2, decay, decays):
        self.m = {k: state["m." + k].double().view(p.shape) for k, p in params.items()}
        self.v = {k: state["v." + k].double().view(p.shape) for k, p in params.items()}
        self.params, self.rate, self.beta2, self.decay, self.decays, self.step_number = params, rate, beta2, decay, decays, 1

    def step(self):
        torch.nn.utils.clip_grad_norm_(self.params.values(), 1.0)
        self.step_number += 1
        for k, p in self.params.items():
            g = p.grad if p.grad is not None else torch.zeros_like(p)
            self.m[k] += 0.1 * (g - self.m[k])
            self.v[k] = self.beta2 * self.v[k] + (1 - self.beta2) * g * g
            m = self.m[k] / (1 - 0.9**self.step_number)
            v = self.v[k] / (1 - self.beta2**self.step_number)
            with torch.no_grad():
                p *= 1 - self.rate * (self.decay if self.decays(k) else 0)
                p -= self.rate * m / (v.sqrt() + 1e-8)
            p.grad = None


def take(state, model, skip=()):
    params = dict(model.named_parameters())
    with torch.no_grad():
        for k, p in params.items():
            p.copy_(state[k].double().view(p.shape))
    return {k: p for k, p in params.items() if k not in skip}


def tokenizer(folder):
    run("--stage", "tokenizer", "--data", str(DATA / "corpus.txt"), "-o", folder, "--vocabulary", "400", "--json", "--quiet")
    tok = Tokenizer.from_file(folder + "/base/tokenizer.json")
    rows = [{"text": s, "ids": tok.encode(s).ids} for s in SAMPLES]
    for row in rows:
        assert tok.decode(row["ids"], skip_special_tokens=False)[3:] == row["text"], row
    return tok, rows


def language_model(work, tok):
    ids = []
    for text in (DATA / "corpus.txt").read_text().split("\n\n"):
        ids += tok.encode(text.strip("\n")).ids + [tok.token_to_id("<|endoftext|>")]
    n = (len(ids) - 1) // 24
    base = ["--stage", "pretrain-lm", "--data", str(DATA / "corpus.txt"), "--tokenizer", work + "/tok/base", "--batch", str(n), *LM, *COMMON]
    assert run(*base, "--steps", "1", "-o", work + "/lm")["items"] == n
    state = load_file(work + "/lm/checkpoint.safetensors")
    config = Phi3Config(vocab_size=tok.get_vocab_size(), hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
                        num_key_value_heads=2, rms_norm_eps=1e-5, rope_theta=10000.0, max_position_embeddings=4096, sliding_window=None,
                        tie_word_embeddings=False, pad_token_id=0, attn_implementation="eager")
    model = Phi3ForCausalLM(config).double()
    params = take(state, model)
    adam = AdamW(state, params, 3e-3, 0.95, 0.1, lambda k: params[k].dim() == 2 and "embed_tokens" not in k)
    x = torch.tensor([ids[24 * i:24 * i + 25] for i in range(n)])
    losses = []
    for _ in range(STEPS - 1):
        logits = model(input_ids=x[:, :-1]).logits
        loss = F.cross_entropy(logits.reshape(-1, logits.shape[-1]), x[:, 1:].reshape(-1))
        losses.append(loss.item())
        loss.backward()
        adam.step()
    return {"windows": n, "losses": losses}


NAMES, SHAPES = ["red", "green", "blue", "white"], ["square", "bar", "cross"]
COLOURS = [(220, 30, 30), (30, 200, 40), (30, 50, 220), (240, 240, 240)]


def inside(shape, x, y):
    return [6 <= x < 22 and 8 <= y < 24, 20 <= y < 26, 14 <= x < 18 or 14 <= y < 18][shape]


def pictures(folder):
    """Those of tests/pretrain/pretrain_data.c."""
    os.mkdir(folder)
    out = []
    with open(folder + "/data.json", "w") as data:
        for i in range(12):
            image = Image.new("RGB", (32, 32))
            for y in range(32):
                for x in range(32):
                    image.putpixel((x, y), COLOURS[i // 3] if inside(i % 3, x, y) else (40 + x,) * 3)
            image.save(f"{folder}/p{i}.png")
            out.append(2 * torch.tensor(list(image.getdata()), dtype=torch.float64).view(32, 32, 3).permute(2, 0, 1) / 255 - 1)
            turns = [("human", "<image>\nWhich colour is it?"), ("gpt", f"It is {NAMES[i // 3]}."),
                     ("human", "Which shape does the picture show?"), ("gpt", f"a {SHAPES[i % 3]}")]
            data.write(json.dumps({"image": f"p{i}.png", "conversations": [{"from": who, "value": text} for who, text in turns]}) + "\n")
    return torch.stack(out)


class Rng:
    """xoshiro256**, seeded by splitmix64, as src/base/rng.c."""
    MASK = (1 << 64) - 1

    def __init__(self, seed):
        self.s = []
        for _ in range(4):
            seed = (seed + 0x9E3779B97F4A7C15) & self.MASK
            z = ((seed ^ (seed >> 30)) * 0xBF58476D1CE4E5B9) & self.MASK
            z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & self.MASK
            self.s.append(z ^ (z >> 31))

    @classmethod
    def of_place(cls, seed, step, item):
        """hg_pretrain_rng: the numbers of an item in a step."""
        return cls((((seed * 0x9E3779B97F4A7C15 + step) & cls.MASK) * 0xFF51AFD7ED558CCD + item) & cls.MASK)

    def rotate(self, x, k):
        return ((x << k) | (x >> (64 - k))) & self.MASK

    def next(self):
        s = self.s
        result = (self.rotate((s[1] * 5) & self.MASK, 7) * 9) & self.MASK
        t = (s[1] << 17) & self.MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = self.rotate(s[3], 45)
        return result

    def uniform(self):
        return (self.next() >> 11) * 2.0**-53


def order_of_epoch(n, seed, epoch):
    rng, order = Rng.of_place(seed, -1, epoch), list(range(n))
    for i in range(n, 1, -1):
        j = rng.next() % i
        order[j], order[i - 1] = order[i - 1], order[j]
    return order


def vq_run(work, x, name, *more):
    run("--stage", "pretrain-vq", "--data", work + "/pictures/data.json", *VQ, *more, *COMMON, "--steps", "1", "-o", f"{work}/{name}")
    state = load_file(f"{work}/{name}/checkpoint.safetensors")
    model = Vqgan(VqganConfig(ch=32, ch_mult=(1, 2), num_res_blocks=1, attn_resolutions=(16,), resolution=32, z_channels=32,
                              embed_dim=8, n_embed=16)).double()
    return state, model


def picture_loss(model, rows, x):
    """Of latents (B · 16 · 16, 8) in raster order."""
    d = model.decoder(model.post_quant_conv(rows.view(-1, 16, 16, 8).permute(0, 3, 1, 2))) - x
    edges = (d[..., 1:] - d[..., :-1]).abs().sum() + (d[..., 1:, :] - d[..., :-1, :]).abs().sum()
    return d.abs().mean() + (d * d).mean() + 0.5 * edges / d.numel()


def gumbel(work, x):
    """esser et al.'s quantiser: straight through the softmax of scores and noise, from temperature 1 to 0.1; KL to uniform."""
    state, model = vq_run(work, x, "gumbel", "--quantiser", "gumbel")
    params = take(state, model)
    adam = AdamW(state, params, 1e-3, 0.99, 0, lambda k: False)
    losses = []
    for step in range(1, STEPS):
        pictures_now = x[order_of_epoch(12, 0, step)]
        latent = model.latent(pictures_now).permute(0, 2, 3, 1).reshape(-1, 8)
        scores = F.linear(latent, model.quantize.proj.weight.view(16, 8), model.quantize.proj.bias)
        noise = torch.empty_like(scores)
        for row in range(scores.shape[0]):
            rng = Rng.of_place(1, step, row)
            for column in range(16):
                noise[row, column] = -math.log(1e-20 - math.log(rng.uniform() + 1e-20))
        soft = torch.softmax((scores + noise.float().double()) / 0.1 ** (step / STEPS), dim=1)
        hard = F.one_hot(soft.argmax(1), 16).double()
        rows = (hard - soft.detach() + soft) @ model.quantize.embed.weight
        p = torch.softmax(scores, dim=1)
        kl = (p * torch.log(16 * p + 1e-10)).sum(1).mean()
        loss = picture_loss(model, rows, pictures_now) + 5e-4 * kl
        losses.append(loss.item())
        loss.backward()
        adam.step()
    return {"losses": losses}


def image_encoder(work, x):
    """Two questions of each image, read off the mean of the patches behind the last layer but one."""
    run("--stage", "pretrain-vit", "--data", work + "/pictures/data.json", *VIT, *COMMON, "--steps", "1", "-o", work + "/vit")
    state = load_file(work + "/vit/checkpoint.safetensors")
    config = CLIPVisionConfig(hidden_size=32, intermediate_size=64, num_hidden_layers=3, num_attention_heads=4, image_size=32, patch_size=8,
                              hidden_act="quick_gelu", layer_norm_eps=1e-5, attn_implementation="eager")
    model = CLIPVisionModel(config).double()
    head = torch.nn.Linear(32, 7).double()
    model.head = head
    for part in ("", "m.", "v."):
        for name in ("head.weight", "head.bias"):
            state[part + name] = state[part + "train." + name]
    params = {k: p for k, p in take(state, model).items() if "encoder.layers.2." not in k}
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073]).double().view(3, 1, 1)
    std = torch.tensor([0.26862954, 0.26130258, 0.27577711]).double().view(3, 1, 1)
    pixels = ((x + 1) / 2 - mean) / std
    colours, shapes = torch.arange(12) // 3, torch.arange(12) % 3
    vision = model.vision_model
    matrix = lambda k: params[k].dim() > 1 and "_embedding" not in k
    adam = AdamW(state, params, 1e-3, 0.98, 0.05, matrix)
    losses = []
    for _ in range(STEPS - 1):
        deep = model(pixel_values=pixels, output_hidden_states=True).hidden_states[-2][:, 1:]
        scores = head(vision.post_layernorm(deep.mean(1)))
        loss = 0.5 * F.cross_entropy(scores[:, :4], colours) + 0.5 * F.cross_entropy(scores[:, 4:], shapes)
        losses.append(loss.item())
        loss.backward()
        adam.step()
    return {"losses": losses}


def autoencoder(work, x):
    state, model = vq_run(work, x, "vq")
    params = take(state, model, skip=("quantize.proj.weight", "quantize.proj.bias"))
    adam = AdamW(state, params, 1e-3, 0.99, 0, lambda k: False)
    losses = []
    for _ in range(STEPS - 1):
        z = F.normalize(model.latent(x).permute(0, 2, 3, 1).reshape(-1, 8), dim=1)
        e = F.normalize(model.quantize.embed.weight, dim=1)
        q = e[(z @ e.T).argmax(1)]
        loss = picture_loss(model, z + (q - z).detach(), x) + 0.25 * F.mse_loss(z, q.detach()) + F.mse_loss(q, z.detach())
        losses.append(loss.item())
        loss.backward()
        adam.step()
        with torch.no_grad():
            model.quantize.embed.weight.copy_(F.normalize(model.quantize.embed.weight, dim=1))
    return {"losses": losses}


def main():
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as work:
        tok, rows = tokenizer(work + "/tok")
        x = pictures(work + "/pictures")
        golden = {"tokenizer": rows, "lm": language_model(work, tok), "vq": autoencoder(work, x), "gumbel": gumbel(work, x),
                  "vit": image_encoder(work, x)}
    (DATA / "golden.json").write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n")


main()
