/* SPDX-License-Identifier: Apache-2.0
 *
 * record_table.c: tags, keywords and representations are those of PS3.6, types of PS3.3 (Patient, General
 * Study, Patient Study, General Series, General Equipment, General Image modules), actions of PS3.15 annex E.
 * The profile removes ContributingEquipmentSequence as a whole, hence all of the source's device.
 */
#include "image/record_table.h"

/* clang-format off */
#define KEEP HG_DEID_ACTION_KEEP
#define REMOVE HG_DEID_ACTION_REMOVE
#define EMPTY HG_DEID_ACTION_EMPTY
#define UID HG_DEID_ACTION_UID
#define PATIENT HG_RECORD_PLACE_PATIENT
#define STUDY HG_RECORD_PLACE_STUDY
#define SERIES HG_RECORD_PLACE_SERIES
#define DEVICE HG_RECORD_PLACE_EQUIPMENT
#define SOURCE HG_RECORD_PLACE_REFERENCE

const hg_record_attribute hg_record_table[HG_RECORD_COUNT] = {
    /* those of hg_record_id, in its order */
    {0x00100010, "PatientName", "PN", PATIENT, EMPTY, true, false},
    {0x00100020, "PatientID", "LO", PATIENT, EMPTY, true, false},
    {0x0020000d, "StudyInstanceUID", "UI", STUDY, UID, true, false},
    {0x00080016, "SOPClassUID", "UI", SOURCE, KEEP, false, false},
    {0x00080018, "SOPInstanceUID", "UI", SOURCE, UID, false, false},
    {0x0020000e, "SeriesInstanceUID", "UI", SOURCE, UID, false, false},
    {0x00080060, "Modality", "CS", SOURCE, KEEP, false, false},
    {0x00280008, "NumberOfFrames", "IS", SOURCE, KEEP, false, false},
    {0x00280301, "BurnedInAnnotation", "CS", SOURCE, KEEP, false, false},
    {0x00282110, "LossyImageCompression", "CS", SOURCE, KEEP, false, false},
    {0x00282112, "LossyImageCompressionRatio", "DS", SOURCE, KEEP, false, true},
    {0x00282114, "LossyImageCompressionMethod", "CS", SOURCE, KEEP, false, true},
    {0x00180015, "BodyPartExamined", "CS", SERIES, KEEP, false, false},
    {0x00200060, "Laterality", "CS", SERIES, KEEP, false, false},
    {0x00080070, "Manufacturer", "LO", DEVICE, REMOVE, false, false},
    /* the others */
    {0x00100021, "IssuerOfPatientID", "LO", PATIENT, REMOVE, false, false},
    {0x00100030, "PatientBirthDate", "DA", PATIENT, EMPTY, true, false},
    {0x00100032, "PatientBirthTime", "TM", PATIENT, REMOVE, false, false},
    {0x00100040, "PatientSex", "CS", PATIENT, EMPTY, true, false},
    {0x00101001, "OtherPatientNames", "PN", PATIENT, REMOVE, false, true},
    {0x00102160, "EthnicGroup", "SH", PATIENT, REMOVE, false, false},
    {0x00104000, "PatientComments", "LT", PATIENT, REMOVE, false, false},
    {0x00080020, "StudyDate", "DA", STUDY, EMPTY, true, false},
    {0x00080030, "StudyTime", "TM", STUDY, EMPTY, true, false},
    {0x00080050, "AccessionNumber", "SH", STUDY, EMPTY, true, false},
    {0x00080090, "ReferringPhysicianName", "PN", STUDY, EMPTY, true, false},
    {0x00081030, "StudyDescription", "LO", STUDY, REMOVE, false, false},
    {0x00081048, "PhysiciansOfRecord", "PN", STUDY, REMOVE, false, true},
    {0x00081060, "NameOfPhysiciansReadingStudy", "PN", STUDY, REMOVE, false, true},
    {0x00081080, "AdmittingDiagnosesDescription", "LO", STUDY, REMOVE, false, true},
    {0x00101010, "PatientAge", "AS", STUDY, REMOVE, false, false},
    {0x00101020, "PatientSize", "DS", STUDY, REMOVE, false, false},
    {0x00101030, "PatientWeight", "DS", STUDY, REMOVE, false, false},
    {0x00102000, "MedicalAlerts", "LO", STUDY, REMOVE, false, true},
    {0x00102110, "Allergies", "LO", STUDY, REMOVE, false, true},
    {0x00102180, "Occupation", "SH", STUDY, REMOVE, false, false},
    {0x001021b0, "AdditionalPatientHistory", "LT", STUDY, REMOVE, false, false},
    {0x00200010, "StudyID", "SH", STUDY, EMPTY, true, false},
    {0x00181030, "ProtocolName", "LO", SERIES, REMOVE, false, false},
    {0x00080080, "InstitutionName", "LO", DEVICE, REMOVE, false, false},
    {0x00080081, "InstitutionAddress", "ST", DEVICE, REMOVE, false, false},
    {0x00081010, "StationName", "SH", DEVICE, REMOVE, false, false},
    {0x00081040, "InstitutionalDepartmentName", "LO", DEVICE, REMOVE, false, false},
    {0x00081090, "ManufacturerModelName", "LO", DEVICE, REMOVE, false, false},
    {0x00181000, "DeviceSerialNumber", "LO", DEVICE, REMOVE, false, false},
    {0x00181020, "SoftwareVersions", "LO", DEVICE, REMOVE, false, true},
};
/* clang-format on */
