/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_tiff.c: any bytes as a TIFF file.
 */
#include "fuzz_image.h"
#include "image/slide_probe.h"
#include "image/tiff_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)hg_slide_probe(data, size);
    fuzz_image(&hg_tiff_format, data, size);
    return 0;
}
