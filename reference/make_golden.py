# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/tiny again: tiny models in the released file layouts and their golden outputs.

    python reference/make_golden.py [--text tests/data/text] [--out tests/data/tiny]

Seeds are tried upwards from those in tiny_models.py until the outputs vary and no greedy choice is close.
"""
import argparse
import json
import os
import shutil
import sys

import numpy as np
import safetensors
import tokenizers
import torch
import transformers
from PIL import Image, __version__ as pillow_version
from safetensors.torch import save_file

import tiny_models as tiny
from model_goldens import Rejected, clip_goldens, draw_goldens, text_goldens
from op_goldens import attention_goldens, hlora_goldens, rope_goldens
from vqgan_goldens import decode_goldens, encode_goldens, load_vqgan

HERE = os.path.dirname(os.path.abspath(__file__))
CLIP_SEED, VQGAN_SEED = 7, 8
MAX_TRIES = 200
MAX_BYTES = 3000000


def make_image():
    """61 x 47, RGB: a bright ring and a disc on a gradient, some noise. Not square, so that padding matters."""
    y, x = np.mgrid[0:47, 0:61].astype(np.float64)
    ring = np.exp(-(((np.hypot(x - 28, y - 22) - 15) / 3) ** 2))
    disc = (np.hypot(x - 34, y - 25) < 6).astype(np.float64)
    noise = np.random.RandomState(5).randint(-6, 7, (47, 61, 3))
    channels = [40 + 180 * ring + 2 * y, 60 + 120 * ring + 90 * disc, 30 + 2.5 * x + 110 * disc]
    return Image.fromarray((np.stack(channels, axis=-1) + noise).clip(0, 255).astype(np.uint8))


def save_goldens(tensors, path):
    """All as float32, ids too (exact below 2^24): the program's reader of tensor files knows float types only."""
    save_file({name: t.float().contiguous() for name, t in tensors.items()}, path)


def search(what, first_seed, write, evaluate):
    """Calls write(seed) and evaluate() for rising seeds until evaluate accepts; -> (seed, its result)."""
    for seed in range(first_seed, first_seed + MAX_TRIES):
        write(seed)
        try:
            result = evaluate()
        except Rejected as reason:
            print(f"{what}: seed {seed}: {reason}", flush=True)
            continue
        print(f"{what}: seed {seed} taken", flush=True)
        return seed, result
    sys.exit(f"{what}: no seed of {MAX_TRIES} fits")


def link_part(folder, part):
    os.symlink(os.path.join("..", "m3", part), os.path.join(folder, part))


def make_parts(folder, spec):
    """clip/ and vqgan/: real folders in m3, links to those elsewhere."""
    if spec.name == "m3":
        tiny.write_clip(os.path.join(folder, "clip"), CLIP_SEED)
        tiny.write_vqgan(os.path.join(folder, "vqgan"), VQGAN_SEED)
        return
    link_part(folder, "clip")
    if spec.extended:
        link_part(folder, "vqgan")


def make_text(folder, spec, text_folder, hidden):
    def write(seed):
        shutil.rmtree(os.path.join(folder, "base"), ignore_errors=True)
        tiny.write_base(folder, spec, text_folder, seed)
        tiny.write_adapter(folder, spec, "com", seed + 50000)

    return search(f"{spec.name} com", spec.seed, write, lambda: text_goldens(folder, spec, hidden))


def make_draw(folder, spec, hidden, tokenizer_length):
    def write(seed):
        tiny.write_adapter(folder, spec, "gen", seed)
        tiny.write_fusion(folder, spec, tokenizer_length + len(tiny.PICTURE_TOKENS), seed + 50000)

    return search(f"{spec.name} gen", spec.gen_seed, write, lambda: draw_goldens(folder, spec, hidden))


def make_vqgan(folder, codes, image):
    """The VQGAN's goldens lie in m3 only."""
    model = load_vqgan(os.path.join(folder, "vqgan"))
    path = os.path.join(folder, "picture.png")
    tensors, meta = decode_goldens(model, codes, path)
    more, more_meta = encode_goldens(model, {"image": image, "picture": Image.open(path).convert("RGB")})
    return tensors | more, meta | more_meta


def versions():
    return {"torch": torch.__version__, "transformers": transformers.__version__, "numpy": np.__version__,
            "tokenizers": tokenizers.__version__, "safetensors": safetensors.__version__, "pillow": pillow_version}


def make_model(out, spec, text_folder, image):
    folder = os.path.join(out, spec.name)
    os.makedirs(folder)
    make_parts(folder, spec)
    if spec.name == "m3":  # the other folders are as released: without one
        tiny.write_manifest(folder, spec)
    hidden, tensors, image_meta = clip_goldens(os.path.join(folder, "clip"), image)
    seed, (text, text_meta) = make_text(folder, spec, text_folder, hidden)
    tensors |= text
    meta = {"versions": versions(), "image": image_meta, "seed": seed, "com": text_meta}
    if spec.extended:
        meta["gen_seed"], (draw, meta["gen"]) = make_draw(folder, spec, hidden, text_meta["tokenizer_length"])
        tensors |= draw
    if spec.name == "m3":
        vq, meta["vq"] = make_vqgan(folder, tensors["gen.codes"], image)
        tensors |= vq
    save_goldens(tensors, os.path.join(folder, "golden.safetensors"))
    with open(os.path.join(folder, "golden.json"), "w", encoding="utf-8") as f:
        json.dump(meta, f, indent=1, ensure_ascii=False)
        f.write("\n")


def check_size(out):
    """The files are committed, so they stay small; links count nothing."""
    paths = [os.path.join(folder, name) for folder, _, names in os.walk(out) for name in names]
    total = sum(os.path.getsize(path) for path in paths if not os.path.islink(path))
    print(f"{out}: {total} bytes")
    if total > MAX_BYTES:
        sys.exit(f"{out}: {total} bytes, at most {MAX_BYTES}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = os.path.join(HERE, "..", "tests", "data")
    parser.add_argument("--text", default=os.path.join(data, "text"), help="folder of the tokenizer folders")
    parser.add_argument("--out", default=os.path.join(data, "tiny"), help="folder to write, removed first")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    for spec in tiny.MODELS:
        if not os.path.isdir(os.path.join(args.text, spec.tokenizer)):
            sys.exit(f"{args.text}/{spec.tokenizer}: no such folder; make_tokenizers.py writes it")
    shutil.rmtree(args.out, ignore_errors=True)
    os.makedirs(args.out)
    image = make_image()
    image.save(os.path.join(args.out, "image.png"), optimize=True)
    operations = {"hlora": hlora_goldens, "attention": attention_goldens, "rope": rope_goldens}
    for name, make in operations.items():
        save_goldens(make(), os.path.join(args.out, f"{name}.safetensors"))
    for spec in tiny.MODELS:
        make_model(args.out, spec, args.text, image)
    check_size(args.out)


if __name__ == "__main__":
    main()
