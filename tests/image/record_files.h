/* SPDX-License-Identifier: Apache-2.0
 *
 * record_files.h: for the tests of DICOM output: records from the files of tests/data/image/record, and
 * attributes of what was written.
 */
#ifndef HG_TEST_RECORD_FILES_H
#define HG_TEST_RECORD_FILES_H

#include "image/dicom_file.h"
#include "image/record_modules.h"

#include "image_golden.h"

#define RECORD_MAX_FILE ((size_t)1 << 24)

static inline hg_record *record_open(const char *name)
{
    char path[512];
    hg_error err = {0};
    hg_record *record;
    snprintf(path, sizeof path, HG_TEST_DATA "/image/record/%s", name);
    if (hg_record_open(&record, path, NULL, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    return record;
}

/* A grey picture of small numbers. */
static inline void record_picture(hg_image *image, int width, int height, int channels, int bits)
{
    hg_error err = {0};
    hg_image_init(image);
    assert_int_equal(hg_image_alloc(image, width, height, channels, bits, &err), HG_STATUS_OK);
    for (size_t i = 0; i < hg_image_bytes(image); i++)
        ((uint8_t *)image->samples)[i] = (uint8_t)(i * 7 % 200);
}

static inline hg_dicom *record_reopen(const hg_buffer *file)
{
    hg_dicom *dicom;
    hg_error err = {0};
    if (hg_dicom_open(&dicom, file->data, file->size, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    return dicom;
}

/* All values of an attribute; "" when it is empty, "(absent)" when it is not there. */
static inline const char *record_value(const hg_dicom_item *item, uint32_t tag, char out[200])
{
    snprintf(out, 200, "(absent)");
    if (!hg_dicom_get_raw(item, tag, out, 200) && hg_dicom_has(item, tag))
        out[0] = 0;
    for (size_t n = strlen(out); n > 0 && out[n - 1] == ' '; n--)
        out[n - 1] = 0;
    return out;
}

#define record_expect(item, tag, want)                                                                       \
    do {                                                                                                     \
        char record_got[200];                                                                                \
        assert_string_equal(record_value(item, tag, record_got), want);                                      \
    } while (0)

#endif
