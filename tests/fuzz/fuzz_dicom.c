/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_dicom.c: any bytes as a DICOM file.
 */
#include "fuzz_image.h"
#include "image/dicom_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_image(&hg_dicom_format, data, size);
    return 0;
}
