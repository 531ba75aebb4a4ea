/* SPDX-License-Identifier: Apache-2.0
 *
 * vocabulary_handle.c: the tokenizer alone, behind its public handle.
 */
#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "text/detokenizer.h"
#include "text/tokenizer.h"

#include <healthgpt/healthgpt.h>

#define VOCABULARY_MAX_IDS ((size_t)1 << 28)
#define VOCABULARY_MAX_BYTES ((size_t)1 << 30)

struct hg_vocabulary {
    hg_tokenizer *tokenizer;
};

hg_status hg_vocabulary_open(hg_vocabulary **out, const char *path, hg_error *err)
{
    *out = NULL;
    hg_vocabulary *v = hg_mem_array(1, sizeof *v);
    if (v == NULL)
        return hg_error_memory(err, sizeof *v, "a vocabulary");
    /* In a model folder the tokenizer lies with the base model. */
    char base[HG_PATH_BYTES];
    hg_status status = hg_path_join(base, path, "base", err);
    if (status == HG_STATUS_OK)
        status = hg_tokenizer_open(&v->tokenizer, hg_folder_exists(base) ? base : path, err);
    if (status == HG_STATUS_OK)
        *out = v;
    else
        hg_mem_free(v);
    return status;
}

void hg_vocabulary_close(hg_vocabulary *vocabulary)
{
    if (vocabulary == NULL)
        return;
    hg_tokenizer_close(vocabulary->tokenizer);
    hg_mem_free(vocabulary);
}

hg_status hg_vocabulary_encode(const hg_vocabulary *vocabulary, const char *text, size_t n, bool special,
                               int32_t **ids, size_t *n_ids, hg_error *err)
{
    hg_ids list;
    hg_ids_init(&list, VOCABULARY_MAX_IDS);
    hg_text_segment segment = {text, n, !special};
    hg_status status = hg_tokenizer_encode(vocabulary->tokenizer, &segment, 1, false, &list, err);
    if (status != HG_STATUS_OK)
        hg_ids_deinit(&list);
    *ids = list.data; /* taken over */
    *n_ids = list.n;
    return status;
}

hg_status hg_vocabulary_decode(const hg_vocabulary *vocabulary, const int32_t *ids, size_t n_ids,
                               bool special, char **text, size_t *n, hg_error *err)
{
    hg_buffer out;
    hg_detokenizer d;
    *text = NULL;
    *n = 0;
    hg_buffer_init(&out, VOCABULARY_MAX_BYTES);
    hg_detokenizer_init(&d, vocabulary->tokenizer, !special);
    hg_status status = HG_STATUS_OK;
    for (size_t i = 0; i < n_ids && status == HG_STATUS_OK; i++)
        status = hg_detokenizer_push(&d, ids[i], &out, err);
    if (status == HG_STATUS_OK)
        status = hg_detokenizer_flush(&d, &out, err);
    if (status == HG_STATUS_OK && (*text = hg_mem_string_n(hg_buffer_text(&out), out.size)) == NULL)
        status = hg_error_memory(err, out.size, "decoded text");
    *n = out.size;
    hg_buffer_deinit(&out);
    return status;
}
