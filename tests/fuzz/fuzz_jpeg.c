/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_jpeg.c: any bytes as a JPEG file, with small limits, so that a run is quick.
 */
#include "fuzz_image.h"
#include "image/jpeg_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_image(&hg_jpeg_format, data, size);
    return 0;
}
