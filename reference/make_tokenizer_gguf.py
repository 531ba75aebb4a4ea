#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tokenizers as GGUF metadata, written by the gguf library from the description of the keys (docs in
src/text/tokenizer_gguf_layout.h), in tests/data/text:

packed_bytes.gguf, packed_chars.gguf   two tokenizer.json of odd settings, which stand in packed.json with the ids and
                                       texts that the tokenizers library gives for them
packed_pieces.gguf                     pieces_user.model; its ids are in pieces.json
family_words.gguf                      a vocabulary as llama.cpp's converters write it, without keys of ours

and copies of them, with family_pieces.gguf, for the fuzz target. Needs the pieces_*.model of tokenizer_goldens.py.

    /opt/ref/venv/bin/python reference/make_tokenizer_gguf.py
"""
import json
import pathlib
import shutil

from gguf import GGUFValueType, GGUFWriter
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer
from transformers.models.gpt2.tokenization_gpt2 import bytes_to_unicode

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "tests" / "data" / "text"
CORPUS = ROOT / "tests" / "fuzz" / "corpus" / "fuzz_tokenizer_gguf"
OWN = "healthgpt.tokenizer."
GGML = "tokenizer.ggml."
ADDED, SPECIAL, LSTRIP, RSTRIP, LITERAL = 1, 2, 8, 16, 32
NORMAL, UNKNOWN, CONTROL, USER, UNUSED, BYTE, IS_ADDED = 1, 2, 3, 4, 5, 6, 7
NEVER = -1000.0
TEXTS = [
    "abc abab  cab", " ab\nab12 345", "", "zz", "abzzab", "é e\u0301 é", "<x> ab<x>ab <x>", "ab  <x>\t ab", "ab\u00a0<y>\x1cab<z>",
    "1a22b333", "日本 a日本", "<x>y <z>yz<x>y<x", "a b a  b", "ac ccc ba c", "[PAD17]",
]


def level(**settings):
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False} | settings


def added(i, name, left=False, right=False, special=True):
    return {"id": i, "content": name, "single_word": False, "lstrip": left, "rstrip": right, "normalized": False, "special": special}


def byte_tokenizer():
    """Id 17 is free, 16 is no word of bytes, 18 and 19 are words that are added tokens as well."""
    names = ["a", "b", "c", "1", "2", "3", "Ġ", "Ċ", "ab", "ca", "Ġa", "Ġab", "abab", "cab", "Ã", "©", "日本", None, "Ġc", "<x>"]
    single = lambda name: {"SpecialToken": {"id": name, "type_id": 0}}
    text = {"Sequence": {"id": "A", "type_id": 0}}
    return {
        "version": "1.0",
        "added_tokens": [added(19, "<x>", left=True), added(20, "<y>", left=True, right=True), added(21, "<z>", special=False)],
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Replace", "pattern": {"String": "zz"}, "content": "b"}]},
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Split", "pattern": {"Regex": "\\s?[abc]+|[^1]"}, "behavior": "Removed", "invert": True},
                {"type": "Split", "pattern": {"String": "ca"}, "behavior": "Contiguous", "invert": False},
                level(),
            ],
        },
        "post_processor": {
            "type": "TemplateProcessing", "single": [single("<x>"), text, single("<y>")], "pair": [text, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {name: {"id": name, "ids": [i], "tokens": [name]} for i, name in ((19, "<x>"), (20, "<y>"))},
        },
        "decoder": level(),
        "model": {"type": "BPE", "vocab": {name: i for i, name in enumerate(names) if name}, "merges": ["a b", "c a", "Ġ a", "Ġ ab", "ab ab", "Ġ c"], "ignore_merges": True},
    }


def char_tokenizer():
    """Names and merges hold spaces."""
    names = ["<unk>", "▁", "a", " ", "b", "a ", "a b", "<0x0A>"]
    return {
        "version": "1.0", "added_tokens": [added(8, "<x>", right=True)], "normalizer": {"type": "Prepend", "prepend": "▁"},
        "pre_tokenizer": {"type": "Split", "pattern": {"String": "c"}, "behavior": "Isolated", "invert": False}, "post_processor": None,
        "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": {"type": "BPE", "vocab": {name: i for i, name in enumerate(names)}, "merges": [["a", " "], ["a ", "b"]], "unk_token": "<unk>", "fuse_unk": True, "byte_fallback": True},
    }


class Pack:
    """Metadata in the order of the calls."""

    def __init__(self, name, model, pre=None, folder=OUT):
        self.path = folder / name
        self.writer = GGUFWriter(self.path, "none")
        self.text(GGML + "model", model)
        if pre:
            self.text(GGML + "pre", pre)

    def text(self, key, value):
        self.writer.add_key_value(key, value, GGUFValueType.STRING)

    def number(self, key, value):
        self.writer.add_key_value(key, value, GGUFValueType.UINT32)

    def switches(self, prefix, **values):
        for key, value in values.items():
            self.writer.add_key_value(prefix + key, value, GGUFValueType.BOOL)

    def array(self, key, values, kind):
        self.writer.add_key_value(key, values, GGUFValueType.ARRAY, sub_type=kind)

    def tokens(self, names, types, kinds=None, flags=None, scores=None):
        self.array(GGML + "tokens", names, GGUFValueType.STRING)
        self.array(GGML + "token_type", types, GGUFValueType.INT32)
        if scores:
            self.array(GGML + "scores", scores, GGUFValueType.FLOAT32)
        if kinds:
            self.array(OWN + "token_kinds", bytes(kinds), GGUFValueType.UINT8)
            self.array(OWN + "token_flags", bytes(flags), GGUFValueType.UINT8)

    def own(self, kind, **switches):
        self.number(OWN + "version", 1)
        self.text(OWN + "kind", kind)
        self.switches(OWN, **switches)

    def steps(self, prefix, kind=GGUFValueType.STRING, **columns):
        for key, values in columns.items():
            self.array(OWN + prefix + key, values, kind)

    def close(self):
        self.writer.write_header_to_file()
        self.writer.write_kv_data_to_file()
        self.writer.close()
        if self.path.parent != CORPUS:
            shutil.copy(self.path, CORPUS)


def pack_bytes(content):
    vocabulary = {i: name for name, i in content["model"]["vocab"].items()} | {20: "<y>", 21: "<z>"}
    n = 22
    flags = [0] * n
    flags[16], flags[19], flags[20], flags[21] = LITERAL, ADDED | SPECIAL | LSTRIP, ADDED | SPECIAL | LSTRIP | RSTRIP, ADDED
    kinds = [0 if i == 17 else IS_ADDED if i >= 20 else NORMAL for i in range(n)]
    types = [UNUSED if i == 17 else USER if i == 21 else CONTROL if i >= 19 else NORMAL for i in range(n)]
    p = Pack("packed_bytes.gguf", "gpt2", "healthgpt")
    p.tokens([vocabulary.get(i, f"[PAD{i}]") for i in range(n)], types, kinds, flags)
    p.array(GGML + "merges", content["model"]["merges"], GGUFValueType.STRING)
    p.number(GGML + "bos_token_id", 19)
    p.number(GGML + "eos_token_id", 20)
    p.switches(GGML, add_bos_token=True, add_eos_token=True, add_space_prefix=False)
    p.own("bpe", byte_level=True, byte_fallback=False, fuse_unknown=False, ignore_merges=True, marks_spaces=False, decodes_marks=False, strips_first_space=False)
    p.text(OWN + "white_space", "unicode")
    p.text(OWN + "prepend", "never")
    p.steps("normalizer.", kinds=["nfc", "replace"], **{"from": ["", "zz"]}, to=["", "b"])
    p.steps("split.", patterns=["\\s?[abc]+|[^1]", "ca"], modes=["removed", "contiguous"])
    p.steps("split.", GGUFValueType.BOOL, inverts=[True, False], literals=[False, True])
    p.close()


def pack_chars(content):
    names = [*content["model"]["vocab"], "<x>"]
    p = Pack("packed_chars.gguf", "bpe")
    kinds = [NORMAL] * 7 + [BYTE, IS_ADDED]
    p.tokens(names, [NORMAL] * 7 + [BYTE, CONTROL], kinds, [0] * 8 + [ADDED | SPECIAL | RSTRIP])
    p.array(OWN + "merges", [2, 3, 5, 4], GGUFValueType.INT32)
    p.number(GGML + "unknown_token_id", 0)
    p.number(OWN + "model_unknown", 0)
    p.switches(GGML, add_bos_token=False, add_eos_token=False, add_space_prefix=False)
    p.own("bpe", byte_level=False, byte_fallback=True, fuse_unknown=True, ignore_merges=False, marks_spaces=False, decodes_marks=True, strips_first_space=True)
    p.text(OWN + "white_space", "unicode")
    p.text(OWN + "prepend", "never")
    p.steps("normalizer.", kinds=["prepend"], **{"from": [""]}, to=["▁"])
    p.steps("split.", patterns=["c"], modes=["isolated"])
    p.steps("split.", GGUFValueType.BOOL, inverts=[False], literals=[True])
    p.close()


def pack_pieces():
    model = sentencepiece_model_pb2.ModelProto()
    model.ParseFromString((OUT / "pieces_user.model").read_bytes())
    types = [piece.type for piece in model.pieces]
    p = Pack("packed_pieces.gguf", "llama", "default")
    scores = [piece.score if piece.type in (NORMAL, USER, BYTE) else NEVER for piece in model.pieces]
    p.tokens([piece.piece for piece in model.pieces], types, types, [SPECIAL if t == CONTROL else 0 for t in types], scores)
    p.number(GGML + "unknown_token_id", model.trainer_spec.unk_id)
    p.number(OWN + "model_unknown", model.trainer_spec.unk_id)
    spec = model.normalizer_spec
    p.switches(GGML, add_bos_token=False, add_eos_token=False, add_space_prefix=spec.add_dummy_prefix, remove_extra_whitespaces=spec.remove_extra_whitespaces)
    # A tokenizer.model alone is read as transformers' class without settings: legacy.
    p.own("sentencepiece", legacy=True, prefix_space=spec.add_dummy_prefix, dummy_prefix=spec.add_dummy_prefix, byte_fallback=model.trainer_spec.byte_fallback)
    p.close()


def pack_family():
    letters = bytes_to_unicode()
    names = [letters[i] for i in range(256)] + ["Ġt", "he", "Ġthe", "<|im_start|>", "<|im_end|>", "[PAD261]"]
    p = Pack("family_words.gguf", "gpt2", "qwen2")
    p.tokens(names, [NORMAL] * 259 + [CONTROL] * 2 + [UNUSED])
    p.array(GGML + "merges", ["Ġ t", "h e", "Ġt he"], GGUFValueType.STRING)
    p.number(GGML + "eos_token_id", 260)
    p.close()


def pack_piece_family():
    more = {"▁": (NORMAL, -1.0), "a": (NORMAL, -2.0), "▁a": (NORMAL, -0.5), "<s>": (CONTROL, NEVER), "<|user|>": (CONTROL, NEVER), "<|end|>": (CONTROL, NEVER), "<|assistant|>": (CONTROL, NEVER), "<u>": (USER, NEVER)}
    rows = {"<unk>": (UNKNOWN, 0.0)} | {f"<0x{i:02X}>": (BYTE, 0.0) for i in range(256)} | more
    p = Pack("family_pieces.gguf", "llama", folder=CORPUS)
    p.tokens(list(rows), [row[0] for row in rows.values()], scores=[row[1] for row in rows.values()])
    p.number(GGML + "bos_token_id", 260)
    p.close()


def main():
    CORPUS.mkdir(parents=True, exist_ok=True)
    cases = []
    for name, content in (("packed_bytes", byte_tokenizer()), ("packed_chars", char_tokenizer())):
        tokenizer = Tokenizer.from_str(json.dumps(content))
        for entry in content["added_tokens"]:
            assert tokenizer.token_to_id(entry["content"]) == entry["id"], entry
        cases.append({"name": name, "tokenizer": content, "ids": [tokenizer.encode(text).ids for text in TEXTS]})
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    (OUT / "packed.json").write_text('{"texts": ' + json.dumps(TEXTS, ensure_ascii=False) + ', "cases": [\n' + lines + "\n]}\n", encoding="utf-8")
    pack_bytes(cases[0]["tokenizer"])
    pack_chars(cases[1]["tokenizer"])
    pack_pieces()
    pack_family()
    pack_piece_family()


if __name__ == "__main__":
    main()
