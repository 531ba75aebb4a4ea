/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_safetensors.c: any bytes as a safetensors file; every element of what is accepted is read.
 */
#include "formats/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_touch(const hg_named_tensor *t)
{
    volatile uint8_t sum = 0;
    if (t->unsupported != NULL)
        return;
    const uint8_t *bytes = t->tensor.data;
    for (size_t i = 0; i < (size_t)hg_tensor_count(&t->tensor) * hg_dtype_bytes(t->tensor.dtype); i++)
        sum = (uint8_t)(sum + bytes[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hg_error err;
    hg_tensor_list list;
    hg_tensor_list_init(&list, size);
    if (hg_safetensors_read(&list, data, size, &err) == HG_STATUS_OK) {
        for (size_t i = 0; i < list.n_items; i++)
            fuzz_touch(&list.items[i]);
    }
    hg_tensor_list_deinit(&list);
    return 0;
}
