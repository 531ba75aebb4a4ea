/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_tokenize.c: any bytes as a text for each family's tokenizer, cut into two segments. The first byte
 * says which are plain. Ids must be tokens, plain text must give no control token, and phi4, which neither
 * normalises nor adds anything, must give plain text back.
 */
#include "text/detokenizer.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const hg_tokenizer *fuzz_tokenizer(size_t family)
{
    static const char *const folders[] = {HG_TEST_DATA "/text/phi3", HG_TEST_DATA "/text/phi4",
                                          HG_TEST_DATA "/text/qwen2"};
    static hg_tokenizer *opened[3];
    hg_error err;
    if (opened[family] == NULL && hg_tokenizer_open(&opened[family], folders[family], &err) != HG_STATUS_OK)
        abort();
    return opened[family];
}

static void fuzz_check(const hg_tokenizer *tok, const hg_ids *ids, bool all_plain, const hg_buffer *expected)
{
    hg_buffer out;
    hg_error err;
    hg_buffer_init(&out, (size_t)1 << 24);
    if (hg_tokenizer_decode(tok, ids->data, ids->n, false, &out, &err) != HG_STATUS_OK)
        abort();
    for (size_t i = 0; all_plain && i < ids->n; i++) {
        if (hg_tokenizer_is_special(tok, ids->data[i]))
            abort();
    }
    if (expected != NULL && (out.size != expected->size || memcmp(out.data, expected->data, out.size) != 0))
        abort();
    hg_buffer_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const uint8_t choice = data[0];
    const char *text = (const char *)data + 1;
    const size_t cut = (size_t)(choice >> 2) * (size - 1) / 64;
    const hg_text_segment segments[] = {{text, cut, (choice & 1) != 0},
                                        {text + cut, size - 1 - cut, (choice & 2) != 0}};
    hg_buffer valid;
    hg_ids ids;
    hg_error err;
    hg_buffer_init(&valid, (size_t)1 << 24);
    hg_ids_init(&ids, (size_t)1 << 24);
    const bool all_plain = (choice & 3) == 3;
    for (size_t family = 0; family < 3; family++) {
        const hg_tokenizer *tok = fuzz_tokenizer(family);
        ids.n = valid.size = 0;
        if (hg_tokenizer_encode(tok, segments, 2, false, &ids, &err) != HG_STATUS_OK)
            abort();
        for (size_t i = 0; i < 2; i++) {
            if (!hg_utf8_push_valid(&valid, (const uint8_t *)segments[i].text, segments[i].n))
                abort();
        }
        fuzz_check(tok, &ids, all_plain, family == 1 && all_plain ? &valid : NULL);
    }
    hg_buffer_deinit(&valid);
    hg_ids_deinit(&ids);
    return 0;
}
