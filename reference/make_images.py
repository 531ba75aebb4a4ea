# SPDX-License-Identifier: Apache-2.0
"""Makes tests/data/image/: small image files of every kind, and what Pillow and transformers make of them.

Run from the repository root: python reference/make_images.py SHARED_DATA
Needs Pillow 11.1, numpy, torch 2.4, transformers 4.49. The hashes are those of fingerprint() below.

  clip.txt    per image: where, path, width, height, hash of the upright RGB bytes, of the uint8 CLIP input
              [336,336,3], of the float32 CLIP input [3,336,336], sums of the uint8 one over 24 bands of 14 rows,
              and (for files of ours) every 14th row and column of it
  resize.bin  per case: filter (0 bilinear, 1 bicubic, 2 Lanczos), channels, input width and height, output
              width and height as little-endian uint16, then the output; inputs come from a generator
  vq.txt      per image: where, path, hash of the float32 VQ input [3,256,256]
  vq_out.txt  bits of a float and the byte it becomes
"""
import pathlib
import struct
import sys
import zlib

import numpy as np
import torch
from PIL import Image, ImageOps
from transformers import CLIPImageProcessor

OUT = pathlib.Path("tests/data/image")
RNG = np.random.default_rng(20250101)
SIDE = 336

PHOTOS = """
dermoscopy_isic_uda1 0 60 -1
fundus_idrid 0 12
histopathology_cmu1_tiles 0 20
histopathology_kather2016 0 12
microscopy_bccd/JPEGImages 0 145
mini64_medical_mnist/CXR 0
mini64_medical_mnist/HeadCT 7
misc_skimage 0 1
mri_ct_slices/stroke 0
mri_ct_slices/mni152 100
mri_ct_slices/totalseg 5
mri_ct_slices/sct 3
mri_ct_slices/vs_seg_t1c 0
mri_ct_slices/datalad_t1 4
oct_kermany/CNV 0
oct_kermany/NORMAL 3
ultrasound_lung_pocus 0 1 2 3 80 -1
xray_chest_covid 0 5 12 18 19
xray_chest_nih/Pneumonia 0
xray_chest_nih/No_findings 4
"""


MULTIPLIER = 6364136223846793005


def fingerprint(data):
    """h = h * MULTIPLIER + byte + 1 modulo 2^64 over all bytes, from h = 0, in blocks."""
    block = 1 << 16
    powers = np.ones(block, np.uint64)
    powers[:-1] = np.cumprod(np.full(block - 1, MULTIPLIER, np.uint64))[::-1]
    values = np.frombuffer(data, np.uint8)
    h = 0
    for at in range(0, len(values), block):
        part = values[at:at + block].astype(np.uint64) + np.uint64(1)
        added = int((part * powers[block - len(part):]).sum(dtype=np.uint64))
        h = (h * pow(MULTIPLIER, len(part), 1 << 64) + added) % (1 << 64)
    return f"{h:016x}"


# --- small files -----------------------------------------------------------------------------------------------


def picture(width, height, channels, top=255):
    """A smooth picture with noise and a sharp edge."""
    y, x = np.mgrid[0:height, 0:width]
    planes = []
    for c in range(channels):
        wave = np.sin(x * (0.21 + 0.07 * c)) * np.cos(y * (0.17 + 0.05 * c))
        plane = (wave * 0.35 + 0.5) * top + RNG.normal(0, top * 0.03, (height, width))
        plane[(x + y * (c + 1)) % 23 == 0] = top
        planes.append(np.clip(plane, 0, top))
    return np.stack(planes, axis=-1).astype(np.uint16 if top > 255 else np.uint8)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def pack_rows(samples, depth):
    """Unfiltered PNG rows of samples (height, width, channels)."""
    rows = b""
    for row in samples:
        flat = row.reshape(-1)
        if depth == 16:
            packed = flat.astype(">u2").tobytes()
        elif depth == 8:
            packed = flat.astype(np.uint8).tobytes()
        else:
            bits = ((flat[:, None] >> np.arange(depth - 1, -1, -1)) & 1).astype(np.uint8).reshape(-1)
            packed = np.packbits(bits).tobytes()
        rows += b"\0" + packed
    return rows


def write_png(name, samples, colour_type, depth, interlaced=False, extra=b""):
    """PNG of any colour type and depth; Pillow cannot write all of them."""
    height, width = samples.shape[:2]
    if interlaced:
        parts = [samples[y0::dy, x0::dx] for x0, y0, dx, dy in ADAM7]
        raw = b"".join(pack_rows(part, depth) for part in parts if part.size)
    else:
        raw = pack_rows(samples, depth)
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, int(interlaced))
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(raw, 9))
    (OUT / name).write_bytes(data + chunk(b"IEND", b""))


def make_pngs():
    grey, rgb = picture(37, 29, 1), picture(41, 30, 3)
    for depth in (1, 2, 4):
        write_png(f"grey{depth}.png", grey >> (8 - depth), 0, depth)
    write_png("grey1_interlaced.png", grey >> 7, 0, 1, True)
    write_png("grey16.png", picture(33, 27, 1, 65535), 0, 16)
    write_png("grey16_interlaced.png", picture(9, 13, 1, 65535), 0, 16, True)
    write_png("grey_key.png", grey, 0, 8, extra=chunk(b"tRNS", struct.pack(">H", 255)))
    write_png("rgb_interlaced.png", rgb, 2, 8, True)
    write_png("rgb16.png", picture(25, 31, 3, 65535), 2, 16)
    write_png("rgb_key.png", rgb, 2, 8, extra=chunk(b"tRNS", struct.pack(">HHH", *rgb[3, 5].tolist())))
    write_png("grey_alpha16.png", picture(19, 23, 2, 65535), 4, 16)
    write_png("rgba16.png", picture(17, 21, 4, 65535), 6, 16)
    write_png("rgba_interlaced.png", picture(3, 5, 4), 6, 8, True)
    write_png("pixel.png", rgb[:1, :1], 2, 8)
    palette = chunk(b"PLTE", RNG.integers(0, 256, 48).astype(np.uint8).tobytes())
    write_png("palette4.png", grey >> 4, 3, 4, extra=palette)
    write_png("palette4_interlaced.png", grey >> 4, 3, 4, True, palette + chunk(b"tRNS", bytes([0, 90, 255])))
    Image.fromarray(rgb).save(OUT / "rgb.png")
    Image.fromarray(grey[..., 0]).save(OUT / "grey.png")
    Image.fromarray(picture(31, 35, 2), "LA").save(OUT / "grey_alpha.png")
    Image.fromarray(picture(35, 31, 4), "RGBA").save(OUT / "rgba.png")
    Image.fromarray(rgb).quantize(64).save(OUT / "palette8.png")
    Image.fromarray(rgb).quantize(16).save(OUT / "palette8_key.png", transparency=3)
    exif = Image.Exif()
    exif[274] = 8
    Image.fromarray(rgb).save(OUT / "exif8.png", exif=exif)


def make_jpegs():
    rgb = Image.fromarray(picture(47, 33, 3))
    for name, options in {
        "rgb420": {"subsampling": 2}, "rgb422": {"subsampling": 1}, "rgb444": {"subsampling": 0},
        "rgb420_progressive": {"subsampling": 2, "progressive": True},
        "rgb420_restart": {"subsampling": 2, "restart_marker_blocks": 2},
    }.items():
        rgb.save(OUT / f"{name}.jpg", quality=80, **options)
    rgb.convert("L").save(OUT / "grey.jpg", quality=80)
    rgb.crop((0, 0, 1, 1)).save(OUT / "pixel.jpg")
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[274] = orientation
        rgb.crop((0, 0, 23, 14)).save(OUT / f"exif{orientation}.jpg", quality=75, exif=exif)
    cmyk = Image.fromarray(picture(29, 21, 4), "CMYK")
    cmyk.save(OUT / "cmyk.jpg", quality=85)
    data = bytearray((OUT / "cmyk.jpg").read_bytes())
    at = data.index(b"Adobe") + 11  # the transform flag of the Adobe marker
    assert data[at] == 0
    data[at] = 2
    (OUT / "ycck.jpg").write_bytes(data)


# --- what the reference makes of an image ----------------------------------------------------------------------


def upright_rgb(path):
    image = Image.open(path)
    kind = image.mode
    image = ImageOps.exif_transpose(image)
    if kind == "I;16":  # Pillow would clip at 255: scaled first, see src/image/rgb.h
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return image.convert("RGB")


def pad_square(image):
    width, height = image.size
    side = max(width, height)
    square = Image.new("RGB", (side, side), (122, 116, 104))
    square.paste(image, ((side - width) // 2, (side - height) // 2))
    return square


def processor():
    return CLIPImageProcessor(do_resize=True, size={"shortest_edge": SIDE}, resample=3, do_center_crop=True,
                              crop_size=SIDE, do_rescale=True, do_normalize=True, do_convert_rgb=True,
                              image_mean=[0.48145466, 0.4578275, 0.40821073],
                              image_std=[0.26862954, 0.26130258, 0.27577711])


def clip_line(where, path, root, clip):
    image = upright_rgb(root / path)
    square = pad_square(image)
    floats = clip(square, return_tensors="np", input_data_format="channels_last")["pixel_values"][0]
    u8 = clip(square, return_tensors="np", do_rescale=False, do_normalize=False,
              input_data_format="channels_last")["pixel_values"][0]
    u8 = np.ascontiguousarray(u8.transpose(1, 2, 0))
    assert u8.dtype == np.uint8 and u8.shape == (SIDE, SIDE, 3)
    assert floats.dtype == np.float32 and floats.shape == (3, SIDE, SIDE)
    width, height = image.size
    hashes = " ".join(map(fingerprint, (image.tobytes(), u8.tobytes(), floats.tobytes())))
    bands = ",".join(str(u8[y:y + 14].sum(dtype=np.int64)) for y in range(0, SIDE, 14))
    # The shared pictures are not ours to publish, not even as thumbnails.
    samples = u8[::14, ::14].tobytes().hex() if where == "test" else "-"
    return f"{where} {path} {width} {height} {hashes} {bands} {samples}\n"


def photos(shared):
    for line in PHOTOS.split("\n"):
        if not line:
            continue
        folder, *indices = line.split()
        root = shared / "images" / folder
        names = sorted(p.name for p in root.iterdir() if p.suffix in (".jpg", ".jpeg", ".png"))
        for i in indices:
            yield f"images/{folder}/{names[int(i)]}"


def make_clip(shared):
    clip = processor()
    with open(OUT / "clip.txt", "w") as out:
        for path in sorted(OUT.glob("*.png")) + sorted(OUT.glob("*.jpg")):
            out.write(clip_line("test", path.name, OUT, clip))
        for path in photos(shared):
            out.write(clip_line("shared", path, shared, clip))


# --- resizing --------------------------------------------------------------------------------------------------


def generated(case, size):
    """Bytes of a 32-bit linear congruential generator, seeded by the case's number."""
    state, values = case * 7919 + 12345, bytearray()
    for _ in range(size):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        value = state >> 24
        # A third of them are extremes, so that clipping is reached.
        values.append(0 if value < 42 else 255 if value > 213 else value)
    return bytes(values)


RESIZE_SIZES = [
    (1, 1, 1, 1), (1, 1, 7, 5), (7, 5, 1, 1), (2, 2, 3, 3), (3, 3, 2, 2), (13, 9, 13, 9), (13, 9, 13, 20),
    (13, 9, 6, 9), (17, 31, 16, 30), (17, 31, 18, 32), (64, 48, 21, 19), (21, 19, 64, 48), (300, 1, 16, 16),
    (1, 300, 16, 16), (500, 3, 7, 11), (3, 500, 11, 7), (101, 97, 33, 32), (40, 40, 56, 56), (255, 2, 33, 1),
    (1000, 40, 5, 41), (64, 64, 63, 65), (5, 5, 40, 3), (150, 150, 24, 24), (90, 120, 37, 29),
]


def make_resize():
    filters = [Image.BILINEAR, Image.BICUBIC, Image.LANCZOS]
    case = 0
    with open(OUT / "resize.bin", "wb") as out:
        for kind, method in enumerate(filters):
            for channels in (1, 3):
                for w, h, ow, oh in RESIZE_SIZES:
                    data = np.frombuffer(generated(case, w * h * channels), np.uint8)
                    image = Image.fromarray(data.reshape((h, w, 3) if channels == 3 else (h, w)))
                    out.write(struct.pack("<6H", kind, channels, w, h, ow, oh))
                    out.write(image.resize((ow, oh), method).tobytes())
                    case += 1


# --- VQ --------------------------------------------------------------------------------------------------------


def make_vq(shared):
    cases = [("test", OUT, "rgb.png"), ("test", OUT, "grey16.png"), ("test", OUT, "rgba.png")]
    cases += [("shared", shared, path) for path in list(photos(shared))[3:9:2]]
    with open(OUT / "vq.txt", "w") as out:
        for where, root, path in cases:
            small = upright_rgb(root / path).resize((256, 256), Image.LANCZOS)
            x = torch.from_numpy(np.asarray(small).copy()).permute(2, 0, 1).to(torch.float32).div(255)
            x = 2.0 * x - 1.0
            out.write(f"{where} {path} {fingerprint(x.contiguous().numpy().tobytes())}\n")
    steps = [(2.0 * k / 255.0 - 1.0) for k in range(256)]
    values = np.array(steps + [-5.0, 5.0, -1.0, 1.0, 0.0, -0.0, np.inf, -np.inf, 0.99999994, -0.99999994], np.float32)
    values = np.concatenate([values, np.nextafter(values, np.float32(9)), np.nextafter(values, np.float32(-9)),
                             RNG.normal(0, 0.6, 200).astype(np.float32)])
    x = torch.clamp(torch.from_numpy(values), -1.0, 1.0).numpy()
    result = (255 * ((x + 1.0) / 2.0)).astype(np.uint8)
    with open(OUT / "vq_out.txt", "w") as out:
        for bits, byte in zip(values.view(np.uint32), result):
            out.write(f"{bits:08x} {byte}\n")


def main():
    shared = pathlib.Path(sys.argv[1])
    OUT.mkdir(parents=True, exist_ok=True)
    make_pngs()
    make_jpegs()
    make_clip(shared)
    make_resize()
    make_vq(shared)


if __name__ == "__main__":
    main()
