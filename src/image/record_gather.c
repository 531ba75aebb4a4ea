/* SPDX-License-Identifier: Apache-2.0
 *
 * record_gather.c: the half of reading a record that touches the file; it runs confined. Of a JPEG file only
 * its size matters, for the ratio of its compression. What it leaves: syntax and character set, NUL
 * terminated; bytes of the file and of its pixels when uncompressed; then for each attribute of the table its
 * length (0: absent) and its bytes.
 */
#include "base/memory.h"
#include "image/dicom_file.h"
#include "image/dicom_reader.h"
#include "image/record_data.h"

#include <string.h>

static bool gather_text(hg_buffer *blob, const char *text)
{
    return hg_buffer_push(blob, text, strlen(text) + 1);
}

static bool gather_sizes(hg_buffer *blob, uint64_t file, uint64_t pixels)
{
    return hg_buffer_push(blob, &file, sizeof file) && hg_buffer_push(blob, &pixels, sizeof pixels);
}

static bool gather_value(hg_buffer *blob, const char *text)
{
    uint32_t n = (uint32_t)strlen(text);
    return hg_buffer_push(blob, &n, sizeof n) && hg_buffer_push(blob, text, n);
}

/* Bytes of all frames, uncompressed; 0 when the file does not say. */
static uint64_t gather_pixel_bytes(const hg_dicom_item *root)
{
    double rows = 0, columns = 0, samples = 1, bits = 8, frames = 1;
    hg_dicom_get_number(root, HG_DICOM_TAG(0x0028, 0x0010), 0, &rows);
    hg_dicom_get_number(root, HG_DICOM_TAG(0x0028, 0x0011), 0, &columns);
    hg_dicom_get_number(root, HG_DICOM_TAG(0x0028, 0x0002), 0, &samples);
    hg_dicom_get_number(root, HG_DICOM_TAG(0x0028, 0x0100), 0, &bits);
    hg_dicom_get_number(root, HG_DICOM_TAG(0x0028, 0x0008), 0, &frames);
    double bytes = rows * columns * samples * bits * frames / 8;
    return bytes >= 1 && bytes < 1e15 ? (uint64_t)bytes : 0;
}

static bool gather_attributes(hg_buffer *blob, const hg_dicom *dicom, size_t n, char *value)
{
    const hg_dicom_item *root = hg_dicom_root(dicom);
    char terms[68] = "";
    hg_dicom_get_raw(root, HG_DICOM_TAG(0x0008, 0x0005), terms, sizeof terms);
    bool ok = gather_text(blob, hg_dicom_transfer_syntax(dicom)) && gather_text(blob, terms) &&
              gather_sizes(blob, n, gather_pixel_bytes(root));
    for (size_t i = 0; ok && i < HG_RECORD_COUNT; i++) {
        value[0] = 0;
        hg_dicom_get_raw(root, hg_record_table[i].tag, value, HG_RECORD_VALUE_MAX + 2);
        ok = gather_value(blob, value);
    }
    return ok;
}

/* Width * height * components from the first frame header of a JPEG file; 0 when there is none. */
static uint64_t gather_jpeg_bytes(const uint8_t *p, size_t n)
{
    size_t at = 2;
    while (at + 10 <= n && p[at] == 0xff) {
        uint8_t marker = p[at + 1];
        bool frame = marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
        if (frame)
            return (uint64_t)(p[at + 5] << 8 | p[at + 6]) * (uint64_t)(p[at + 7] << 8 | p[at + 8]) *
                   p[at + 9];
        at += marker == 0xff ? 1 : 2 + (size_t)(p[at + 2] << 8 | p[at + 3]);
    }
    return 0;
}

static bool gather_jpeg(hg_buffer *blob, const uint8_t *bytes, size_t n)
{
    bool ok =
        gather_text(blob, "") && gather_text(blob, "") && gather_sizes(blob, n, gather_jpeg_bytes(bytes, n));
    for (size_t i = 0; ok && i < HG_RECORD_COUNT; i++) {
        ok = gather_value(blob, i == HG_RECORD_LOSSY          ? "01"
                                : i == HG_RECORD_LOSSY_METHOD ? "ISO_10918_1"
                                                              : "");
    }
    return ok;
}

hg_status hg_record_gather(hg_buffer *blob, const uint8_t *bytes, size_t n, hg_error *err)
{
    bool ok = false;
    if (n >= 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0)
        ok = gather_jpeg(blob, bytes, n);
    else {
        hg_dicom *dicom;
        hg_status status = hg_dicom_open(&dicom, bytes, n, err);
        if (status != HG_STATUS_OK)
            return status;
        char *value = hg_mem_alloc(HG_RECORD_VALUE_MAX + 2);
        ok = value != NULL && gather_attributes(blob, dicom, n, value);
        hg_mem_free(value);
        hg_dicom_close(dicom);
    }
    return ok ? HG_STATUS_OK : hg_error_memory(err, HG_RECORD_BLOB_MAX, "the attributes of a file");
}
