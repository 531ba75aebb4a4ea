/* SPDX-License-Identifier: Apache-2.0
 *
 * dicomdir.c: all records of a DICOMDIR lie in one sequence, whatever their place in the tree of patients,
 * studies and series; those that name a file (PS3.3 F.3, Referenced File ID) are taken in order. Series are
 * told apart by the files themselves, so the tree is not needed.
 */
#include "image/dicomdir.h"

#include "image/dicom_file.h"

#include <string.h>

#define TAG_RECORDS HG_DICOM_TAG(0x0004, 0x1220)
#define TAG_RECORD_TYPE HG_DICOM_TAG(0x0004, 0x1430)
#define TAG_FILE_ID HG_DICOM_TAG(0x0004, 0x1500)
#define DICOMDIR_MAX_PARTS 8

bool hg_dicomdir_probe(const uint8_t *bytes, size_t n)
{
    static const char class_uid[] = "1.2.840.10008.1.3.10";
    const size_t length = sizeof class_uid - 1, last = 1024; /* the meta header, where the class stands */
    if (n < 132 || memcmp(bytes + 128, "DICM", 4) != 0)
        return false;
    for (size_t at = 132; at + length <= n && at < last; at++) {
        if (memcmp(bytes + at, class_uid, length) == 0)
            return at + length == n || bytes[at + length] == 0 || bytes[at + length] == 2;
    }
    return false;
}

static bool dicomdir_push_path(hg_buffer *paths, const hg_dicom_item *record)
{
    char part[80];
    for (size_t i = 0; i < DICOMDIR_MAX_PARTS && hg_dicom_get_text(record, TAG_FILE_ID, i, part, sizeof part);
         i++) {
        if ((i > 0 && !hg_buffer_push_text(paths, "/")) || !hg_buffer_push_text(paths, part))
            return false;
    }
    return hg_buffer_push(paths, "", 1);
}

static hg_status dicomdir_collect(hg_buffer *paths, const hg_dicom_item *root, hg_error *err)
{
    char type[20];
    size_t n = 0;
    for (size_t i = 0;; i++) {
        const hg_dicom_item *record = hg_dicom_item_get(root, TAG_RECORDS, i);
        if (record == NULL)
            break;
        if (i >= 4 * HG_DICOMDIR_MAX_FILES)
            return hg_error_set(err, HG_STATUS_INPUT, "a DICOMDIR of more than %d records",
                                4 * HG_DICOMDIR_MAX_FILES);
        if (!hg_dicom_get_text(record, TAG_RECORD_TYPE, 0, type, sizeof type) || strcmp(type, "IMAGE") != 0)
            continue;
        if (++n > HG_DICOMDIR_MAX_FILES || !dicomdir_push_path(paths, record))
            return hg_error_set(err, HG_STATUS_INPUT, "a DICOMDIR of more than %d pictures",
                                HG_DICOMDIR_MAX_FILES);
    }
    return n > 0 ? HG_STATUS_OK : hg_error_set(err, HG_STATUS_INPUT, "the DICOMDIR names no picture");
}

hg_status hg_dicomdir_parse(hg_buffer *paths, const uint8_t *bytes, size_t n, hg_error *err)
{
    hg_dicom *dicom;
    hg_status status = hg_dicom_open(&dicom, bytes, n, err);
    if (status != HG_STATUS_OK)
        return status;
    status = dicomdir_collect(paths, hg_dicom_root(dicom), err);
    hg_dicom_close(dicom);
    return status;
}

bool hg_dicomdir_is_inside(const char *path)
{
    for (const char *part = path;; part += strcspn(part, "/") + 1) {
        size_t n = strcspn(part, "/");
        if (n == 0 || strspn(part, ".") == n)
            return false;
        if (part[n] == 0)
            return true;
    }
}
