/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_dicomdir.c: any bytes as a DICOMDIR; the paths that come out are ended texts, inside or refused.
 */
#include "image/dicom_file.h"
#include "image/dicomdir.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hg_buffer paths;
    hg_error err;
    hg_buffer_init(&paths, (size_t)1 << 20);
    hg_dicom_prepare();
    (void)hg_dicomdir_probe(data, size);
    if (hg_dicomdir_parse(&paths, data, size, &err) == HG_STATUS_OK) {
        for (size_t at = 0; at < paths.size; at += strlen((const char *)paths.data + at) + 1) {
            const char *path = (const char *)paths.data + at;
            if (hg_dicomdir_is_inside(path) &&
                (path[0] == '/' || strncmp(path, "../", 3) == 0 || strstr(path, "/../") != NULL))
                __builtin_trap();
        }
    }
    hg_buffer_deinit(&paths);
    return 0;
}
