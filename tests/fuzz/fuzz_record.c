/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_record.c: any bytes as the source of DICOM files: what is made of it can be read again, or there is an
 * error.
 */
#include "image/pixels.h"
#include "image/record_modules.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_reopen(const hg_buffer *file)
{
    hg_dicom *dicom;
    hg_error err;
    if (hg_dicom_open(&dicom, file->data, file->size, &err) != HG_STATUS_OK)
        abort();
    hg_dicom_close(dicom);
}

static void fuzz_write(const hg_record *record)
{
    static const hg_record_answer answers[2] = {{"Is it?", "Yes", true},
                                                {"\xc3\x96"
                                                 "dem?",
                                                 "Ja", false}};
    const hg_record_source source = {record, 0};
    hg_error err;
    hg_image image;
    hg_image_init(&image);
    if (hg_image_alloc(&image, 8, 8, 1, 8, &err) != HG_STATUS_OK)
        return;
    memset(image.samples, 7, hg_image_bytes(&image));
    for (int deid = 0; deid < 2; deid++) {
        const hg_record_options options = {.sources = &source, .n_sources = 1, .deidentify = deid != 0};
        hg_buffer file;
        hg_buffer_init(&file, 1 << 24);
        if (hg_record_encode_image(&file, &image, &options, &err) == HG_STATUS_OK)
            fuzz_reopen(&file);
        hg_buffer_deinit(&file);
        hg_buffer_init(&file, 1 << 24);
        if (hg_record_encode_answer(&file, &answers[deid], &options, &err) == HG_STATUS_OK)
            fuzz_reopen(&file);
        hg_buffer_deinit(&file);
    }
    hg_image_deinit(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hg_buffer blob;
    hg_error err;
    hg_record record = {0};
    hg_buffer_init(&blob, HG_RECORD_BLOB_MAX);
    if (hg_record_gather(&blob, data, size, &err) == HG_STATUS_OK &&
        hg_record_parse(&record, blob.data, blob.size, &err) == HG_STATUS_OK) {
        record.dicom = true;
        fuzz_write(&record);
    }
    hg_record_deinit(&record);
    hg_buffer_deinit(&blob);
    return 0;
}
