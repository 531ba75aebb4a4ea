# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/training: ten AdamW steps of every stage on the tiny M3, by PyTorch's autograd and optimiser, with
its H-LoRA; and with LoRA (its A and B without the router) and MoELoRA (its B restacked) in their place.

    python reference/make_training.py [--out tests/data/training]

Needs tests/data/tiny (make_golden.py). Weights and sums are in float64 (transformers computes norms and softmax in
float32 within that), attention is `eager`, dropout off: the random models make much of the rounding of float32.
"""
import argparse
import json
import os

import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPVisionModel,
    get_constant_schedule,
    get_cosine_schedule_with_warmup,
)

import tiny_models as tiny
from hlora import PREFIX, HLoraLinear, LoraLinear, MoeLoraLinear, restack
from model_goldens import load_task
from tiny_models import load_tokenizer
from splice import IMAGE_TOKEN, TEMPLATES, encode_prompt, prepare_image

HERE = os.path.dirname(os.path.abspath(__file__))
STAGES = ("1-com", "1-gen", "2-fusion", "3-com", "3-gen")
STEPS, BATCH, WARMUP = 10, 2, 0.2
LR, PROJECTOR_LR, DECAY = 1e-4, 5e-5, 0.1
SAMPLED = 48  # values of each tensor that are kept
ROWS = 24  # rows of embedding and head that are kept

COM = [
    {"image": "../tiny/image.png",
     "conversations": [{"from": "human", "value": "<image>\nWhat modality is this?"},
                       {"from": "gpt", "value": "It is a synthetic ring."},
                       {"from": "human", "value": "Is there a disc?"},
                       {"from": "gpt", "value": "Yes, a bright one near the middle."}]},
    {"image": ["../tiny/m3/picture.png"],
     "conversations": [{"from": "human", "value": "Describe it.\n<image>"},
                       {"from": "gpt", "value": "Noise of many colours.\n"}]},
    {"conversations": [{"from": "human", "value": "Name an organ."}, {"from": "gpt", "value": "The liver"}]},
]
GEN = [
    {"image": "../tiny/image.png", "target_image": "../tiny/m3/picture.png",
     "conversations": [{"from": "human", "value": "<image>\nConvert the CT image to an MRI image."},
                       {"from": "gpt", "value": ""}]},
    {"image": "../tiny/m3/picture.png",
     "conversations": [{"from": "human", "value": "<image>\nReconstruct the image."}, {"from": "gpt", "value": "CODES"}]},
]


class Setting:
    """One model with both tasks, its parts as parameters."""

    def __init__(self, folder, spec, adapter):
        self.spec, self.folder, self.adapter = spec, folder, adapter
        self.models, self.projectors, self.tokenizer = {}, {}, None
        config = CLIPConfig.from_pretrained(os.path.join(folder, "clip")).vision_config
        self.clip = CLIPVisionModel._from_config(config, attn_implementation="eager").double().eval()
        state = torch.load(os.path.join(folder, "clip", "pytorch_model.bin"), weights_only=True)
        self.clip.load_state_dict({n: t.double() for n, t in state.items()
                                   if n.startswith("vision_model.") and "position_ids" not in n})
        self.processor = CLIPImageProcessor.from_pretrained(os.path.join(folder, "clip"))
        for task in ("com", "gen"):
            model, tokenizer, self.n_tokens, adapter = load_task(folder, spec, task)
            for p in model.parameters():
                p.requires_grad_(False)
            for module in model.modules():
                if isinstance(module, HLoraLinear):
                    for name in ("a", "b", "route"):
                        value = getattr(module, name).clone()
                        delattr(module, name)
                        setattr(module, name, nn.Parameter(value, requires_grad=False))
            if self.adapter != "hlora":
                self.replace_adapters(model)
            self.models[task], self.tokenizer = model.double(), tokenizer
            prefix = f"{PREFIX}model.mm_projector."
            self.projectors[task] = {n[len(prefix):]: nn.Parameter(t.double(), requires_grad=False)
                                     for n, t in adapter.items() if n.startswith(prefix)}
        self.features = {}

    def replace_adapters(self, model):
        for path, module in list(model.named_modules()):
            if not isinstance(module, HLoraLinear):
                continue
            a, b, alpha = module.a.data, module.b.data, module.alpha
            other = (LoraLinear(module.base, a, b, alpha) if self.adapter == "lora" else
                     MoeLoraLinear(module.base, a, restack(b, module.route.shape[0]), module.route.data, alpha))
            parent, _, leaf = path.rpartition(".")
            setattr(model.get_submodule(parent), leaf, other)

    def named(self, task):
        """Released name -> parameter, of a plug-in."""
        out = {}
        for path, module in self.models[task].named_modules():
            if isinstance(module, (HLoraLinear, LoraLinear, MoeLoraLinear)):
                router = [] if isinstance(module, LoraLinear) else [("lora_route", module.route)]
                for name, part in router + [("lora_A", module.a), ("lora_B", module.b)]:
                    out[f"{PREFIX}{path}.{name}.weight"] = part
        return out | {f"{PREFIX}model.mm_projector.{n}": p for n, p in self.projectors[task].items()}

    @torch.no_grad()
    def see(self, path, task):
        key = (path, task)
        if key not in self.features:
            _, pixels = prepare_image(self.processor, Image.open(path).convert("RGB"))
            hidden = self.clip(pixels.double(), output_hidden_states=True).hidden_states
            self.features[key] = hidden[1 if task == "gen" else -2][0, 1:]
        return self.features[key]

    def project(self, features, task):
        p = self.projectors[task]
        return F.linear(F.gelu(F.linear(features, p["0.weight"], p["0.bias"])), p["2.weight"], p["2.bias"])

    def loss(self, sample, fused):
        """Sum of the labels' losses."""
        task, ids, labels, image = sample
        words = self.models["gen" if fused else task]
        embedding, head = words.get_input_embeddings().weight, words.lm_head.weight
        if task == "com" and not fused:
            head = head[: self.n_tokens]
        parts, targets = [], []
        for i, (token, label) in enumerate(zip(ids, labels)):
            rows = self.project(self.see(image, task), task) if token == IMAGE_TOKEN else embedding[token][None]
            parts.append(rows)
            targets += [-100] * (len(rows) - 1) + [label]
        x = torch.cat(parts)
        hidden = self.models[task].model(inputs_embeds=x[None]).last_hidden_state[0]
        logits = F.linear(hidden, head)
        return F.cross_entropy(logits[:-1], torch.tensor(targets)[:-1], reduction="sum", ignore_index=-100)


def shift(ids, spoken):
    """Label of each position: the next id if the model should say that one itself."""
    return [ids[i + 1] if i + 1 < len(ids) and spoken[i + 1] else -100 for i in range(len(ids))]


def question_of(value):
    return value.replace("<image>\n", "").replace("<image>", "").strip()


def conversation(tokenizer, template, item):
    """-> ids, and for each whether the assistant says it: from behind its header up to and with the end token."""
    turns, image = item["conversations"], item.get("image")
    end = "<|end|>" if template == "phi3_instruct" else "<|im_end|>"
    start, _, rest = TEMPLATES[template].partition("{}")
    user = start.rpartition(end)[2]
    text = start + ("<image>\n" if image else "")
    for i in range(0, len(turns), 2):
        text += user if i else ""
        text += question_of(turns[i]["value"]) + rest + turns[i + 1]["value"].strip() + end
    ids = encode_prompt(tokenizer, text)
    header = {"phi3_instruct": ["<|assistant|>"], "phi4_instruct": ["<|im_start|>", "assistant", "<|im_sep|>"],
              "qwen_2": ["<|im_start|>", "assistant", "\n"]}[template]
    header = [i for piece in header for i in ([tokenizer.convert_tokens_to_ids(piece)] if piece[0] == "<"
                                              else tokenizer(piece, add_special_tokens=False).input_ids)]
    end_id, spoken, inside = tokenizer.convert_tokens_to_ids(end), [], False
    for i, token in enumerate(ids):
        inside = inside or ids[max(0, i - len(header)):i] == header
        spoken.append(inside)
        inside = inside and token != end_id
    return ids, spoken


def com_sample(setting, item, plain, folder):
    image = item.get("image")
    image = os.path.join(folder, image[0] if isinstance(image, list) else image) if image else None
    if plain:
        text = ("<image>" if image else "") + item["conversations"][1]["value"].strip() + "\n"
        ids = encode_prompt(setting.tokenizer, text)
        first = ids.index(IMAGE_TOKEN) + 1 if image else 1
        return "com", ids, shift(ids, [i >= first for i in range(len(ids))]), image
    ids, spoken = conversation(setting.tokenizer, "phi3_instruct", item)
    return "com", ids, shift(ids, spoken), image


def gen_sample(setting, item, plain, folder, codes):
    image = os.path.join(folder, item["image"])
    if plain:
        ids = encode_prompt(setting.tokenizer, "<image>") + [setting.n_tokens]
    else:
        question = question_of(item["conversations"][0]["value"])
        text = TEMPLATES["phi3_instruct"].format("<image>\n" + question) + "<start_index>"
        ids = encode_prompt(setting.tokenizer, text)
    assert ids[-1] == setting.n_tokens
    answer = [setting.n_tokens + 1 + k for k in codes] + [setting.n_tokens + 1 + tiny.N_CODES]
    spoken = [False] * len(ids) + [True] * len(answer)
    return "gen", ids + answer, shift(ids + answer, spoken), image


def train(setting, samples, params, fused, constant):
    """params: name -> parameter. -> losses, norms; the parameters are changed."""
    for p in params.values():
        p.requires_grad_(True)
    groups = {"main": [], "projector": [], "bias": []}
    for name, p in params.items():
        groups["main" if "mm_projector" not in name else "bias" if p.dim() == 1 else "projector"].append(p)
    optimizer = torch.optim.AdamW(
        [{"params": groups["main"], "lr": LR, "weight_decay": DECAY},
         {"params": groups["projector"], "lr": PROJECTOR_LR, "weight_decay": DECAY},
         {"params": groups["bias"], "lr": PROJECTOR_LR, "weight_decay": 0}], eps=1e-8, betas=(0.9, 0.999))
    schedule = (get_constant_schedule(optimizer) if constant
                else get_cosine_schedule_with_warmup(optimizer, round(WARMUP * STEPS), STEPS))
    losses, norms, cursor = [], [], 0
    for _ in range(STEPS):
        optimizer.zero_grad()
        batch = [samples[(cursor + i) % len(samples)] for i in range(BATCH)]
        cursor += BATCH
        n = sum(label != -100 for sample in batch for label in sample[2])
        loss = sum(setting.loss(sample, fused) for sample in batch) / n
        loss.backward()
        norms.append(nn.utils.clip_grad_norm_(list(params.values()), 1.0).item())
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return losses, norms


def sample_values(tensor):
    flat = tensor.detach().flatten()
    n = len(flat)
    return flat.clone() if n <= SAMPLED else flat[torch.arange(SAMPLED) * n // SAMPLED].clone()


def stage_goldens(stage, folder, out, codes, adapter="hlora"):
    """A fresh model is loaded for each stage."""
    setting = Setting(folder, next(m for m in tiny.MODELS if m.name == "m3"), adapter)
    plain = stage == "1-com"
    com = [com_sample(setting, item, plain, out) for item in COM]
    gen = [gen_sample(setting, item, plain, out, codes["picture"]) for item in GEN]
    if stage == "1-gen":  # items for captions: each picture is its own answer
        own = [{"image": name, "conversations": [{"value": "Reconstruct the image."}]}
               for name in (COM[0]["image"], COM[1]["image"][0])]
        gen = [gen_sample(setting, item, plain, out, codes[name]) for item, name in zip(own, ("image", "picture"))]
    fused = stage == "2-fusion"
    words = setting.models["gen"]
    vocabulary = {f"{PREFIX}model.embed_tokens.weight": words.get_input_embeddings().weight,
                  f"{PREFIX}lm_head.weight": words.lm_head.weight}
    if fused:
        samples, params = [com[0], gen[0], com[1], com[2]], vocabulary
    else:
        task = stage.partition("-")[2]
        samples, params = (gen if task == "gen" else com), setting.named(task)
        if stage == "1-com":
            params = {n: p for n, p in params.items() if "mm_projector" in n}
    before = {n: p.detach().clone() for n, p in params.items()}
    losses, norms = train(setting, samples, params, fused, constant=fused)
    stage = stage if adapter == "hlora" else f"{adapter}.{stage}"
    result = {f"{stage}.losses": torch.tensor(losses), f"{stage}.norms": torch.tensor(norms)}
    for name, p in params.items():
        change = (p.detach() - before[name]).abs().max()
        assert change > 0, name
        if fused:
            ids = list(dict.fromkeys(i for sample in (com[0], gen[0]) for i in sample[1][-40:] if i >= 0))
            rows = torch.tensor([i for i in ids if (before[name][i] != p[i]).any()][:ROWS])
            result[f"{stage}.{name}.rows"], result[f"{stage}.{name}"] = rows, p.detach()[rows].clone()
        else:
            result[f"{stage}.{name}"] = sample_values(p)
        result[f"{stage}.{name}.change"] = change.reshape(1)
    print(f"{stage}: losses {losses[0]:.4f} .. {losses[-1]:.4f}, norms {norms[0]:.3f} .. {norms[-1]:.3f}", flush=True)
    return result


def write_json(path, items):
    with open(path, "w", encoding="utf-8") as f:
        json.dump(items, f, indent=1)
        f.write("\n")


def save(result, folder, name):
    save_file({n: t.float().contiguous() for n, t in result.items()}, os.path.join(folder, name))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = os.path.join(HERE, "..", "tests", "data")
    parser.add_argument("--out", default=os.path.join(data, "training"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    folder = os.path.join(data, "tiny", "m3")
    os.makedirs(args.out, exist_ok=True)
    golden = load_file(os.path.join(folder, "golden.safetensors"))
    codes = {name: golden[f"vq.{name}_codes"].long().tolist() for name in ("image", "picture")}
    text = "<start_index>" + "".join(f"<idx_{k}>" for k in codes["picture"]) + "<end_index>"
    GEN[1]["conversations"][1]["value"] = text
    write_json(os.path.join(args.out, "com.json"), COM)
    write_json(os.path.join(args.out, "gen.json"), GEN)
    write_json(os.path.join(args.out, "mix.json"), [COM[0], GEN[0], COM[1], COM[2]])
    result = {}
    for stage in STAGES:
        result |= stage_goldens(stage, folder, args.out, codes)
    settings = torch.tensor([STEPS, BATCH, WARMUP, LR, PROJECTOR_LR, DECAY])
    others = {"settings": settings}
    for adapter in ("lora", "moelora"):
        for stage in STAGES:
            others |= stage_goldens(stage, folder, args.out, codes, adapter)
    save(others, args.out, "golden_adapters.safetensors")
    for spec in tiny.MODELS:
        tokenizer = load_tokenizer(os.path.join(data, "tiny", spec.name, "base"))
        for i, item in enumerate(COM):
            ids, spoken = conversation(tokenizer, spec.template, item)
            result[f"samples.{spec.name}.{i}.ids"] = torch.tensor(ids)
            result[f"samples.{spec.name}.{i}.labels"] = torch.tensor(shift(ids, spoken))
    result["settings"] = settings
    save(result, args.out, "golden.safetensors")


if __name__ == "__main__":
    main()
