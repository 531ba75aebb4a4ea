# SPDX-License-Identifier: Apache-2.0
"""Small tokenizers of the three base models' families, as complete folders, in tests/data/text/{phi3,phi4,qwen2}/.

The vocabularies are trained here on text made here; only the settings (patterns, flags, names of special tokens) are
those of the released models. tokenizer_goldens.py then writes the ids that the Python libraries give.

    /opt/ref/venv/bin/python reference/make_tokenizers.py
"""
import contextlib
import json
import pathlib
import random

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers.convert_slow_tokenizer import SentencePieceExtractor

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests" / "data" / "text"

PATTERN_1_TO_3_DIGITS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
PATTERN_1_DIGIT = PATTERN_1_TO_3_DIGITS.replace(r"\p{N}{1,3}", r"\p{N}")

SUBJECTS = "the scan|this image|the chest radiograph|the left lung|the right kidney|the MRI|a CT slice|the patient".split("|")
VERBS = "shows|demonstrates|does not show|suggests|is consistent with|reveals|rules out|may indicate".split("|")
OBJECTS = (
    "a small nodule|no abnormality|pleural effusion|mild oedema|an enlarged heart|a fracture|normal findings|"
    "consolidation in the lower lobe|a mass of 12 mm|signal loss|ground-glass opacity|high contrast"
).split("|")
OTHER = (
    "Où est l'œdème du patient ?|La résonance magnétique est normale.|Die Lunge ist unauffällig, Größe 3,5 cm.|"
    "Где находится перелом кости?|Снимок без изменений.|胸部のCT画像です。|医学图像分析显示正常。|환자의 영상은 정상이다.|"
    "الصورة طبيعية تماما.|התמונה תקינה.|छवि सामान्य है।|ภาพปกติ|Το ήπαρ είναι φυσιολογικό."
).split("|")
CODE = "for (int i = 0; i < n; i++) {|    return x + y;|}|if value == 10:|\tprint('value', value)|{\"id\": 123, \"name\": \"a\"}".split("|")


def training_text():
    rng = random.Random(20)
    lines = []
    for _ in range(900):
        subject, verb, thing = rng.choice(SUBJECTS), rng.choice(VERBS), rng.choice(OBJECTS)
        lines.append(f"{subject[0].upper()}{subject[1:]} {verb} {thing}.")
        lines.append(f"What does {subject} show? It {verb} {thing}, {rng.randrange(2000)} days later.")
    lines += OTHER * 12 + CODE * 12
    rng.shuffle(lines)
    return lines


def write_json(folder, name, value):
    (OUT / folder / name).write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def added(content, left=False, right=False, special=True):
    return {"content": content, "lstrip": left, "normalized": False, "rstrip": right, "single_word": False, "special": special}


# ---- phi3: SentencePiece BPE with byte fallback ---------------------------------------------------------------------

PHI3_ADDED = (
    "<|endoftext|> <|assistant|> <|placeholder1|> <|placeholder2|> <|placeholder3|> <|placeholder4|> <|system|> <|end|> "
    "<|placeholder5|> <|placeholder6|> <|user|>"
).split()


def phi3_added(n_pieces):
    tokens = {0: added("<unk>"), 1: added("<s>"), 2: added("</s>", right=True, special=False)}
    for i, name in enumerate(PHI3_ADDED):
        tokens[n_pieces + i] = added(name, right=i > 0)
    return tokens


def phi3_config(n_pieces, legacy=False, bos=False):
    return {
        "add_bos_token": bos,
        "add_eos_token": False,
        "added_tokens_decoder": {str(k): v for k, v in phi3_added(n_pieces).items()},
        "bos_token": "<s>",
        "clean_up_tokenization_spaces": False,
        "eos_token": "<|endoftext|>",
        "legacy": legacy,
        "model_max_length": 4096,
        "pad_token": "<|endoftext|>",
        "padding_side": "left",
        "sp_model_kwargs": {},
        "tokenizer_class": "LlamaTokenizer",
        "unk_token": "<unk>",
        "use_default_system_prompt": False,
    }


def phi3_fast(model_file, n_pieces):
    """tokenizer.json in the form of the released one: Prepend and Replace, then one BPE over the whole text."""
    vocabulary, merges = SentencePieceExtractor(str(model_file)).extract()[:2]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    for token in phi3_added(n_pieces).values():
        (tokenizer.add_special_tokens if token["special"] else tokenizer.add_tokens)([AddedToken(**token)])
    return tokenizer


def make_phi3(lines):
    folder = OUT / "phi3"
    folder.mkdir(parents=True, exist_ok=True)
    # The file holds the prefix it was trained under: a name without a folder is the same everywhere.
    with contextlib.chdir(folder):
        train_pieces(lines)
    (folder / "tokenizer.vocab").unlink()
    n_pieces = sentencepiece.SentencePieceProcessor(str(folder / "tokenizer.model")).get_piece_size()
    phi3_fast(folder / "tokenizer.model", n_pieces).save(str(folder / "tokenizer.json"))
    write_json("phi3", "added_tokens.json", {name: n_pieces + i for i, name in enumerate(PHI3_ADDED)})
    write_json("phi3", "tokenizer_config.json", phi3_config(n_pieces))
    names = {"bos_token": "<s>", "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>", "unk_token": "<unk>"}
    write_json("phi3", "special_tokens_map.json", {k: added(v) for k, v in names.items()})


def train_pieces(lines):
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_prefix="tokenizer",
        model_type="bpe",
        vocab_size=640,
        byte_fallback=True,
        split_digits=True,
        allow_whitespace_only_pieces=True,
        remove_extra_whitespaces=False,
        normalization_rule_name="identity",
        character_coverage=0.997,
        num_threads=1,
        minloglevel=2,
    )


# ---- phi4 and qwen2: byte-level BPE ---------------------------------------------------------------------------------

PHI4_DUMMIES = 4
PHI4_ADDED = (
    ["<|dummy_0|>", "<|endoftext|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>"]
    + [f"<|dummy_{i}|>" for i in range(1, PHI4_DUMMIES + 1)]
    + ["<|im_start|>", "<|im_end|>", "<|im_sep|>", "<|dummy_85|>"]
)
QWEN2_ADDED = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<tool_call>", "</tool_call>"]


def train_byte_level(lines, folder, split, normalizer, size):
    (OUT / folder).mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False
    )
    tokenizer.train_from_iterator(lines, trainer)
    return tokenizer


def save_byte_level(tokenizer, folder, tokens, config):
    for token in tokens:
        (tokenizer.add_special_tokens if token["special"] else tokenizer.add_tokens)([AddedToken(**token)])
    tokenizer.save(str(OUT / folder / "tokenizer.json"))
    model = json.loads(tokenizer.to_str())["model"]
    write_json(folder, "vocab.json", model["vocab"])
    merges = [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]
    (OUT / folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n", encoding="utf-8")
    config["added_tokens_decoder"] = {str(tokenizer.token_to_id(t["content"])): t for t in tokens}
    write_json(folder, "added_tokens.json", {t["content"]: tokenizer.token_to_id(t["content"]) for t in tokens})
    write_json(folder, "tokenizer_config.json", config)
    names = ("bos_token", "eos_token", "pad_token", "unk_token", "additional_special_tokens")
    write_json(folder, "special_tokens_map.json", {k: config[k] for k in names if config.get(k)})


def make_phi4(lines):
    split = pre_tokenizers.Split(Regex(PATTERN_1_TO_3_DIGITS), behavior="removed", invert=True)
    tokenizer = train_byte_level(lines, "phi4", split, None, 560)
    config = {
        "add_prefix_space": False,
        "bos_token": "<|endoftext|>",
        "clean_up_tokenization_spaces": False,
        "eos_token": "<|im_end|>",
        "model_max_length": 16384,
        "pad_token": "<|dummy_85|>",
        "tokenizer_class": "GPT2Tokenizer",
        "unk_token": "<|endoftext|>",
    }
    save_byte_level(tokenizer, "phi4", [added(t, left=True, right=True) for t in PHI4_ADDED], config)


def make_qwen2(lines):
    split = pre_tokenizers.Split(Regex(PATTERN_1_DIGIT), behavior="isolated", invert=False)
    tokenizer = train_byte_level(lines, "qwen2", split, normalizers.NFC(), 540)
    config = {
        "add_bos_token": False,
        "add_prefix_space": False,
        "additional_special_tokens": ["<|im_start|>", "<|im_end|>", "<|vision_start|>"],
        "bos_token": None,
        "clean_up_tokenization_spaces": False,
        "eos_token": "<|im_end|>",
        "errors": "replace",
        "model_max_length": 131072,
        "pad_token": "<|endoftext|>",
        "split_special_tokens": False,
        "tokenizer_class": "Qwen2Tokenizer",
        "unk_token": None,
    }
    tokens = [added(t, special=not t.endswith("tool_call>")) for t in QWEN2_ADDED]
    save_byte_level(tokenizer, "qwen2", tokens, config)


if __name__ == "__main__":
    text = training_text()
    make_phi3(text)
    make_phi4(text)
    make_qwen2(text)
