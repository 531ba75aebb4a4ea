# SPDX-License-Identifier: Apache-2.0
"""Ids and texts that the Python libraries give for the tokenizers of make_tokenizers.py, in tests/data/text/.

strings.bin      u32 count, then {u32 size, bytes} a string, UTF-8
NAME.ids         u16 count of ids (65535: as in the file that NAME is compared with), u16 ids; one for each string
NAME.decoded     u32 size (4294967295: the string itself), bytes; one for each string
NAME.random      u32 count, then {u16 count, u16 ids, u32 size, bytes}: random ids and their text
variants.json    small tokenizer.json contents with unusual settings, and the ids of texts
pieces_*.model   small SentencePiece models with unusual settings, and pieces.json with the ids of texts
chat.json        prompts with turns and images, and their ids with -200 for each image

The vocabulary of the released Phi-3 comes from GGUF_VOCABULARY (not committed); only ids are written from it.

    /opt/ref/venv/bin/python reference/tokenizer_goldens.py
"""
import contextlib
import json
import pathlib
import random
import re
import shutil
import struct
import tempfile

import gguf
import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer
from transformers import GPT2Tokenizer, LlamaTokenizer, Qwen2Tokenizer

import make_tokenizers

OUT = make_tokenizers.OUT
GGUF_VOCABULARY = OUT.parents[3] / "shared" / "data" / "tokenizers" / "ggml-vocab-phi-3.gguf"
N_STRINGS = 1000
IMAGE = -200

FIXED = [
    "", " ", "  ", "   ", "\n", "\n\n", "\t", "\r\n", " \n", "\n ", "a", " a", "a ", "  a  b  ", "Hello world", "Hello, world!",
    "The scan shows a small nodule.", "What does this image show?", "it's I'm we'll they've you'd don't SHE'S I'LL", "'s 'S 'ſ",
    "1", "12", "123", "1234", "12345", "1234567890", "3.14159", "1,000,000", "2024-05-17", "١٢٣٤", "½ ² Ⅷ 一二三",
    "for (int i = 0; i < n; i++) {\n    x[i] += 1;\n}\n", "\tif x:\n\t\treturn", "a\tb\tc", "a  b   c    d     e", "   leading",
    "trailing   ", "é", "e\u0301", "e\u0301\u0323", "e\u0323\u0301", "Å \u212b A\u030a", "\u1e9b\u0323", "한국어 \u1112\u1161\u11ab",
    "ﬁne ligature", "Ǆ ǅ ǆ", "ß ẞ SS", "İ ı i I", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "日本語のテキスト", "医学图像", "胸部のCT画像です。", "Привет, мир",
    "Ελληνικά", "עברית", "العربية", "हिन्दी में", "ภาษาไทย", "தமிழ்", "বাংলা", "ქართული", "አማርኛ", "မြန်မာ", "ខ្មែរ", "ᏣᎳᎩ",
    "👍", "👨‍👩‍👧‍👦", "🏳️‍🌈", "👩🏽‍⚕️", "🇫🇷🇩🇪", "☠️❤️", "😀😃😄", "a👍b", "\u200b\u200c\u200d\u2060\ufeff", "a\u00a0b", "a\u3000b",
    "a\u2028b\u2029c", "a\u0085b", "\u180e a\u180eb", "\u1680\u2000\u2001\u202f\u205f", "\x00", "a\x00b", "\x01\x02\x1b[0m\x7f", "\x1c\x1d\x1e\x1f a",
    "\x0b\x0c", "\ufffd", "\uffff", "\U0010ffff", "\ue000", "▁", "▁▁a", " ▁ a", "a▁b", "Ġ Ċ Ã", "<0x0A>", "<0xE2><0x96>", "<unk>", "a<unk>b", "<s>",
    "</s>", "<s> a </s>  b", "</s>\n\n x", "<|endoftext|>", "a<|endoftext|>b", " <|endoftext|> ", "<|end|>\n<|user|>\nhello", "<|user|>", "<|user|> ",
    "<|user|>\u00a0\u3000x", "<|user|>\x1cx", "<|system|>\nYou are here.<|end|>\n<|user|>\nHi<|end|>\n<|assistant|>\n", "<|user", "<|user|", "<|<|user|>|>",
    "<|im_start|>system\nYou are here.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n", "  <|im_start|>  user  <|im_sep|>  x  <|im_end|>  ",
    "<|im_start|><|im_end|>", "<|im_start|> <|im_end|>", "<|im_sep|>\n\n\n", "<|dummy_1|><|dummy_85|>", "<|dummy_|>", "<tool_call>\n{}\n</tool_call>",
    "<image>", "<image>\nWhat?", "<idx_1>", "<start_index>", "&lt;", "a<b>c", "x" * 300, "ab" * 120, " " * 100, "\n" * 50, "=" * 77, "- " * 40,
    "https://example.org/a?b=c&d=%20", "user@example.org", "C:\\Windows\\x", "{\"id\": 123}", "$x^2$ \\frac{1}{2}", "#include <stdio.h>", "0x1F 1e-5 1_000",
    "CamelCaseWords and_snake_case", "ALL CAPS TEXT", "a.b.c...d", "?!?!", "—–-", "“quoted” ‘single’ «x»", "100%", "5 mg/kg × 3 = 15 µg", "T₁ T² ±5°C", "½½",
    "a\n\nb\n\n\nc", "a \n b", "a\r\nb\rc", " \t \n \t x", "x \u200b y", "\n  indented", "tail\n", "tail \n ", "'", "''", "'x", "can't", "CAN'T", "l'œdème",
    "pneumonoultramicroscopicsilicovolcanoconiosis", "Donaudampfschifffahrtsgesellschaft", "acute on chronic respiratory failure",
]

CHUNKS = [
    "the", "scan", " shows", " does", " what", "It", " a", " MRI", " lung", "nodule", " days", " later", "n't", "'s", "'LL", " 12", "2024", " 7", "3.5", "000",
    " ", "  ", "    ", "\n", "\n\n", "\t", "\r\n", " \n", "\u00a0", "\u3000", ".", ",", "!", "?", "...", "(", ")", "[]", "{}", "=>", "==", "+=", "//", "#", "_", "-", "—",
    "é", "e\u0301", "o\u0308", "n\u0303\u0323", "\u0301", "ñ", "œ", "ß", "ğ", "Ж", "перелом", " кости", "ь", "λ", "ήπαρ", "א", "שלום", "ع", "صورة", "नि", "क्ष", "ก", "ภาพ", "日", "本語",
    "画像", "医", "像", "。", "、", "한", "국어", "\u1100\u1161", "👍", "👨‍👩‍👧", "❤️", "🏽", "🇫", "\u200d", "\ufe0f", "\u200b", "\x00", "\x07", "\x1b", "\x85", "\ufffd", "\U0001f9ec", "𝒳",
    "▁", "Ġ", "<0x41>", "<|end|>", "<|user|>", "<|assistant|>", "<|system|>", "<|endoftext|>", "<s>", "</s>", "<unk>", "<|im_start|>", "<|im_end|>", "<|im_sep|>", "<|dummy_2|>",
    "<tool_call>", "<|", "|>", "<", ">", "<|end", "|", "int", " return", "x", "i", "+", "1", "٣", "Ⅷ", "²", "ﬁ", "Å", "\u212b", "ſ", "K", "İ",
]


def make_strings():
    rng = random.Random(4)
    strings = list(dict.fromkeys(FIXED))
    while len(strings) < N_STRINGS:
        kind = rng.random()
        if kind < 0.2:
            text = " ".join(rng.choice(rng.choice([make_tokenizers.OTHER, make_tokenizers.SUBJECTS, make_tokenizers.OBJECTS])) for _ in range(rng.randrange(1, 3)))
        elif kind < 0.3:
            ranges = [(0x20, 0x7F), (0xA0, 0x250), (0x300, 0x340), (0x400, 0x450), (0x4E00, 0x4F00), (0x1F300, 0x1F640), (0, 0x20)]
            low, high = rng.choice(ranges)
            text = "".join(chr(rng.randrange(low, high)) for _ in range(rng.randrange(1, 14)))
        else:
            text = "".join(rng.choice(CHUNKS) for _ in range(rng.randrange(2, 10)))
        # A mark that composes with '>' hides an added token from the slow Qwen class, which normalizes first: not a case to keep.
        if not re.search(">[\u0300-\u036f]", text) and text not in strings:
            strings.append(text)
    return strings


def write_ids(name, lists, base=None):
    out = bytearray()
    for i, ids in enumerate(lists):
        if base is not None and base[i] == ids:
            out += struct.pack("<H", 65535)
        else:
            out += struct.pack(f"<H{len(ids)}H", len(ids), *ids)
    (OUT / f"{name}.ids").write_bytes(out)
    return lists


def write_decoded(name, strings, texts):
    out = bytearray()
    for string, text in zip(strings, texts):
        data = text.encode()
        out += struct.pack("<I", 0xFFFFFFFF) if text == string else struct.pack("<I", len(data)) + data
    (OUT / f"{name}.decoded").write_bytes(out)


def write_random(name, n_ids, decode, seed):
    rng = random.Random(seed)
    out = bytearray(struct.pack("<I", 150))
    for _ in range(150):
        ids = [rng.randrange(n_ids[0], n_ids[1]) for _ in range(rng.randrange(1, 12))]
        data = decode(ids).encode()
        out += struct.pack(f"<H{len(ids)}H", len(ids), *ids) + struct.pack("<I", len(data)) + data
    (OUT / f"{name}.random").write_bytes(out)


# ---- Phi-3 ----------------------------------------------------------------------------------------------------------


def released_phi3(folder):
    """The released vocabulary as a SentencePiece model with its settings."""
    fields = gguf.GGUFReader(str(GGUF_VOCABULARY)).fields
    column = lambda key: [fields[f"tokenizer.ggml.{key}"].parts[i] for i in fields[f"tokenizer.ggml.{key}"].data]
    model = sentencepiece_model_pb2.ModelProto()
    kinds = {0: 2, 1: 3, 2: 3}
    rows = list(zip(column("tokens"), column("scores"), column("token_type")))
    for i, (piece, score, kind) in enumerate(rows[:32000]):
        model.pieces.add(piece=bytes(piece).decode(), score=float(score[0]) if i > 2 else 0.0, type=kinds.get(i, int(kind[0])))
    model.trainer_spec.model_type = 2
    model.trainer_spec.byte_fallback = True
    model.trainer_spec.vocab_size = 32000
    model.normalizer_spec.name = "identity"
    model.normalizer_spec.add_dummy_prefix = True
    model.normalizer_spec.remove_extra_whitespaces = False
    model.normalizer_spec.escape_whitespaces = True
    (folder / "tokenizer.model").write_bytes(model.SerializeToString())
    return 32000


def llama(folder, n_pieces, **settings):
    config = make_tokenizers.phi3_config(n_pieces, **settings)
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return LlamaTokenizer.from_pretrained(folder)


def phi3_goldens(strings, name, folder, n_pieces, fast):
    encode = lambda t, **kw: [t(s, **kw)["input_ids"] for s in strings]
    slow = llama(folder, n_pieces)
    base = write_ids(name, encode(slow))
    write_ids(f"{name}_legacy", encode(llama(folder, n_pieces, legacy=True)), base)
    if fast is not None:
        write_ids(f"{name}_fast", [fast.encode(s).ids for s in strings], base)
        write_ids(f"{name}_plain", [slow.convert_tokens_to_ids(slow.tokenize(s, split_special_tokens=True)) for s in strings], base)
        write_decoded(name, strings, [fast.decode(ids, skip_special_tokens=False) for ids in base])
        pieces = sentencepiece.SentencePieceProcessor(str(folder / "tokenizer.model"))
        write_random(name, (3, n_pieces), pieces.decode, 31)
    return slow


# ---- byte-level families --------------------------------------------------------------------------------------------


def byte_level_goldens(strings, name, slow_class, seed):
    fast = Tokenizer.from_file(str(OUT / name / "tokenizer.json"))
    with tempfile.TemporaryDirectory() as temporary:
        for part in ("vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"):
            shutil.copy(OUT / name / part, temporary)
        slow = slow_class.from_pretrained(temporary)
        slow_ids = [slow(s)["input_ids"] for s in strings]
    base = write_ids(name, [fast.encode(s).ids for s in strings])
    write_ids(f"{name}_slow", slow_ids, base)
    write_decoded(name, strings, [fast.decode(ids, skip_special_tokens=False) for ids in base])
    write_random(name, (0, fast.get_vocab_size()), lambda ids: fast.decode(ids, skip_special_tokens=False), seed)
    content = json.loads((OUT / name / "tokenizer.json").read_text(encoding="utf-8"))
    plain = Tokenizer.from_str(json.dumps(content | {"added_tokens": []}))
    write_ids(f"{name}_plain", [plain.encode(s).ids for s in strings], base)
    return slow


# ---- chat -----------------------------------------------------------------------------------------------------------

SYSTEMS = {
    "phi3": "You are a helpful AI assistant.",
    "phi4": "You are a medieval knight and must provide explanations to modern people.",
    "qwen2": "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.",
}


def chat_prompt(family, system, turns, n_images, draw):
    """The released conversation templates: system and turns joined, the last assistant turn left open."""
    turns = [list(turn) for turn in turns]
    turns[0][0] = "<image>\n" * n_images + turns[0][0]
    messages = [text for turn in turns for text in turn]
    if family == "qwen2":
        out = f"<|im_start|>system\n{system}<|im_end|>\n"
        for i, text in enumerate(messages):
            out += "<|im_start|>" + ("user", "assistant")[i % 2] + "\n"
            out += f"{text}<|im_end|>\n" if text else ""
    else:
        roles, end = {
            "phi3": (("\n<|user|>\n", "\n<|assistant|>\n"), "<|end|>"),
            "phi4": (("\n<|im_start|>user<|im_sep|>\n", "\n<|im_start|>assistant<|im_sep|>\n"), "<|im_end|>"),
        }[family]
        out = {"phi3": f"<|system|>\n{system}", "phi4": f"<|im_start|>system<|im_sep|>\n{system}"}[family] + end
        for i, text in enumerate(messages):
            out += roles[i % 2] + (text + end if text else "")
    return out + ("<start_index>" if draw else "")


def image_token_ids(prompt, tokenizer):
    """The released splice: pieces between images on their own, one begin token at most, -200 for an image."""
    pieces = [tokenizer(piece).input_ids for piece in prompt.split("<image>")]
    skip = 1 if pieces[0] and pieces[0][0] == tokenizer.bos_token_id else 0
    ids = pieces[0][:skip]
    for i, piece in enumerate(pieces):
        ids += ([IMAGE] if i else []) + piece[skip:]
    return ids


QUESTIONS = ["What does this image show?", "", " padded \n question ", "Is there a fracture?\nAnswer yes or no.", "医学图像 e\u0301?", "12345 mg"]


def chat_cases(family, tokenizer, bos=False):
    cases = []
    for draw in (False, True) if family == "phi3" else (False,):
        for n_images in (0, 1, 3):
            for question in QUESTIONS:
                cases.append((None, [[question, ""]], n_images, draw))
    cases.append(("Be brief.", [["Hello", ""]], 1, False))
    cases.append((None, [["First?", "An answer."], ["Second?", ""]], 1, False))
    cases.append(("Be brief.", [["First?", " An answer. "], ["Second?", "No."], ["Third", ""]], 0, False))
    out = []
    for system, turns, n_images, draw in cases:
        prompt = chat_prompt(family, SYSTEMS[family] if system is None else system, turns, n_images, draw)
        ids = image_token_ids(prompt, tokenizer)
        out.append({"family": family, "bos": bos, "system": system, "turns": turns, "n_images": n_images, "draw": draw, "ids": ids})
    return out


def add_picture_tokens(tokenizer, n_codes):
    names = ["<start_index>"] + [f"<idx_{i}>" for i in range(n_codes)] + ["<end_index>", "<pixel_newline>"]
    tokenizer.add_special_tokens({"additional_special_tokens": names})


# ---- unusual settings -----------------------------------------------------------------------------------------------

VARIANT_TEXTS = ["abc abab  cab", " ab\nab12 345", "", "a", "zz", "abzab", "é é", "<x> ab<x>ab <x>", "ab  <x>\t ab", "ab\u00a0<y>\x1cab", "1a22b333", "a\u180eb a\u2003b", "<x>y <x>yz<x>y<x"]


def variants():
    """Hand-made vocabularies: letters, some pairs of them, and one merge that only ignore_merges gets around."""
    byte_names = ["a", "b", "c", "1", "2", "3", "Ġ", "Ċ", "ab", "ca", "Ġa", "Ġab", "abab", "cab", "Ã", "©"]
    byte_merges = ["a b", "c a", "Ġ a", "Ġ ab", "ab ab"]
    char_names = ["<unk>", "▁", "a", "b", "c", "ab", "▁a", "▁ab", "é"] + [f"<0x{i:02X}>" for i in range(256)]
    char_merges = ["a b", "▁ a", "▁ ab"]
    vocabulary = lambda names: {name: i for i, name in enumerate(names)}
    level = lambda **kw: {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False} | kw
    split = lambda behavior, invert, **pattern: {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}
    sequence = lambda *parts: {"type": "Sequence", "pretokenizers": list(parts)}
    added = lambda i, name, left, right: {"id": i, "single_word": False} | make_tokenizers.added(name, left, right)

    def byte_level(pre, post=None, **model):
        model = {"type": "BPE", "vocab": vocabulary(byte_names), "merges": byte_merges} | model
        tokens = [added(16, "<x>", True, False), added(17, "<y>", True, True), added(18, "<x>yz", False, False), added(19, "x", False, False)]
        return {"version": "1.0", "added_tokens": tokens, "normalizer": None, "pre_tokenizer": pre, "post_processor": post, "decoder": level(), "model": model}

    def characters(normalizer, n_names, pre=None, **model):
        model = {"type": "BPE", "vocab": vocabulary(char_names[:n_names]), "merges": char_merges} | model
        return {"version": "1.0", "added_tokens": [added(n_names, "<x>", False, True)], "normalizer": normalizer, "pre_tokenizer": pre, "post_processor": None, "decoder": None, "model": model}

    spaces = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}
    template = {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "<x>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "<y>", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"<x>": {"id": "<x>", "ids": [16], "tokens": ["<x>"]}, "<y>": {"id": "<y>", "ids": [17], "tokens": ["<y>"]}},
    }
    return [
        byte_level(level(use_regex=True)),
        byte_level(level(use_regex=True, add_prefix_space=True)),
        byte_level(level(), ignore_merges=True),
        byte_level(level(use_regex=True), ignore_merges=True),
        byte_level(sequence({"type": "Digits", "individual_digits": True}, level(use_regex=True))),
        byte_level(sequence({"type": "Digits", "individual_digits": False}, level())),
        byte_level(sequence(split("Removed", False, String="b"), level())),
        byte_level(sequence(split("Removed", True, Regex="[ab]+|\\s"), level())),
        byte_level(sequence(split("Contiguous", False, Regex="[ab]"), level())),
        byte_level(sequence(split("Isolated", False, String="ab"), split("Isolated", True, Regex="\\S"), level())),
        byte_level(sequence(split("Isolated", False, Regex="(?=b)|c|(?<=a)b"), level())),
        byte_level(sequence(split("Contiguous", True, Regex="(?=b)|c|(?<=a)b|1"), level())),
        byte_level(sequence(split("Removed", False, Regex="\\s"), level())),
        byte_level(sequence(split("Removed", False, Regex="[^\\S]|b"), level())),
        byte_level(level(use_regex=True), {"type": "Sequence", "processors": [level(), template]}),
        characters(spaces, 9, unk_token="<unk>", fuse_unk=False),
        characters(spaces, 9, unk_token="<unk>", fuse_unk=True),
        characters(spaces, 9),
        characters(None, 265, unk_token="<unk>", fuse_unk=True, byte_fallback=True),
        characters({"type": "NFC"}, 265, unk_token="<unk>", byte_fallback=True, ignore_merges=True),
        *(
            characters(None, 265, {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": cut}, unk_token="<unk>", byte_fallback=True)
            for scheme in ("never", "first", "always")
            for cut in (False, True)
        ),
    ]


def variant_goldens():
    cases = []
    for content in variants():
        tokenizer = Tokenizer.from_str(json.dumps(content))
        cases.append({"tokenizer": content, "ids": [tokenizer.encode(text).ids for text in VARIANT_TEXTS]})
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    texts = json.dumps(VARIANT_TEXTS, ensure_ascii=False)
    (OUT / "variants.json").write_text('{"texts": ' + texts + ', "cases": [\n' + lines + "\n]}\n", encoding="utf-8")


PIECE_TEXTS = ["a b", " a  b ", "  ", "the scan shows", "zzz the ééé x", "<sep>the<sep> scan <sep>", "ab<se", "▁the ▁", "a\tb\n", "", "日本 the", "the\u00a0scan", "<sep> <sep>", " the", "abcabcaabbccabacbcab", "aaabbbccc caab", "abc ▁abccba"]


def hand_scored_model(path):
    """Scores of both signs: joins go from the highest to the lowest, equal ones from the left."""
    model = sentencepiece_model_pb2.ModelProto()
    model.pieces.add(piece="<unk>", score=0.0, type=2)
    scores = {"▁": -9.0, "a": -9.0, "b": -9.0, "c": -9.0, "ab": 0.5, "bc": 2.0, "ca": 0.0, "aa": -0.0, "abc": -1.5, "▁a": -1.0, "cc": 1e-30, "bb": -1e-30}
    for piece, score in scores.items():
        model.pieces.add(piece=piece, score=score)
    model.trainer_spec.model_type = 2
    model.normalizer_spec.name = "identity"
    path.write_bytes(model.SerializeToString())


def piece_goldens():
    settings = {
        "spaces": {"remove_extra_whitespaces": True},
        "user": {"remove_extra_whitespaces": False, "user_defined_symbols": ["<sep>", "▁the▁"]},
        "bytes": {"remove_extra_whitespaces": True, "byte_fallback": True, "vocab_size": 330, "add_dummy_prefix": False},
    }
    cases = []
    lines = [line for line in make_tokenizers.training_text() if line.isascii()][:400]
    # The files hold the prefix they were trained under: a name without a folder is the same everywhere.
    with tempfile.TemporaryDirectory() as temporary, contextlib.chdir(temporary):
        for name, setting in settings.items():
            prefix = f"pieces_{name}"
            options = {"vocab_size": 90, "normalization_rule_name": "identity", "model_type": "bpe", "minloglevel": 2} | setting
            sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(lines), model_prefix=prefix, num_threads=1, **options)
            shutil.copy(f"{prefix}.model", OUT / f"pieces_{name}.model")
            model = sentencepiece.SentencePieceProcessor(str(OUT / f"pieces_{name}.model"))
            cases.append({"model": f"pieces_{name}.model", "ids": [model.encode(text) for text in PIECE_TEXTS]})
    hand_scored_model(OUT / "pieces_scores.model")
    model = sentencepiece.SentencePieceProcessor(str(OUT / "pieces_scores.model"))
    cases.append({"model": "pieces_scores.model", "ids": [model.encode(text) for text in PIECE_TEXTS]})
    (OUT / "pieces.json").write_text(json.dumps({"texts": PIECE_TEXTS, "cases": cases}, ensure_ascii=False) + "\n", encoding="utf-8")


def main():
    variant_goldens()
    piece_goldens()
    strings = make_strings()
    data = [s.encode() for s in strings]
    (OUT / "strings.bin").write_bytes(struct.pack("<I", len(data)) + b"".join(struct.pack("<I", len(d)) + d for d in data))
    cases = []
    with tempfile.TemporaryDirectory() as temporary:
        temporary = pathlib.Path(temporary)
        shutil.copy(OUT / "phi3" / "tokenizer.model", temporary)
        n_pieces = sentencepiece.SentencePieceProcessor(str(temporary / "tokenizer.model")).get_piece_size()
        fast = Tokenizer.from_file(str(OUT / "phi3" / "tokenizer.json"))
        slow = phi3_goldens(strings, "phi3", temporary, n_pieces, fast)
        slow = llama(temporary, n_pieces)
        add_picture_tokens(slow, 16)
        cases += chat_cases("phi3", slow)
        with_bos = llama(temporary, n_pieces, bos=True)
        add_picture_tokens(with_bos, 16)
        cases += chat_cases("phi3", with_bos, bos=True)
        phi3_goldens(strings, "released_phi3", temporary, released_phi3(temporary), None)
    cases += chat_cases("phi4", byte_level_goldens(strings, "phi4", GPT2Tokenizer, 32))
    cases += chat_cases("qwen2", byte_level_goldens(strings, "qwen2", Qwen2Tokenizer, 33))
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    (OUT / "chat.json").write_text('{"cases": [\n' + lines + "\n]}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
