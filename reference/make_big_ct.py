# SPDX-License-Identifier: Apache-2.0
"""A CT of 512 x 512 x 300 voxels as ct.nii, ct.nii.gz and the folder series/ of DICOM files, for bench/volumes.sh.

usage: make_big_ct.py SHARED_DATA OUT. The slices are real ones of the shared data set, repeated, with noise so that they
pack as badly as real ones. Names and instance numbers of the files are shuffled.
"""

import pathlib
import sys

import nibabel
import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset

SLICES = 300


def slice_file(values, place, number):
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = f"1.2.3.{place + 1}"
    ds.Modality, ds.SeriesInstanceUID, ds.InstanceNumber = "CT", "1.2.3", number
    ds.ImageOrientationPatient, ds.ImagePositionPatient, ds.PixelSpacing = [1, 0, 0, 0, 1, 0], [0, 0, 2 * place], [0.9766, 0.9766]
    ds.Rows, ds.Columns = values.shape
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PixelRepresentation = 1, "MONOCHROME2", 1
    ds.BitsAllocated = ds.BitsStored = 16
    ds.HighBit = 15
    ds.RescaleSlope, ds.RescaleIntercept, ds.WindowCenter, ds.WindowWidth = 1, 0, 40, 400
    ds.PixelData = values.astype("<i2").tobytes()
    return ds


def main():
    data, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    (out / "series").mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    real = [pydicom.dcmread(p).pixel_array.astype("i2") - 1024 for p in sorted((data / "dicom/ct_series_totalseg").glob("*.dcm"))]
    volume = np.stack([real[k * len(real) // SLICES] + rng.integers(-8, 9, real[0].shape, "i2") for k in range(SLICES)])
    image = nibabel.Nifti1Image(np.ascontiguousarray(volume.transpose(2, 1, 0)), np.diag([-0.9766, -0.9766, 2, 1]))
    nibabel.save(image, out / "ct.nii")
    nibabel.save(image, out / "ct.nii.gz")
    for place, number in enumerate(rng.permutation(SLICES)):
        slice_file(volume[place], place, int(number)).save_as(out / "series" / f"IM{number:04d}", enforce_file_format=True)


if __name__ == "__main__":
    main()
