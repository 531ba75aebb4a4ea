/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_jpeg.c: any bytes as a JPEG file, with small limits, so that a run is quick.
 */
#include "image/image_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const hg_image_limits limits = {.max_pixels = 1 << 16, .max_side = 4096};
    hg_error err;
    hg_image image;
    hg_image_init(&image);
    if (hg_image_read_memory(&image, data, size, &limits, &err) == HG_STATUS_OK)
        hg_image_deinit(&image);
    return 0;
}
