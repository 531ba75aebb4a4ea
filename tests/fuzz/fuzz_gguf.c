/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_gguf.c: any bytes as a GGUF file; every value and element of what is accepted is read.
 */
#include "formats/gguf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_touch_tensor(const hg_named_tensor *t)
{
    volatile uint8_t sum = 0;
    if (t->unsupported != NULL)
        return;
    const uint8_t *bytes = t->tensor.data;
    for (size_t i = 0; i < hg_tensor_bytes(&t->tensor); i++)
        sum = (uint8_t)(sum + bytes[i]);
}

static void fuzz_touch_arrays(const hg_gguf *g, const char *key)
{
    const hg_gguf_value *a;
    hg_error err;
    volatile float sum = 0;
    if (hg_gguf_get_array(g, key, HG_GGUF_I32, &a, &err) == HG_STATUS_OK) {
        for (size_t i = 0; i < hg_gguf_array_count(a); i++)
            sum = sum + (float)hg_gguf_array_i32(a, i);
    }
    if (hg_gguf_get_array(g, key, HG_GGUF_F32, &a, &err) == HG_STATUS_OK) {
        for (size_t i = 0; i < hg_gguf_array_count(a); i++)
            sum = sum + hg_gguf_array_f32(a, i);
    }
    if (hg_gguf_get_array(g, key, HG_GGUF_BOOL, &a, &err) == HG_STATUS_OK) {
        for (size_t i = 0; i < hg_gguf_array_count(a); i++)
            sum = sum + (hg_gguf_array_bool(a, i) ? 1.0F : 0.0F);
    }
    if (hg_gguf_get_array(g, key, HG_GGUF_STRING, &a, &err) == HG_STATUS_OK) {
        for (size_t i = 0; i < hg_gguf_array_count(a); i++) {
            hg_gguf_text text = hg_gguf_array_string(a, i);
            for (size_t k = 0; k < text.size; k++)
                sum = sum + (float)text.data[k];
        }
    }
}

static void fuzz_touch_value(const hg_gguf *g, const char *key)
{
    hg_error err;
    uint32_t u32;
    int32_t i32;
    uint64_t u64;
    float f32;
    bool flag;
    hg_gguf_text text;
    volatile int n_read = 0;
    n_read = n_read + (hg_gguf_get_u32(g, key, &u32, &err) == HG_STATUS_OK);
    n_read = n_read + (hg_gguf_get_i32(g, key, &i32, &err) == HG_STATUS_OK);
    n_read = n_read + (hg_gguf_get_u64(g, key, &u64, &err) == HG_STATUS_OK);
    n_read = n_read + (hg_gguf_get_f32(g, key, &f32, &err) == HG_STATUS_OK);
    n_read = n_read + (hg_gguf_get_bool(g, key, &flag, &err) == HG_STATUS_OK);
    if (hg_gguf_get_string(g, key, &text, &err) == HG_STATUS_OK) {
        for (size_t k = 0; k < text.size; k++)
            n_read = n_read + text.data[k];
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hg_error err;
    hg_gguf *g;
    if (hg_gguf_open_memory(&g, data, size, &err) != HG_STATUS_OK)
        return 0;
    for (size_t i = 0; i < hg_gguf_n_values(g); i++) {
        fuzz_touch_value(g, hg_gguf_value_key(hg_gguf_get_value(g, i)));
        fuzz_touch_arrays(g, hg_gguf_value_key(hg_gguf_get_value(g, i)));
    }
    hg_tensor_list list;
    hg_tensor_list_init(&list, size);
    if (hg_gguf_list_tensors(g, &list, &err) == HG_STATUS_OK) {
        for (size_t i = 0; i < list.n_items; i++)
            fuzz_touch_tensor(&list.items[i]);
    }
    hg_tensor_list_deinit(&list);
    hg_gguf_close(g);
    return 0;
}
