# SPDX-License-Identifier: Apache-2.0
"""Golden outputs of the tiny VQGAN: the picture of 1,024 codes, and the codes of two pictures."""
import os

import numpy as np
import torch
from PIL import Image

from tiny_models import VQGAN
from vqgan import Vqgan, to_pixels

LATENT_ROWS = (0, 17)
PICTURE_ROWS = (0, 1, 128, 255)


def load_vqgan(folder):
    """Reads folder/last.ckpt; tensors of the loss are left out, all others must fit."""
    state = torch.load(os.path.join(folder, "last.ckpt"), weights_only=True)["state_dict"]
    model = Vqgan(VQGAN).eval()
    model.load_state_dict({n: t.float() for n, t in state.items() if not n.startswith("loss.")}, strict=True)
    return model


def to_input(image):
    """Squashed to 256 x 256 by Pillow's LANCZOS filter, to [-1, 1]; (1, 3, 256, 256)."""
    size = (VQGAN.resolution, VQGAN.resolution)
    image = image if image.size == size else image.resize(size, Image.LANCZOS)
    x = torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255
    return (2 * x - 1).unsqueeze(0)


@torch.no_grad()
def decode_goldens(model, codes, picture_path):
    """Writes the picture; keeps some rows of the decoder's output before it is clamped."""
    out = model.decode(codes.long().view(32, 32))[0]
    Image.fromarray(to_pixels(out)).save(picture_path, optimize=True)
    return {"vq.output_rows": out[:, PICTURE_ROWS]}, {"picture_rows": PICTURE_ROWS}


@torch.no_grad()
def encode_goldens(model, images):
    """images: name -> RGB image. Codes, their margins (best minus second score over the largest) and latent rows."""
    tensors, meta = {}, {"latent_rows": LATENT_ROWS}
    for name, image in images.items():
        latent = model.latent(to_input(image))
        scores = model.code_scores(latent)[0].flatten(1)
        best, second = scores.topk(2, dim=0).values
        margins = (best - second) / scores.abs().amax(dim=0)
        tensors[f"vq.{name}_codes"] = scores.argmax(dim=0).to(torch.int32)
        tensors[f"vq.{name}_margins"] = margins
        tensors[f"vq.{name}_latent_rows"] = latent[0][:, LATENT_ROWS]
        meta[f"{name}_smallest_margin"] = margins.min().item()
        meta[f"{name}_different_codes"] = len(set(tensors[f"vq.{name}_codes"].tolist()))
    return tensors, meta
