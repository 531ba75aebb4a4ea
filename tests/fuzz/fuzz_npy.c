/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_npy.c: any bytes as a NumPy array.
 */
#include "fuzz_image.h"
#include "image/npy_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_image(&hg_npy_format, data, size);
    return 0;
}
