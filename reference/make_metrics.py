# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/eval/: small pictures and what scikit-image and NumPy say of them (expected.json).

    python reference/make_metrics.py [--out tests/data/eval]

In an environment of its own: scikit-image==0.25.2 numpy==1.26.4 pillow==11.1.0
"""
import argparse
import json
import os

import numpy as np
from PIL import Image
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio, structural_similarity


def picture(shape, seed):
    """A smooth pattern with noise, 8 bits."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]]
    base = 120 + 70 * np.sin(x / 5.0 + seed) + 50 * np.cos(y / 4.0 - x / 11.0)
    if len(shape) == 3:
        base = np.stack([base, base[::-1], 255 - base], axis=-1)
    return np.clip(base + rng.normal(0, 12, shape), 0, 255).astype(np.uint8)


def scores(a, b, data_range, mask=None):
    axis = -1 if a.ndim == 3 else None
    out = {}
    for name, options, pad in (("gaussian", dict(gaussian_weights=True, use_sample_covariance=False), 5), ("uniform", {}, 3)):
        mean, full = structural_similarity(a, b, data_range=data_range, channel_axis=axis, full=True, **options)
        if mask is not None:
            inner = np.zeros(mask.shape, bool)
            inner[pad:-pad, pad:-pad] = mask[pad:-pad, pad:-pad]
            mean = full[inner].mean()
        out["ssim_" + name] = float(mean)
    fa, fb = a.astype(np.float64), b.astype(np.float64)
    if mask is not None:
        fa, fb = fa[mask], fb[mask]
    out["mse"] = float(mean_squared_error(fa, fb))
    out["psnr"] = float(peak_signal_noise_ratio(fa, fb, data_range=data_range))
    out["mae"] = float(np.abs(fa - fb).mean())
    if a.dtype == np.uint8:
        d = (a - b) ** 2  # modulo 256, on purpose
        out["wrapped_mse"] = float((d if mask is None else d[mask]).mean())
    return out


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", default="tests/data/eval")
    out = parser.parse_args().out
    os.makedirs(out, exist_ok=True)
    a, b = picture((37, 45), 1), picture((37, 45), 1)
    rng = np.random.default_rng(5)
    b = np.clip(b.astype(int) + rng.normal(0, 25, b.shape), 0, 255).astype(np.uint8)
    ca, cb = picture((29, 23, 3), 2), picture((29, 23, 3), 3)
    y, x = np.mgrid[0:37, 0:45]
    mask = ((y - 18) ** 2 + (x - 20) ** 2 < 13**2)
    wide_a, wide_b = a.astype(np.uint16) * 257, (b.astype(np.uint16) * 251 + 3).astype(np.uint16)
    files = {"grey_a": a, "grey_b": b, "colour_a": ca, "colour_b": cb, "mask": (mask * 255).astype(np.uint8), "wide_a": wide_a,
             "wide_b": wide_b}
    for name, array in files.items():
        Image.fromarray(array).save(os.path.join(out, name + ".png"))
    expected = {
        "grey": scores(a, b, 255),
        "masked": scores(a, b, 255, mask),
        "colour": scores(ca, cb, 255),
        "wide": scores(wide_a, wide_b, 65535),
        "narrow_range": scores(a, b, 200),
    }
    with open(os.path.join(out, "expected.json"), "w") as f:
        json.dump(expected, f, indent=1)
        f.write("\n")


if __name__ == "__main__":
    main()
