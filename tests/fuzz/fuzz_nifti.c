/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_nifti.c: any bytes as a NIfTI file.
 */
#include "fuzz_image.h"
#include "image/nifti_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_image(&hg_nifti_format, data, size);
    return 0;
}
