# SPDX-License-Identifier: Apache-2.0
"""Golden outputs of one tiny model, computed in float32 from the files in its folder."""
import hashlib
import os

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, CLIPConfig, CLIPImageProcessor, CLIPVisionModel

from greedy import DecoderTrace, decode, generate
from hlora import PREFIX, attach
from splice import IMAGE_TOKEN, build_prompt, encode_prompt, prepare_image, project, splice
from tiny_models import N_CODES, PICTURE_TOKENS, adapted_layers, load_tokenizer

QUESTION = {"com": "What modality is used to take this image?", "gen": "Reconstruct the image."}
TEXT_STEPS, TEXT_KEEP = 64, range(0, 64, 8)
CODE_STEPS, CODE_KEEP = 1024, (0, 1, 2, 7, 31, 32, 33, 63, 127, 255, 256, 511, 512, 767, 1000, 1023)
IMAGE_ROWS = (0, 60, 168, 335)
CLIP_ROWS = (0, 1, 2, 289, 575, 576)
PATCH_ROWS = (0, 1, 287, 575)
SMALLEST_GAP = 2e-4  # float32 sums in another order move a score by about 1e-6 of the largest


class Rejected(Exception):
    """The seed gives an output that would test little, or one that rounding could change."""


def fnv1a(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def clip_goldens(clip_folder, image):
    """-> (hidden states, golden tensors, metadata). Hidden state 0 is the input of the first layer."""
    config = CLIPConfig.from_pretrained(clip_folder).vision_config
    model = CLIPVisionModel._from_config(config, attn_implementation="eager").float().eval()
    state = torch.load(os.path.join(clip_folder, "pytorch_model.bin"), weights_only=True)
    wanted = {n: t.float() for n, t in state.items() if n.startswith("vision_model.") and "position_ids" not in n}
    model.load_state_dict(wanted, strict=True)
    raw, pixels = prepare_image(CLIPImageProcessor.from_pretrained(clip_folder), image)
    with torch.no_grad():
        hidden = model(pixels, output_hidden_states=True).hidden_states
    tensors = {"image.rows": torch.from_numpy(raw[list(IMAGE_ROWS)]), "image.pixels_rows": pixels[0][:, IMAGE_ROWS, :8]}
    for name, index in (("clip.input", 0), ("clip.hidden_1", 1), ("clip.hidden_m2", -2)):
        tensors[name] = hidden[index][0, CLIP_ROWS]
    meta = {"image_sha256": hashlib.sha256(raw.tobytes()).hexdigest(), "image_fnv1a": fnv1a(raw.tobytes()),
            "image_sum": int(raw.sum()), "image_rows": IMAGE_ROWS, "clip_rows": CLIP_ROWS, "patch_rows": PATCH_ROWS}
    return hidden, tensors, meta


@torch.no_grad()
def extend_with_mean(model, tokenizer_length):
    """Cuts embedding and head to the tokenizer's length and appends a row per picture token: the mean row."""
    for module in (model.get_input_embeddings(), model.get_output_embeddings()):
        rows = module.weight[:tokenizer_length]
        mean = rows.mean(dim=0, keepdim=True).expand(len(PICTURE_TOKENS), -1)
        module.weight = torch.nn.Parameter(torch.cat([rows, mean]), requires_grad=False)


def load_task(folder, spec, task):
    """-> (decoder of the task with its adapter, tokenizer, tensors of the adapter file)."""
    base = os.path.join(folder, "base")
    model = AutoModelForCausalLM.from_pretrained(base, torch_dtype=torch.float32, attn_implementation="eager").eval()
    tokenizer = load_tokenizer(base)
    length = len(tokenizer)
    adapter = torch.load(os.path.join(folder, f"{task}_hlora_weights.bin"), weights_only=True)
    if spec.extended:
        tokenizer.add_special_tokens({"additional_special_tokens": PICTURE_TOKENS})
        assert tokenizer.convert_tokens_to_ids(PICTURE_TOKENS) == list(range(length, length + len(PICTURE_TOKENS)))
        extend_with_mean(model, length)
    if task == "gen":
        fusion = torch.load(os.path.join(folder, "fusion_layer_weights.bin"), weights_only=True)
        parts = {"model.embed_tokens.weight": model.get_input_embeddings(), "lm_head.weight": model.lm_head}
        for name, module in parts.items():
            assert fusion[PREFIX + name].shape == module.weight.shape
            module.weight = torch.nn.Parameter(fusion[PREFIX + name].float(), requires_grad=False)
    assert attach(model, adapter) == len(adapted_layers(spec))
    return model, tokenizer, length, adapter


@torch.no_grad()
def embed_prompt(model, tokenizer, adapter, spec, task, features):
    """-> (ids with IMAGE_TOKEN, decoder input (T, H), projector output (patches, H))."""
    prompt = build_prompt(spec.template, QUESTION[task], draw=task == "gen")
    ids = encode_prompt(tokenizer, prompt)
    picture = project(features, adapter)
    return ids, splice(model.get_input_embeddings().weight, ids, picture), picture


def common_goldens(task, ids, embeddings, picture, trace):
    return {
        f"{task}.prompt_ids": torch.tensor(ids, dtype=torch.int32),
        f"{task}.projector": picture[list(PATCH_ROWS)],
        f"{task}.layers": torch.stack(trace.layers),
        f"{task}.norm": trace.norm,
    }, {
        "prompt_length": len(ids), "image_position": ids.index(IMAGE_TOKEN),
        "embeddings_shape": list(embeddings.shape), "trace_positions": trace.positions,
    }


def plain_text(folder, ids):
    """The answer as the `tokenizers` library gives it, without special tokens."""
    fast = AutoTokenizer.from_pretrained(os.path.join(folder, "base"), use_fast=True)
    return fast.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)


def check_decoded(decoded, what, n_distinct, stop=()):
    if min(decoded.gaps) <= SMALLEST_GAP:
        raise Rejected(f"{what}: gap {min(decoded.gaps):.2e}")
    if len(set(decoded.ids)) < n_distinct:
        raise Rejected(f"{what}: only {len(set(decoded.ids))} different ids of {len(decoded.ids)}")
    if set(decoded.ids) & set(stop):
        raise Rejected(f"{what}: stops after {len(decoded.ids)} ids")


def check_in_double(model, embeddings, decoded, what, **choice):
    """The ids must not depend on the precision: decodes again in float64. Leaves the model in float64."""
    again = decode(model.double(), embeddings.double(), len(decoded.ids), **choice)
    if again.ids != decoded.ids:
        raise Rejected(f"{what}: float64 gives other ids")


def text_goldens(folder, spec, hidden):
    """Comprehension: 64 greedy ids with the base model's own embedding and head."""
    model, tokenizer, length, adapter = load_task(folder, spec, "com")
    stop = model.generation_config.eos_token_id
    ids, embeddings, picture = embed_prompt(model, tokenizer, adapter, spec, "com", hidden[-2][0, 1:])
    trace = DecoderTrace(model, [embeddings.shape[0] // 2, embeddings.shape[0] - 1])
    decoded = decode(model, embeddings, TEXT_STEPS, TEXT_KEEP, stop=stop, penalty=spec.repetition_penalty)
    check_decoded(decoded, "text", 24, stop)
    if max(decoded.ids) >= length:
        raise Rejected(f"text: id {max(decoded.ids)} is not a token")
    assert generate(model, embeddings, TEXT_STEPS) == decoded.ids
    check_in_double(model, embeddings, decoded, "text", penalty=spec.repetition_penalty)
    tensors, meta = common_goldens("com", ids, embeddings, picture, trace)
    logits = torch.stack([decoded.logits[s] for s in TEXT_KEEP])
    tensors["com.logits"] = logits[:, :length]
    tensors["com.text_ids"] = torch.tensor(decoded.ids, dtype=torch.int32)
    tensors["com.gaps"] = torch.tensor(decoded.gaps)
    if spec.extended:
        tensors["com.mean_logits"] = logits[:, length]
    meta.update(question=QUESTION["com"], tokenizer_length=length, stop_ids=stop, logit_steps=list(TEXT_KEEP),
                smallest_gap=min(decoded.gaps), text=plain_text(folder, decoded.ids),
                repetition_penalty=spec.repetition_penalty)
    return tensors, meta


def draw_goldens(folder, spec, hidden):
    """Generation: 1,024 greedy codes limited to the codes, and the first 64 ids of the unlimited greedy choice."""
    model, tokenizer, length, adapter = load_task(folder, spec, "gen")
    stop = model.generation_config.eos_token_id
    ids, embeddings, picture = embed_prompt(model, tokenizer, adapter, spec, "gen", hidden[1][0, 1:])
    assert ids[-1] == length
    codes = slice(length + 1, length + 1 + N_CODES)
    trace = DecoderTrace(model, [embeddings.shape[0] // 2, embeddings.shape[0] - 1])
    drawn = decode(model, embeddings, CODE_STEPS, CODE_KEEP, allowed=codes)
    check_decoded(drawn, "codes", 128)
    free = decode(model, embeddings, 64, stop=stop)
    check_decoded(free, "free", 1)
    assert generate(model, embeddings, 64) == free.ids
    check_in_double(model, embeddings, drawn, "codes", allowed=codes)
    tensors, meta = common_goldens("gen", ids, embeddings, picture, trace)
    tensors["gen.codes"] = torch.tensor(drawn.ids, dtype=torch.int32) - codes.start
    tensors["gen.gaps"] = torch.tensor(drawn.gaps)
    tensors["gen.first_logits"] = drawn.logits[0]
    tensors["gen.code_logits"] = torch.stack([drawn.logits[s][length:] for s in CODE_KEEP])
    tensors["gen.free_ids"] = torch.tensor(free.ids, dtype=torch.int32)
    tensors["gen.free_gaps"] = torch.tensor(free.gaps)
    meta.update(question=QUESTION["gen"], start_id=length, first_code_id=codes.start, end_id=codes.stop,
                stop_ids=stop, code_logit_steps=list(CODE_KEEP), different_codes=len(set(drawn.ids)),
                smallest_gap=min(drawn.gaps), smallest_free_gap=min(free.gaps))
    return tensors, meta
