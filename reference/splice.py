# SPDX-License-Identifier: Apache-2.0
"""From a picture and a question to the decoder's input: prompt, ids, CLIP features, projector, splice."""
import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

IMAGE_TOKEN = -200
PAD_COLOUR = (122, 116, 104)  # CLIP's mean colour times 255, cut

TEMPLATES = {
    "phi3_instruct": "<|system|>\nYou are a helpful AI assistant.<|end|>\n"
    "<|user|>\n{}<|end|>\n<|assistant|>\n",
    "phi4_instruct": "<|im_start|>system<|im_sep|>\n"
    "You are a medieval knight and must provide explanations to modern people.<|im_end|>\n"
    "<|im_start|>user<|im_sep|>\n{}<|im_end|>\n<|im_start|>assistant<|im_sep|>\n",
    "qwen_2": "<|im_start|>system\n"
    "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n"
    "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n",
}


def build_prompt(template, question, draw=False):
    """One turn about one image, the assistant's turn open; generation starts behind <start_index>."""
    return TEMPLATES[template].format("<image>\n" + question) + ("<start_index>" if draw else "")


def encode_prompt(tokenizer, prompt):
    """Tokenises the text on each side of <image> on its own and puts IMAGE_TOKEN between; one BOS at the start."""
    pieces = [tokenizer(piece).input_ids for piece in prompt.split("<image>")]
    bos = [pieces[0][0]] if pieces[0] and pieces[0][0] == tokenizer.bos_token_id else []
    ids = list(bos)
    for i, piece in enumerate(pieces):
        ids += ([IMAGE_TOKEN] if i else []) + piece[len(bos) :]
    return ids


def expand_to_square(image):
    """Pads the short side on both ends; the odd pixel goes to the end."""
    side = max(image.size)
    if image.size == (side, side):
        return image
    square = Image.new("RGB", (side, side), PAD_COLOUR)
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return square


def prepare_image(processor, image):
    """-> (uint8 (336, 336, 3) before normalisation, float32 (1, 3, 336, 336) for CLIP)."""
    square = expand_to_square(image)
    raw = processor(square, do_rescale=False, do_normalize=False, return_tensors="np").pixel_values[0]
    pixels = processor(square, return_tensors="pt").pixel_values
    return np.ascontiguousarray(raw.transpose(1, 2, 0)).astype(np.uint8), pixels


def project(features, tensors):
    """Two layers with the exact GELU between; features (patches, C) -> (patches, H)."""
    prefix = "base_model.model.model.mm_projector."
    part = {k: tensors[prefix + k].float() for k in ("0.weight", "0.bias", "2.weight", "2.bias")}
    return F.linear(F.gelu(F.linear(features, part["0.weight"], part["0.bias"])), part["2.weight"], part["2.bias"])


def splice(embedding, ids, image_features):
    """(T, H): the embedding rows of the ids, with image_features in the place of IMAGE_TOKEN."""
    rows = [image_features if i == IMAGE_TOKEN else embedding[i].unsqueeze(0) for i in ids]
    return torch.cat(rows)
