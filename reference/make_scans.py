# SPDX-License-Identifier: Apache-2.0
"""Goldens of medical images: small files for tests/data/image/scan, and what pydicom, nibabel, NumPy and Pillow make of them.

Needs pydicom >= 3, nibabel, numpy, pillow, tifffile, imagecodecs, and pylibjpeg with its plugins. With the folder of the shared data set
as argument it also writes windowed.txt: for its readable grey DICOM files, values of the first frame after
apply_modality_lut and apply_voi_lut, inverted for MONOCHROME1, as 0..255, at 64 places; and lossy.txt: of its files that
were compressed with loss, 512 stored values over all frames, by pydicom with pylibjpeg (JPEG-lossy.dcm, which that cannot
read, by imagecodecs).
"""

import gzip
import io
import pathlib
import struct
import sys

import imagecodecs
import nibabel
import numpy as np
import pydicom
import tifffile
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi_lut
from pydicom.sequence import Sequence
from pydicom.uid import (
    CTImageStorage, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian,
    JPEG2000Lossless, RLELossless,
)

OUT = pathlib.Path(__file__).parent.parent / "tests/data/image/scan"
rng = np.random.default_rng(20)
goldens = []


def grey_u8(y):
    return np.floor(np.clip(y, 0, 1) * 255 + 0.5).astype("u1")


def window(ds, values, index=0):
    """The file's display values as 0..1, by pydicom."""
    if "VOILUTSequence" in ds:
        item = ds.VOILUTSequence[0]
        top = 2 ** item.LUTDescriptor[2] - 1
        y = apply_voi_lut(values.astype("i4"), ds).astype("f8") / top
    elif "WindowCenter" in ds:
        slope, inter = float(ds.get("RescaleSlope", 1)), float(ds.get("RescaleIntercept", 0))
        if "ModalityLUTSequence" in ds:
            low, high = 0, 2 ** ds.ModalityLUTSequence[0].LUTDescriptor[2] - 1
        else:
            n = ds.BitsStored
            low, high = (-(2 ** (n - 1)), 2 ** (n - 1) - 1) if ds.PixelRepresentation else (0, 2**n - 1)
            if "RescaleSlope" in ds:
                low, high = low * slope + inter, high * slope + inter
        y = (apply_voi_lut(values, ds, index=index).astype("f8") - low) / (high - low)
    else:
        y = None
    return y


def rest(ds, values, valid):
    """What is shown of files without a window."""
    if ds.BitsStored <= 8 and not ds.PixelRepresentation and "RescaleSlope" not in ds and "ModalityLUTSequence" not in ds:
        return values / (2.0**ds.BitsStored - 1)
    low, high = values[valid].min(), values[valid].max()
    if ds.get("Modality") == "MR":
        p = np.percentile(values[valid].astype("f4"), [1, 99])
        if p[1] > p[0]:
            low, high = p
    return (values - low) / (high - low) if high > low else np.zeros(values.shape)


def shown(ds, stored):
    """Display values 0..255 of a grey frame of stored values."""
    values = apply_modality_lut(stored, ds)
    y = window(ds, values)
    if y is None:
        valid = np.ones(stored.shape, bool)
        if "PixelPaddingValue" in ds:
            low = ds.PixelPaddingValue
            high = ds.get("PixelPaddingRangeLimit", low)
            valid = (stored < min(low, high)) | (stored > max(low, high))
        y = rest(ds, np.asarray(values, "f8"), valid)
    inverted = ds.PhotometricInterpretation == "MONOCHROME1" or ds.get("PresentationLUTShape") == "INVERSE"
    return grey_u8(1 - np.clip(y, 0, 1) if inverted else y)


def keep(name, picture, **view):
    """One golden: the file, the view as words, and the picture."""
    words = " ".join(f"{k}={v}" for k, v in view.items()) or "-"
    picture = np.asarray(picture)
    channels = 1 if picture.ndim == 2 else picture.shape[2]
    goldens.append(f"{name} {words.replace(' ', ';')} {picture.shape[1]} {picture.shape[0]} {channels} "
                   + " ".join(str(v) for v in picture.ravel()))


def dicom(stored, syntax=ExplicitVRLittleEndian, bits=None, **attributes):
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    ds = Dataset()
    ds.file_meta = meta
    ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, "1.2.3.4"
    frames = attributes.pop("frames", 1)
    colour = stored.shape[-1] == 3 and attributes.get("PhotometricInterpretation", "M")[0] in "RY"
    shape = stored.shape[1:] if frames > 1 else stored.shape
    ds.Rows, ds.Columns = shape[:2]
    ds.SamplesPerPixel = 3 if colour else 1
    if colour:
        ds.PlanarConfiguration = 0
    if frames > 1:
        ds.NumberOfFrames = frames
    ds.BitsAllocated = 8 * stored.dtype.itemsize
    ds.BitsStored = bits or ds.BitsAllocated
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(stored.dtype.kind == "i")
    ds.PhotometricInterpretation = "MONOCHROME2"
    for name, value in attributes.items():
        setattr(ds, name, value)
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    data = stored.astype(stored.dtype.newbyteorder(order)).tobytes()
    ds.PixelData = data + b"\0" * (len(data) % 2)
    ds["PixelData"].VR = "OW" if ds.BitsAllocated > 8 else "OB"
    return ds


def save(name, ds):
    ds.save_as(OUT / name, enforce_file_format=True)


def lut(first, entries, bits):
    item = Dataset()
    item.add_new(0x00283002, "US" if first >= 0 else "SS", [len(entries), first, bits])
    item.add_new(0x00283006, "US", [int(v) for v in entries])
    return Sequence([item])


def make_dicom():
    i12 = rng.integers(-1024, 2000, (9, 11)).astype("i2")
    u12 = rng.integers(0, 4096, (9, 11)).astype("u2")
    u8 = rng.integers(0, 256, (9, 11)).astype("u1")

    def both(name, ds, stored):
        save(name, ds)
        keep(name, shown(ds, stored))

    ct = dict(Modality="CT", RescaleSlope="1", RescaleIntercept="-24")
    both("signed.dcm", dicom(i12, **ct, WindowCenter=["40", "400"], WindowWidth=["400", "1500"]), i12)
    both("range.dcm", dicom(i12, **ct), i12)
    both("mono1.dcm", dicom(u12, bits=12, Modality="CR", PhotometricInterpretation="MONOCHROME1", WindowCenter="2000",
                            WindowWidth="3000"), u12)
    both("inverse.dcm", dicom(u12, bits=12, Modality="DX", PresentationLUTShape="INVERSE", WindowCenter="2000",
                              WindowWidth="3000"), u12)
    for f in ("LINEAR_EXACT", "SIGMOID"):
        both(f"{f.lower()}.dcm", dicom(u12, bits=12, Modality="CT", WindowCenter="1500", WindowWidth="900",
                                       VOILUTFunction=f), u12)
    both("mr.dcm", dicom(u12, bits=12, Modality="MR"), u12)
    padded = u12.copy()
    padded[:2] = 4095
    padded[2:, :] //= 4
    both("padding.dcm", dicom(padded, bits=12, Modality="CT", PixelPaddingValue=4095), padded)
    both("implicit.dcm", dicom(u12, ImplicitVRLittleEndian, bits=12, Modality="CT", WindowCenter="2000",
                               WindowWidth="3000"), u12)
    both("big.dcm", dicom(u12, ExplicitVRBigEndian, bits=12, Modality="CT", WindowCenter="2000", WindowWidth="3000"), u12)
    both("deflated.dcm", dicom(u12, DeflatedExplicitVRLittleEndian, bits=12, Modality="CT", WindowCenter="2000",
                               WindowWidth="3000"), u12)
    both("plain8.dcm", dicom(u8, Modality="OT"), u8)
    table = (np.arange(512) ** 2 // 64).clip(0, 4095)
    both("voi_table.dcm", dicom(u12 // 8, bits=12, Modality="DX", VOILUTSequence=lut(3, table, 12)), u12 // 8)
    curve = (4095 * np.sqrt(np.arange(1024) / 1023)).astype(int)
    table = lut(0, curve, 16)
    table[0].ModalityLUTType = "US"
    both("modality_table.dcm", dicom(u12 // 4, bits=12, Modality="CR", ModalityLUTSequence=table, WindowCenter="2048",
                                     WindowWidth="4096"), u12 // 4)

    # Overlay bits above the stored ones: values are those without them.
    overlaid = (u12 | (rng.integers(0, 16, u12.shape) << 12)).astype("u2")
    ds = dicom(overlaid, bits=12, Modality="CT", WindowCenter="2000", WindowWidth="3000")
    save("overlaid.dcm", ds)
    keep("overlaid.dcm", shown(ds, u12))

    rle = dicom(u12, bits=12, Modality="CT", WindowCenter="2000", WindowWidth="3000")
    rle.compress(RLELossless, generate_instance_uid=False)
    both("rle.dcm", rle, u12)
    # Two frames, each in several fragments, told apart by the offset table.
    pair = np.stack([u12, u12[::-1]])
    split = dicom(pair, bits=12, frames=2, Modality="CT", WindowCenter="2000", WindowWidth="3000")
    split.compress(RLELossless, generate_instance_uid=False)
    coded = list(pydicom.encaps.generate_frames(split.PixelData, number_of_frames=2))
    split.PixelData = encapsulate(coded, fragments_per_frame=3, has_bot=True)
    save("fragments.dcm", split)
    for f in range(2):
        keep("fragments.dcm", shown(split, pair[f]), frame=f)
    large = np.tile(i12, (4, 3))
    j2k = dicom(large, Modality="CT", WindowCenter="200", WindowWidth="3000")
    j2k.compress(JPEG2000Lossless, generate_instance_uid=False)
    both("j2k.dcm", j2k, large)

    rgb = rng.integers(0, 256, (9, 11, 3)).astype("u1")
    save("rgb.dcm", dicom(rgb, Modality="US", PhotometricInterpretation="RGB"))
    keep("rgb.dcm", rgb)
    ds = dicom(np.ascontiguousarray(rgb), Modality="US", PhotometricInterpretation="RGB")
    ds.PlanarConfiguration = 1
    ds.PixelData = rgb.transpose(2, 0, 1).tobytes() + b"\0"
    save("planar.dcm", ds)
    keep("planar.dcm", rgb)
    smooth = np.asarray(Image.fromarray(rgb[:4, :4]).resize((10, 9), Image.BILINEAR).convert("YCbCr"))
    save("ybr.dcm", dicom(smooth, Modality="US", PhotometricInterpretation="YBR_FULL"))
    keep("ybr.dcm", np.asarray(Image.fromarray(smooth, "YCbCr").convert("RGB")))
    half = dicom(smooth, Modality="US", PhotometricInterpretation="YBR_FULL_422")
    pairs = np.stack([smooth[:, 0::2, 0], smooth[:, 1::2, 0], smooth[:, 0::2, 1], smooth[:, 0::2, 2]], -1)
    half.PixelData = pairs.tobytes()
    save("ybr422.dcm", half)
    wide = smooth.copy()
    wide[:, 1::2, 1:] = wide[:, 0::2, 1:]
    keep("ybr422.dcm", np.asarray(Image.fromarray(wide, "YCbCr").convert("RGB")))

    index = rng.integers(0, 20, (9, 11)).astype("u1")
    palette = dicom(index, Modality="US", PhotometricInterpretation="PALETTE COLOR")
    for name, tag in (("Red", 0), ("Green", 1), ("Blue", 2)):
        setattr(palette, f"{name}PaletteColorLookupTableDescriptor", [16, 2, 16])
        setattr(palette, f"{name}PaletteColorLookupTableData",
                rng.integers(0, 65536, 16).astype("<u2").tobytes())
    save("palette.dcm", palette)
    keep("palette.dcm", (apply_color_lut(index, palette) >> 8).astype("u1"))

    bits = rng.integers(0, 2, (3, 5, 7)).astype("u1")
    seg = dicom(bits, frames=3, Modality="SEG")
    seg.BitsAllocated = seg.BitsStored = 1
    seg.HighBit = 0
    packed = np.packbits(bits.ravel(), bitorder="little").tobytes()
    seg.PixelData = packed + b"\0" * (len(packed) % 2)
    save("bits.dcm", seg)
    for f in range(3):
        keep("bits.dcm", bits[f] * 255, frame=f)

    # Enhanced CT: rescale shared, window of each frame its own.
    many = rng.integers(0, 4096, (3, 6, 5)).astype("u2")
    enhanced = dicom(many, frames=3, bits=12, Modality="CT")
    shared, transform = Dataset(), Dataset()
    transform.RescaleSlope, transform.RescaleIntercept, transform.RescaleType = "2", "-1000", "HU"
    shared.PixelValueTransformationSequence = Sequence([transform])
    enhanced.SharedFunctionalGroupsSequence = Sequence([shared])
    groups = []
    for f in range(3):
        voi, group = Dataset(), Dataset()
        voi.WindowCenter, voi.WindowWidth = str(500 * f + 100), str(1000 + 500 * f)
        group.FrameVOILUTSequence = Sequence([voi])
        groups.append(group)
        flat = Dataset()
        flat.update({e.tag: e for e in enhanced if e.keyword in ("BitsStored", "PixelRepresentation", "Modality")})
        flat.PhotometricInterpretation = "MONOCHROME2"
        flat.RescaleSlope, flat.RescaleIntercept = "2", "-1000"
        flat.WindowCenter, flat.WindowWidth = voi.WindowCenter, voi.WindowWidth
        keep("enhanced.dcm", shown(flat, many[f]), frame=f)
    enhanced.PerFrameFunctionalGroupsSequence = Sequence(groups)
    save("enhanced.dcm", enhanced)


def radiological(image, axis, index, frame=0):
    """A slice of a nibabel image as viewers show it: rows and columns run towards back, foot and left."""
    image = nibabel.as_closest_canonical(image)
    data = np.asarray(image.dataobj)
    data = data[..., frame] if data.ndim > 3 else data
    return data.take(index, axis)[::-1, ::-1].T


def percentile_u8(values):
    low, high = np.percentile(np.asarray(values, "f4"), [1, 99])
    return grey_u8((values - low) / (high - low))


def make_oblong():
    """Pixels twice as high as wide, on a tilted gantry."""
    values = rng.integers(0, 100, (4, 5)).astype("u2")
    save("oblong.dcm", dicom(values, Modality="CT", PixelSpacing=["2", "1"]))
    save("tilted.dcm", dicom(values, Modality="CT", GantryDetectorTilt="-12.5"))


def make_nifti():
    data = rng.integers(-100, 1000, (5, 6, 7)).astype("i2")
    affine = np.array([[0, 0, 2.0, 3], [-1.5, 0, 0, 4], [0, 1.0, 0, 5], [0, 0, 0, 1]])
    image = nibabel.Nifti1Image(data, affine)
    image.header.set_slope_inter(0.5, -10)
    nibabel.save(image, OUT / "turned.nii")
    again = nibabel.load(OUT / "turned.nii")
    canonical = nibabel.as_closest_canonical(again)
    for axis, word in ((0, "sagittal"), (1, "coronal"), (2, "axial")):
        for index in (0, canonical.shape[axis] - 1):
            keep("turned.nii", percentile_u8(radiological(again, axis, index)), axis=word, slice=index)
    # The same as NIfTI-2, packed; big-endian with a qform only; and as a pair.
    nibabel.save(nibabel.Nifti2Image(data, affine), OUT / "second.nii")
    (OUT / "second.nii.gz").write_bytes(gzip.compress((OUT / "second.nii").read_bytes(), mtime=0))
    (OUT / "second.nii").unlink()
    keep("second.nii.gz", percentile_u8(radiological(nibabel.load(OUT / "second.nii.gz"), 2, 2)), slice=2)
    header = nibabel.Nifti1Header(endianness=">")
    header.set_data_dtype(">f4")
    turned = nibabel.Nifti1Image(rng.normal(size=(4, 5, 3, 2)).astype(">f4"), None, header)
    turned.set_qform(np.diag([-1, 2, -3, 1.0]) @ nibabel.affines.from_matvec(nibabel.eulerangles.euler2mat(x=0.3)), 1)
    turned.set_sform(None, 0)
    nibabel.save(turned, OUT / "quaternion.nii")
    again = nibabel.load(OUT / "quaternion.nii")
    for frame in range(2):
        keep("quaternion.nii", percentile_u8(radiological(again, 1, 1, frame)), axis="coronal", slice=1, frame=frame)
    bare = nibabel.Nifti1Pair(rng.integers(0, 256, (4, 3, 5)).astype("u1"), None)
    bare.header["sform_code"] = bare.header["qform_code"] = 0
    nibabel.save(bare, OUT / "pair.hdr")
    keep("pair.hdr", percentile_u8(radiological(nibabel.load(OUT / "pair.hdr"), 2, 1)), slice=1)
    keep("pair.img", percentile_u8(radiological(nibabel.load(OUT / "pair.hdr"), 0, 3)), axis="sagittal", slice=3)
    analyze = nibabel.AnalyzeImage(rng.integers(0, 999, (4, 3, 5)).astype("i2"), None)
    nibabel.save(analyze, OUT / "old.hdr")
    keep("old.hdr", percentile_u8(radiological(nibabel.load(OUT / "old.hdr"), 2, 4)), slice=4)
    ranged = nibabel.Nifti1Image(data, affine)
    ranged.header["cal_min"], ranged.header["cal_max"] = 50, 450
    nibabel.save(ranged, OUT / "cal.nii")
    keep("cal.nii", grey_u8((radiological(nibabel.load(OUT / "cal.nii"), 2, 3) - 50.0) / 400), slice=3)


def make_tiff():
    grey = rng.integers(0, 65536, (9, 11)).astype("u2")
    tifffile.imwrite(OUT / "grey16.tif", grey, compression="zlib", predictor=True)
    keep("grey16.tif", grey_u8(grey / 65535.0))
    pages = rng.integers(0, 256, (3, 8, 7)).astype("u1")
    tifffile.imwrite(OUT / "pages.tif", pages, photometric="minisblack")
    for f in range(3):
        keep("pages.tif", pages[f], frame=f)
    real = rng.normal(size=(6, 5)).astype("f4")
    tifffile.imwrite(OUT / "float.tif", real, byteorder=">")
    keep("float.tif", grey_u8((real - real.min()) / (real.max() - real.min())))
    rgb = rng.integers(0, 256, (20, 18, 3)).astype("u1")
    tifffile.imwrite(OUT / "tiled.tif", rgb, tile=(16, 16), photometric="rgb", compression="lzw")
    keep("tiled.tif", rgb)
    tifffile.imwrite(OUT / "white.tif", pages[0], photometric="miniswhite")
    keep("white.tif", 255 - pages[0])
    small = Image.fromarray(rgb).quantize(16)
    small.save(OUT / "palette.tif")
    keep("palette.tif", np.asarray(Image.open(OUT / "palette.tif").convert("RGB")))
    Image.fromarray(pages[0]).save(OUT / "turned.tif", tiffinfo={274: 6})
    keep("turned.tif", np.rot90(pages[0], -1))
    Image.fromarray(pages[0] > 99).save(OUT / "fax.tif", compression="group4")
    keep("fax.tif", np.repeat(np.where(pages[0] > 99, 255, 0).astype("u1")[..., None], 3, -1))


def make_npy():
    volume = rng.integers(-500, 1500, (4, 5, 6)).astype("i2")
    np.save(OUT / "volume.npy", volume)

    def full(a):
        return grey_u8((a - a.min()) / (a.max() - a.min()))

    keep("volume.npy", full(volume[2].astype("f8")))
    keep("volume.npy", full(volume[:, 3].astype("f8")), axis="coronal", slice=3)
    keep("volume.npy", full(volume[:, :, 1].astype("f8")), axis="sagittal", slice=1)
    keep("volume.npy", grey_u8((volume[0] - 39.5) / 99.0 + 0.5), slice=0, window="40,100")
    unit = rng.random((5, 6))
    np.save(OUT / "unit.npy", unit.astype(">f8"))
    keep("unit.npy", grey_u8(unit))


def make_slide():
    """A whole slide of three levels, as Aperio's scanner writes them; level 1 is the one that is seen from afar."""
    y, x = np.mgrid[0:64, 0:2112]
    slide = np.stack([x // 10, 255 - x // 10, 4 * y], -1).astype("u1")
    slide[4:12, 100:130] = [200, 30, 90]
    levels = [slide, slide[::2, ::2], slide[::4, ::4]]
    with tifffile.TiffWriter(OUT / "slide.svs") as tif:
        for i, level in enumerate(levels):
            tif.write(level, tile=(16, 64), photometric="rgb", compression="zlib", metadata=None,
                      subfiletype=0 if i == 0 else 1,
                      description=f"Aperio Image Library\r\n{level.shape[1]}x{level.shape[0]}|MPP = 0.5")
    keep("slide.svs", slide[3:15, 90:140], region="90,3,50,12")
    keep("slide.svs", levels[1][1:7, 40:70], level=1, region="40,1,30,6")
    keep("slide.svs", levels[2], level=2)


def make_seeds():
    """First inputs of the fuzzers of series (lengths and files) and of DICOMDIR."""
    folder = OUT.parent.parent.parent / "fuzz/corpus"
    (folder / "fuzz_series").mkdir(exist_ok=True)
    (folder / "fuzz_dicomdir").mkdir(exist_ok=True)
    for name, syntax, directions in (("axial", ExplicitVRLittleEndian, [1, 0, 0, 0, 1, 0]),
                                     ("sagittal", ImplicitVRLittleEndian, [0, 1, 0, 0, 0, -1]),
                                     ("big", ExplicitVRBigEndian, [1, 0, 0, 0, 1, 0])):
        files = b""
        for k in (2, 0, 3, 1, 1):
            ds = dicom(np.full((4, 5), 10 * k, "u2"), syntax, Modality="CT", SeriesInstanceUID="1.2.3", InstanceNumber=9 - k,
                       ImagePositionPatient=[3 * k, 0, 2 * k], ImageOrientationPatient=directions, PixelSpacing=[1, 1],
                       RescaleSlope=k + 1, RescaleIntercept=-k)
            if k == 3:
                ds.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
            buffer = io.BytesIO()
            ds.save_as(buffer, enforce_file_format=True)
            files += struct.pack("<H", buffer.tell()) + buffer.getvalue()
        (folder / "fuzz_series" / name).write_bytes(files)
    ds = dicom(np.zeros((1, 1), "u1"))
    for tag in ("PixelData", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "SamplesPerPixel"):
        del ds[tag]
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = "1.2.840.10008.1.3.10"
    records = []
    for kind, name in (("PATIENT", None), ("STUDY", None), ("SERIES", None), ("IMAGE", ["PICS", "IM1"]),
                       ("IMAGE", ["..", "..", "IM2"]), ("IMAGE", "/ETC/PASSWD")):
        record = Dataset()
        record.DirectoryRecordType = kind
        if name:
            record.ReferencedFileID = name
        records.append(record)
    ds.DirectoryRecordSequence = Sequence(records)
    ds.save_as(folder / "fuzz_dicomdir/medium", enforce_file_format=True)


def make_claims():
    """Small files that say they are huge."""
    ds = dicom(np.zeros((4, 4), "u2"), Modality="CT")
    ds.Rows = ds.Columns = 65535
    save("claims.dcm", ds)
    header = nibabel.Nifti1Header()
    header.set_data_shape((30000, 30000, 30000))
    header.set_data_dtype("i2")
    header["magic"], header["vox_offset"] = b"n+1", 352
    (OUT / "claims.nii").write_bytes(header.binaryblock + b"\0" * 40)
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<f8", "fortran_order": False, "shape": (100000, 100000)})
    (OUT / "claims.npy").write_bytes(buffer.getvalue() + b"\0" * 8)
    tags = [(256, 4, 1, 100000), (257, 4, 1, 100000), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8),
            (277, 3, 1, 1), (278, 4, 1, 100000), (279, 4, 1, 8)]
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    (OUT / "claims.tif").write_bytes(struct.pack("<4sI8xH", b"II*\0", 16, len(tags)) + entries + b"\0" * 4)


def make_windowed(data):
    """Values of real files, which are too large to be kept here."""
    lines = []
    for path in sorted((data / "dicom").rglob("*.dcm")):
        try:
            ds = pydicom.dcmread(path)
            if ds.SamplesPerPixel != 1 or not ds.PhotometricInterpretation.startswith("MONOCHROME"):
                continue
            stored = pydicom.pixels.pixel_array(ds, index=0) if "NumberOfFrames" in ds else ds.pixel_array
            if "SharedFunctionalGroupsSequence" in ds or ds.BitsAllocated not in (8, 16, 32) or stored.dtype.kind == "f":
                continue
            values = shown(ds, stored).ravel()
        except Exception as e:
            print(f"{path.name}: {e}", file=sys.stderr)
            continue
        places = np.arange(64) * (values.size - 1) // 63
        lines.append(" ".join([str(path.relative_to(data)).replace(" ", "\\")] + [str(v) for v in values[places]]))
    (OUT / "windowed.txt").write_text("\n".join(lines) + "\n")


LOSSY = ("4.50", "4.51", "4.81", "4.91", "4.203")


def stored_values(path, ds):
    try:
        return pydicom.pixels.pixel_array(ds)
    except RuntimeError:
        frame = next(pydicom.encaps.generate_frames(ds.PixelData, number_of_frames=1))
        return imagecodecs.jpeg_decode(frame)


def make_lossy(data):
    lines = []
    for path in sorted((data / "dicom").rglob("*.dcm")) + sorted((data / "wsi").rglob("*.dcm")):
        try:
            ds = pydicom.dcmread(path)
            if not ds.file_meta.TransferSyntaxUID.endswith(LOSSY):
                continue
            values = stored_values(path, ds).ravel().astype("i4")
        except Exception as e:
            print(f"{path.name}: {e}", file=sys.stderr)
            continue
        places = np.arange(512, dtype="i8") * (values.size - 1) // 511
        lines.append(" ".join([str(path.relative_to(data)).replace(" ", "\\"), str(values.size)]
                              + [str(v) for v in values[places]]))
    (OUT / "lossy.txt").write_text("\n".join(lines) + "\n")


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    make_dicom()
    make_nifti()
    make_tiff()
    make_npy()
    make_claims()
    make_oblong()
    make_slide()
    make_seeds()
    (OUT / "shown.txt").write_text("\n".join(goldens) + "\n")
    if len(sys.argv) > 1:
        make_windowed(pathlib.Path(sys.argv[1]))
        make_lossy(pathlib.Path(sys.argv[1]))


if __name__ == "__main__":
    main()
