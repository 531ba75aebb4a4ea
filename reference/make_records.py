# SPDX-License-Identifier: Apache-2.0
"""Small DICOM files for tests/data/image/record: patients that do not exist, with values that are easy to find again.

Needs pydicom >= 3 and numpy. Every value that identifies somebody contains SECRET, 887766 (in UIDs) or 19770707 (in dates),
so that a search of any output tells whether one got through.
"""

import pathlib

import numpy as np
import pydicom
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian, UltrasoundImageStorage

OUT = pathlib.Path(__file__).parent.parent / "tests/data/image/record"
ROOT = "1.2.826.0.1.887766."


def base(sop_class=CTImageStorage, side=8):
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class, ROOT + "1"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = ROOT + "2", ROOT + "3"
    ds.Modality = "US" if sop_class == UltrasoundImageStorage else "CT"
    ds.Rows = ds.Columns = side
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.PixelData = (np.arange(side * side) * 61 % 4096).astype("<u2").tobytes()
    return ds


def write(name, ds, syntax=ExplicitVRLittleEndian, preamble=b"\0" * 128):
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = ds.SOPClassUID, ds.get("SOPInstanceUID", "1.2.3")
    ds.file_meta, ds.preamble = meta, preamble
    pydicom.dcmwrite(OUT / name, ds, enforce_file_format=True, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=True)


def named():
    """Something to find in every kind of place that identifies."""
    ds = base()
    ds.PatientName, ds.PatientID = "SECRETname^Given", "SECRETid"
    ds.PatientBirthDate, ds.PatientBirthTime, ds.PatientSex, ds.PatientAge = "19770707", "121314", "F", "047Y"
    ds.IssuerOfPatientID, ds.EthnicGroup, ds.PatientComments = "SECRETissuer", "SECRETethnic", "SECRET comments"
    ds.OtherPatientNames, ds.OtherPatientIDs = "SECRETother^Name", "SECRETotherid"
    ds.PatientAddress, ds.PatientTelephoneNumbers, ds.PatientMotherBirthName = "SECRET street", "SECRET555", "SECRETmother"
    ds.MilitaryRank, ds.RegionOfResidence, ds.PatientReligiousPreference = "SECRETrank", "SECRETregion", "SECRETfaith"
    ds.PatientSize, ds.PatientWeight, ds.Occupation = "1.77", "77.7", "SECRETjob"
    ds.MedicalAlerts, ds.Allergies, ds.AdditionalPatientHistory = "SECRETalert", "SECRETallergy", "SECRET history"
    ds.AccessionNumber, ds.StudyID, ds.StudyDescription = "SECRETaccession", "SECRETstudyid", "SECRET study"
    ds.StudyDate, ds.StudyTime, ds.SeriesDate, ds.AcquisitionDate, ds.ContentDate = ("19770707", "101112") + ("19770707",) * 3
    ds.ReferringPhysicianName, ds.PhysiciansOfRecord = "SECRETreferring^Doctor", ["SECRETrecord^A", "SECRETrecord^B"]
    ds.NameOfPhysiciansReadingStudy, ds.PerformingPhysicianName = "SECRETreader^Doctor", "SECRETperforming^Doctor"
    ds.OperatorsName, ds.RequestingPhysician = "SECREToperator^A", "SECRETrequesting^Doctor"
    ds.InstitutionName, ds.InstitutionAddress, ds.StationName = "SECRET hospital", "SECRET address", "SECRETstation"
    ds.InstitutionalDepartmentName, ds.DeviceSerialNumber = "SECRET department", "SECRETserial"
    ds.Manufacturer, ds.ManufacturerModelName, ds.SoftwareVersions = "Maker", "Scanner 1", ["1.0", "2.0"]
    ds.SeriesDescription, ds.ProtocolName, ds.ImageComments = "SECRET series", "SECRET protocol", "SECRET image"
    ds.AdmittingDiagnosesDescription, ds.AdmissionID = "SECRET diagnosis", "SECRETadmission"
    ds.BodyPartExamined, ds.Laterality, ds.BurnedInAnnotation = "KNEE", "L", "NO"
    ds.FrameOfReferenceUID = ROOT + "4"
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CTImageStorage, ROOT + "5"
    item.PatientName = "SECRETnested^Name"
    ds.ReferencedImageSequence = Sequence([item])
    request = Dataset()
    request.RequestedProcedureDescription, request.ScheduledProcedureStepDescription = "SECRET procedure", "SECRET step"
    ds.RequestAttributesSequence = Sequence([request])
    block = ds.private_block(0x0029, "SECRET MAKER", create=True)
    block.add_new(0x01, "LO", "SECRETprivate")
    block.add_new(0x02, "OB", b"SECRETbytes\0")
    ds.WindowCenter, ds.WindowWidth, ds.WindowCenterWidthExplanation = 2000, 4000, "BRAIN"
    ds.RescaleSlope, ds.RescaleIntercept = 1, 0
    write("named.dcm", ds, preamble=b"SECRETpreamble".ljust(128, b"\0"))
    ds.remove_private_tags()
    write("named_implicit.dcm", ds, ImplicitVRLittleEndian)


def charsets():
    cases = {
        "latin1": ("ISO_IR 100", "M\u00fcller^J\u00f6rg"),
        "greek": ("ISO_IR 126", "\u0394\u03b9\u03bf\u03bd\u03c5\u03c3\u03b9\u03bf\u03c2"),
        "utf8": ("ISO_IR 192", "Wang^XiaoDong=\u738b^\u5c0f\u6771"),
        "japanese": (["", "ISO 2022 IR 87"], "Yamada^Tarou=\u5c71\u7530^\u592a\u90ce"),
        "chinese": ("GB18030", "Wang^XiaoDong=\u738b^\u5c0f\u4e1c"),
    }
    for name, (charset, patient) in cases.items():
        ds = base()
        ds.SpecificCharacterSet = charset
        ds.PatientName, ds.PatientID = patient, "charset"
        write(f"{name}.dcm", ds)
    ds = base()
    ds.add(DataElement(0x00100010, "UN", b"M\xfcller^J\xf6rg "))  # Latin-1, and no character set
    ds.PatientID = "unnamed"
    ds[0x00100010].VR = "PN"
    write("unnamed.dcm", ds)


def other():
    ds = base(UltrasoundImageStorage)
    ds.PatientName, ds.PatientID = "Sonar^A", "us"
    ds.LossyImageCompression, ds.LossyImageCompressionRatio = "01", "12.5"
    ds.LossyImageCompressionMethod = "ISO_10918_1"
    write("ultrasound.dcm", ds)
    ds = base()
    del ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SOPInstanceUID
    write("bare.dcm", ds)
    ds = base()
    ds.NumberOfFrames, ds.PixelData = 3, ds.PixelData * 3
    ds.PatientName, ds.PatientID, ds.BurnedInAnnotation = "Frames^A", "frames", "YES"
    write("frames.dcm", ds)


def hostile():
    """Values that no file may have, and representations that are not theirs."""
    pydicom.config.settings.writing_validation_mode = pydicom.config.IGNORE
    ds = base()
    for tag, vr, value in [
        (0x00100010, "OB", b"SECRETname"), (0x00100020, "LO", "SECRET" * 500), (0x00100030, "DA", "19771399"),
        (0x00100040, "CS", "female"), (0x00101010, "AS", "SECRETage"), (0x00080020, "DA", "SECRET77"),
        (0x00080030, "TM", "256199"), (0x00080050, "SH", "SECRETaccession number far too long"),
        (0x00081030, "LO", "SECRET\x01\x1b[31m"), (0x00101030, "DS", "1e999"), (0x00200010, "SH", "a\\b"),
        (0x00280301, "CS", "maybe not"), (0x00104000, "LT", "SECRET" * 7000), (0x00181020, "LO", "\\" * 70 + "x" * 65),
        (0x00080090, "PN", "a^b^c^d^e^f"), (0x00081090, "UT", "SECRET model"), (0x00080070, "LO", "maker\u0085"),
    ]:
        ds.add(DataElement(tag, vr, value))
    ds.StudyInstanceUID, ds.SeriesInstanceUID = "1.02.887766", "1..887766"
    ds.SpecificCharacterSet = "SECRET charset"
    nested = Dataset()
    nested.PatientName = "SECRETnested"
    ds.add(DataElement(0x00081048, "SQ", Sequence([nested])))
    write("hostile.dcm", ds)


OUT.mkdir(exist_ok=True)
named()
charsets()
other()
hostile()
