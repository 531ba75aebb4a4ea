#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/formats and the corpora of the fuzz targets of src/formats.

Files come from the libraries that define their formats (torch, safetensors, gguf, transformers); golden.txt says, one
tensor a line, what the same libraries read back: file, name, element type, number of dimensions, dimensions, values.
Run: python reference/make_formats.py
"""

import collections
import io
import json
import pickle
import re
import shutil
import struct
import sys
import types
import zipfile
from pathlib import Path

import gguf
import numpy as np
import safetensors.torch
import torch
import transformers

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "tests" / "data" / "formats"
CORPUS = ROOT / "tests" / "fuzz" / "corpus"
TYPES = {torch.float32: "f32", torch.float16: "f16", torch.bfloat16: "bf16"}
golden = []


def expect(file, name, tensor, stored=None):
    """One line of golden.txt from a tensor that the reference library has loaded; `stored` names a block type."""
    if tensor.dtype not in TYPES or tensor.dim() > 4:
        golden.append(f"{file} {name} unsupported 0")
        return
    shape = list(tensor.shape) or [1]
    values = [f"{v:.9g}" for v in tensor.to(torch.float32).flatten().tolist()]
    golden.append(" ".join([file, name, stored or TYPES[tensor.dtype], str(len(shape)), *map(str, shape), *values]))


def flatten(prefix, tree):
    for key, value in tree.items():
        if isinstance(value, torch.Tensor) and isinstance(key, str):
            yield prefix + key, value
        elif isinstance(value, dict) and isinstance(key, str):
            yield from flatten(prefix + key + ".", value)


def numbers(*shape, dtype=torch.float32):
    count = int(np.prod(shape))
    return (torch.arange(count, dtype=torch.float32) * 0.37 - 1.25).reshape(shape).to(dtype)


def write_torch(name, value, **options):
    torch.save(value, OUT / name, **options)
    loaded = torch.load(OUT / name, weights_only=False)
    tree = loaded["state_dict"] if "state_dict" in loaded else loaded
    for key, tensor in flatten("", tree):
        expect(name, key, tensor)


def make_torch():
    base = numbers(4, 6)
    write_torch(
        "tiny.bin",
        {
            "half": numbers(2, 3, dtype=torch.float16),
            "brain": numbers(3, 2, dtype=torch.bfloat16),
            "single": numbers(5),
            "four": numbers(2, 1, 3, 2),
            "scalar": torch.tensor(2.5),
            "empty": torch.zeros(0, 4),
            "parameter": torch.nn.Parameter(numbers(2, 2)),
            "transposed": base.t(),
            "columns": base[:, 1:5:2],
            "rows": base[1:3],
            "expanded": torch.tensor([1.5, -2.0]).expand(3, 2),
            "position_ids": torch.arange(4).reshape(1, 4),
            "flags": torch.tensor([True, False]),
            "wide": numbers(1, 2, 1, 2, 1),
            "nested": {"inner": {"weight": numbers(2)}, "count": 3, 7: numbers(1)},
            "epoch": 70000,
            "big": 2**40,
            "negative": -129,
            "rate": 4.5e-06,
            "text": "größe",
            "list": [1, [2, (3, 4, 5, 6)], None, True, False],
            "one": [1],
            "pair": (1, 2),
        },
    )
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.LayerNorm(2))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(numbers(*parameter.shape))
    write_torch("module.pt", model.state_dict())
    shared = numbers(64)
    write_torch("memo.bin", {f"layers.{i}.weight": shared[i : i + 2] for i in range(60)})
    write_torch("legacy.bin", {"weight": numbers(2)}, _use_new_zipfile_serialization=False)
    golden[:] = [line for line in golden if not line.startswith("legacy.bin")]
    # The keys of that format are addresses: made the same in every run.
    legacy = re.sub(rb"X....\d{6,}", b"X\x08\0\0\00012345678", (OUT / "legacy.bin").read_bytes(), flags=re.S)
    (OUT / "legacy.bin").write_bytes(legacy)
    make_lightning()


def make_lightning():
    """The keys of a Lightning checkpoint of 2021, whose callbacks are filed under their class."""
    module = types.ModuleType("pytorch_lightning.callbacks.model_checkpoint")

    class ModelCheckpoint:
        pass

    ModelCheckpoint.__module__ = module.__name__
    ModelCheckpoint.__qualname__ = "ModelCheckpoint"
    module.ModelCheckpoint = ModelCheckpoint
    for name in ("pytorch_lightning", "pytorch_lightning.callbacks", module.__name__):
        sys.modules[name] = module
    write_torch(
        "lightning.ckpt",
        {
            "epoch": 11,
            "global_step": 360000,
            "pytorch-lightning_version": "1.0.8",
            "callbacks": {
                ModelCheckpoint: {
                    "monitor": "val/rec_loss",
                    "best_model_score": torch.tensor(0.4),
                    "best_model_path": "/ckpt/epoch=11.ckpt",
                }
            },
            "optimizer_states": [{"state": {0: {"step": 5, "exp_avg": numbers(2)}}, "param_groups": [{"lr": 1e-4}]}],
            "lr_schedulers": [],
            "state_dict": collections.OrderedDict(
                [("quantize.embed.weight", numbers(4, 2)), ("decoder.conv_in.weight", numbers(2, 3, 1, 1))]
            ),
        },
    )


def zip_of(path, entries, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in entries:
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, method)


class Storage:
    """Stands for a storage when a pickle is written by hand."""

    def __init__(self, kind, key, count):
        self.id = ("storage", kind, key, "cpu", count)


def pickle_of(value):
    class Pickler(pickle.Pickler):
        def persistent_id(self, item):
            return item.id if isinstance(item, Storage) else None

    out = io.BytesIO()
    Pickler(out, 2).dump(value)
    return out.getvalue()


class Call:
    """Pickles as a call of `function`, which need not be callable here."""

    def __init__(self, function, *arguments):
        self.reduced = (function, arguments)

    def __reduce__(self):
        return self.reduced


def tensor_call(storage, offset, size, stride):
    return Call(torch._utils._rebuild_tensor_v2, storage, offset, size, stride, False, collections.OrderedDict())


def make_hostile():
    """Archives that are well formed and must be refused for what they say."""
    import posix

    data = np.arange(4, dtype=np.float32).tobytes()
    version = ("evil/version", b"3\n")

    def archive(name, value, extra=(), method=zipfile.ZIP_STORED):
        entries = [("evil/data.pkl", pickle_of(value)), ("evil/data/0", data), *extra, version]
        zip_of(OUT / "hostile" / name, entries, method)

    storage = Storage(torch.FloatStorage, "0", 4)
    good = tensor_call(storage, 0, (2, 2), (2, 1))
    archive("system.bin", {"weight": Call(posix.system, "true")})
    archive("builtin.bin", {"weight": Call(eval, "1")})
    archive("lightning_call.bin", {"weight": Call(sys.modules["pytorch_lightning"].ModelCheckpoint)})
    archive("past_end.bin", {"weight": tensor_call(storage, 1, (2, 2), (2, 1))})
    archive("overflow.bin", {"weight": tensor_call(storage, 0, (2**62, 2**62), (2**62, 1))})
    archive("huge_empty.bin", {"weight": tensor_call(storage, 0, (0, 2**62, 2**62), (1, 1, 1))})
    archive("expanded.bin", {"weight": tensor_call(storage, 0, (2**20, 2**10), (0, 0))})
    archive("negative.bin", {"weight": tensor_call(storage, 0, (-1, 2), (2, 1))})
    archive("count.bin", {"weight": tensor_call(Storage(torch.FloatStorage, "0", 5), 0, (5,), (1,))})
    archive("missing.bin", {"weight": tensor_call(Storage(torch.FloatStorage, "9", 4), 0, (4,), (1,))})
    archive("traversal.bin", {"weight": tensor_call(Storage(torch.FloatStorage, "../version", 4), 0, (4,), (1,))})
    archive("compressed.bin", {"weight": good}, method=zipfile.ZIP_DEFLATED)
    archive("byteorder.bin", {"weight": good}, [("evil/byteorder", b"big")])
    archive("list.bin", [good])
    archive("twice.bin", {"a.b": good, "a": {"b": good}})
    loop = {"weight": good}
    loop["again"] = loop
    archive("loop.bin", loop)
    bomb = {"weight": tensor_call(Storage(torch.LongStorage, "0", 2), 0, (2,), (1,))}
    for _ in range(7):
        bomb = {f"k{i}": bomb for i in range(40)}
    archive("bomb.bin", bomb)
    zip_of(OUT / "hostile" / "no_folder.bin", [("data.pkl", pickle_of({}))])
    zip_of(OUT / "hostile" / "no_pickle.bin", [("evil/version", b"3\n")])
    (OUT / "hostile" / "lfs.bin").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    (OUT / "hostile" / "text.bin").write_text("this is no model\n")
    (OUT / "state.pkl").write_bytes(pickle_of({"weight": good, "step": 300, "far": 2**33, "name": "x"}))


def make_safetensors():
    tensors = {
        "model.embed.weight": numbers(3, 4, dtype=torch.bfloat16),
        "model.norm.weight": numbers(4),
        "half": numbers(2, 1, 2, dtype=torch.float16),
        "scalar": torch.tensor(-0.75),
        "empty": torch.zeros(2, 0),
        "position_ids": torch.arange(3).reshape(1, 3),
        "mask": torch.tensor([True, False, True]),
        "wide": numbers(1, 1, 2, 1, 1),
    }
    safetensors.torch.save_file(tensors, OUT / "tiny.safetensors", {"format": "pt"})
    for name, tensor in safetensors.torch.load_file(OUT / "tiny.safetensors").items():
        expect("tiny.safetensors", name, tensor)
    # A byte before them puts the floats at odd addresses; the library reads this, too.
    single = numbers(3)
    header = json.dumps(
        {
            "byte": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]},
            "single": {"dtype": "F32", "shape": [3], "data_offsets": [1, 13]},
        }
    ).encode()
    path = OUT / "odd.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"\7" + single.numpy().tobytes())
    for name, tensor in safetensors.torch.load_file(path).items():
        expect("odd.safetensors", name, tensor)


def make_folders():
    """The two kinds of sharded Hugging Face folders."""
    for folder, suffix, index_name in (
        ("sharded", "model-0000{}-of-00002.safetensors", "model.safetensors.index.json"),
        ("sharded_bin", "pytorch_model-0000{}-of-00002.bin", "pytorch_model.bin.index.json"),
    ):
        (OUT / folder).mkdir()
        shards = [{"a.weight": numbers(2, 2), "a.bias": numbers(2)}, {"b.weight": numbers(3, dtype=torch.bfloat16)}]
        weight_map = {}
        for i, shard in enumerate(shards):
            name = suffix.format(i + 1)
            if name.endswith(".bin"):
                torch.save(shard, OUT / folder / name)
                loaded = torch.load(OUT / folder / name, weights_only=True)
            else:
                safetensors.torch.save_file(shard, OUT / folder / name, {"format": "pt"})
                loaded = safetensors.torch.load_file(OUT / folder / name)
            for key, tensor in loaded.items():
                weight_map[key] = name
                expect(folder, key, tensor)
        index = {"metadata": {"total_size": 30}, "weight_map": weight_map}
        (OUT / folder / index_name).write_text(json.dumps(index, indent=2) + "\n")


def make_gguf():
    writer = gguf.GGUFWriter(OUT / "tiny.gguf", "test")
    writer.add_uint8("k.u8", 200)
    writer.add_int8("k.i8", -100)
    writer.add_uint16("k.u16", 60000)
    writer.add_int16("k.i16", -30000)
    writer.add_uint32("k.u32", 4000000000)
    writer.add_int32("k.i32", -2000000000)
    writer.add_uint64("k.u64", 2**63)
    writer.add_key_value("k.i64", -(2**62), gguf.GGUFValueType.INT64)
    writer.add_float32("k.f32", 0.1)
    writer.add_float64("k.f64", 0.1)
    writer.add_bool("k.bool", True)
    writer.add_string("k.string", "héllo")
    writer.add_array("k.strings", ["<s>", "", "▁the"])
    writer.add_array("k.ints", [3, -1, 2])
    writer.add_array("k.floats", [0.5, -1.5])
    writer.add_array("k.bools", [True, False])
    weight = numbers(2, 3)
    half = numbers(3, 2, dtype=torch.float16)
    rows = numbers(2, 32)
    writer.add_tensor("weight", weight.numpy())
    writer.add_tensor("half", half.numpy())
    blocks = gguf.quants.quantize(rows.numpy(), gguf.GGMLQuantizationType.Q8_0)
    writer.add_tensor("blocks", blocks, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    brain = gguf.quants.quantize(numbers(4).numpy(), gguf.GGMLQuantizationType.BF16)
    writer.add_tensor("brain", brain, raw_dtype=gguf.GGMLQuantizationType.BF16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    for tensor in gguf.GGUFReader(OUT / "tiny.gguf").tensors:
        values = torch.from_numpy(gguf.quants.dequantize(tensor.data, tensor.tensor_type).copy())
        values = values.reshape([int(n) for n in reversed(tensor.shape)])
        name = tensor.tensor_type.name
        dtype = {"F16": torch.float16, "BF16": torch.bfloat16}.get(name, torch.float32)
        expect("tiny.gguf", tensor.name, values.to(dtype), "q8_0" if name == "Q8_0" else None)


def write_json(folder, name, text):
    (OUT / "configs" / folder).mkdir(parents=True, exist_ok=True)
    (OUT / "configs" / folder / name).write_text(text.rstrip() + "\n")


def make_configs():
    """As transformers writes them, with the published sizes of the three base models."""
    phi3 = transformers.Phi3Config(sliding_window=2047, tie_word_embeddings=False)
    write_json("phi3", "config.json", phi3.to_json_string(use_diff=False))
    stop = transformers.GenerationConfig(bos_token_id=1, eos_token_id=[32000, 32001, 32007], pad_token_id=32000)
    write_json("phi3", "generation_config.json", stop.to_json_string())
    phi4 = transformers.Phi3Config(
        hidden_size=5120,
        intermediate_size=17920,
        num_hidden_layers=40,
        num_attention_heads=40,
        num_key_value_heads=10,
        vocab_size=100352,
        rope_theta=250000,
        max_position_embeddings=16384,
        bos_token_id=100257,
        eos_token_id=100265,
        pad_token_id=100349,
    )
    write_json("phi4", "config.json", phi4.to_json_string())
    qwen = transformers.Qwen2Config(
        hidden_size=5120,
        intermediate_size=27648,
        num_hidden_layers=64,
        num_attention_heads=40,
        num_key_value_heads=8,
        vocab_size=152064,
        rope_theta=1000000.0,
        rms_norm_eps=1e-6,
        max_position_embeddings=32768,
        sliding_window=131072,
        use_sliding_window=False,
        max_window_layers=70,
        bos_token_id=151643,
        eos_token_id=151645,
    )
    write_json("qwen2", "config.json", qwen.to_json_string(use_diff=False))
    stop = transformers.GenerationConfig(
        eos_token_id=[151645, 151643], repetition_penalty=1.05, do_sample=True, temperature=0.7, top_p=0.8, top_k=20
    )
    write_json("qwen2", "generation_config.json", stop.to_json_string())
    vision = dict(
        hidden_size=1024,
        intermediate_size=4096,
        num_hidden_layers=24,
        num_attention_heads=16,
        image_size=336,
        patch_size=14,
    )
    clip = transformers.CLIPConfig(vision_config=vision)
    write_json("clip", "config.json", clip.to_json_string())
    write_json("clip_vision", "config.json", transformers.CLIPVisionConfig(**vision).to_json_string())
    write_json("clip_default", "config.json", transformers.CLIPVisionConfig().to_json_string())
    processor = transformers.CLIPImageProcessor(size={"shortest_edge": 336}, crop_size={"height": 336, "width": 336})
    write_json("clip", "preprocessor_config.json", processor.to_json_string())
    write_json(
        "vqgan",
        "model.yaml",
        """model:
  base_learning_rate: 4.5e-06
  target: taming.models.vqgan.GumbelVQ
  params:
    kl_weight: 1.0e-08
    embed_dim: 256
    n_embed: 8192
    monitor: val/rec_loss
    temperature_scheduler_config:
      target: taming.lr_scheduler.LambdaWarmUpCosineScheduler
      params:
        warm_up_steps: 0
        max_decay_steps: 1000001
        lr_start: 0.9
        lr_max: 0.9
        lr_min: 1.0e-06
    ddconfig:
      double_z: false
      z_channels: 256
      resolution: 256
      in_channels: 3
      out_ch: 3
      ch: 128
      ch_mult:
      - 1
      - 1
      - 2
      - 4
      num_res_blocks: 2
      attn_resolutions: [32]
      dropout: 0.0
    lossconfig:
      target: taming.modules.losses.vqperceptual.DummyLoss
""",
    )
    write_json(
        "manifest",
        "healthgpt.json",
        json.dumps(
            {
                "name": "tiny",
                "random_weights": True,
                "com": {"hlora_alpha": 128, "hlora_experts": 4},
                "gen": {"hlora_alpha": 512.0},
                "tasks": ["reconstruct", "mri-to-ct"],
                "template": "phi3_instruct",
                "system_prompt": "",
            },
            indent=2,
        ),
    )


def make_corpora():
    chosen = {
        "fuzz_safetensors": ["tiny.safetensors", "odd.safetensors"],
        "fuzz_torch_zip": ["tiny.bin", "module.pt", "lightning.ckpt", "state.pkl", "hostile/loop.bin"],
        "fuzz_gguf": ["tiny.gguf"],
        "fuzz_config": [
            "configs/phi3/config.json",
            "configs/qwen2/generation_config.json",
            "configs/clip_vision/config.json",
            "configs/clip/preprocessor_config.json",
            "configs/vqgan/model.yaml",
            "configs/manifest/healthgpt.json",
        ],
    }
    for target, files in chosen.items():
        shutil.rmtree(CORPUS / target, ignore_errors=True)
        (CORPUS / target).mkdir(parents=True)
        for file in files:
            shutil.copy(OUT / file, CORPUS / target / file.replace("/", "_"))


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    (OUT / "hostile").mkdir(parents=True)
    make_torch()
    make_hostile()
    make_safetensors()
    make_folders()
    make_gguf()
    make_configs()
    (OUT / "golden.txt").write_text("\n".join(golden) + "\n")
    make_corpora()


if __name__ == "__main__":
    main()
