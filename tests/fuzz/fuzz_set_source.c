/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_set_source.c: any JSON as a record of each published set. The image paths that come out stay below the
 * set's folder.
 */
#include "data/set_source.h"

#include "formats/json_file.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *json;
    hg_error err;
    if (hg_json_parse(&json, "record", (const char *)data, size, (size_t)1 << 20, &err) != HG_STATUS_OK)
        return 0;
    for (size_t i = 0; hg_source_name(i) != NULL; i++) {
        hg_source_row row = {.official = -1};
        hg_status status = hg_source_find(hg_source_name(i))->read(&row, json, &err);
        for (size_t k = 0; status == HG_STATUS_OK && k < row.n_images; k++) {
            if (row.images[k][0] == '/' || strstr(row.images[k], "..") != NULL)
                __builtin_trap();
        }
        hg_source_row_deinit(&row);
    }
    json_decref(json);
    return 0;
}
