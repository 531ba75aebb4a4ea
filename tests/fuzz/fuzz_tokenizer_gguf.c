/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_tokenizer_gguf.c: any bytes as the metadata of a tokenizer. What is accepted encodes some text and
 * decodes its own ids; written and read again it gives the same ids and is written to the same bytes.
 */
#include "text/tokenizer_parts.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] = "ab abc  <x> 12\xc3\xa9\n\xff <|im_end|>\t the e\xcc\x81 \xe2\x96\x81 <y><0x0A>";
static const hg_text_segment segments[] = {{text, sizeof text - 1, false}, {text, sizeof text - 1, true}};

/* The file without tensors that the tokenizer gives. */
static hg_buffer fuzz_write(const hg_tokenizer *tok)
{
    hg_gguf_builder b;
    hg_buffer file;
    hg_error err;
    uint8_t head[24] = {'G', 'G', 'U', 'F', 3};
    hg_gguf_builder_init(&b);
    hg_buffer_init(&file, (size_t)1 << 30);
    if (hg_tokenizer_write_gguf(tok, &b, &err) != HG_STATUS_OK)
        abort();
    head[16] = (uint8_t)b.n_values;
    if (!hg_buffer_push(&file, head, sizeof head) || !hg_buffer_push(&file, b.bytes.data, b.bytes.size))
        abort();
    hg_gguf_builder_deinit(&b);
    return file;
}

static hg_tokenizer *fuzz_read(const uint8_t *data, size_t size)
{
    hg_gguf *g = NULL;
    hg_tokenizer *tok = NULL;
    hg_error err;
    if (hg_gguf_open_memory(&g, data, size, &err) != HG_STATUS_OK)
        return NULL;
    if (hg_tokenizer_open_gguf(&tok, g, &err) != HG_STATUS_OK)
        tok = NULL;
    hg_gguf_close(g);
    return tok;
}

static void fuzz_again(const hg_tokenizer *tok, const hg_ids *ids, hg_status encoded)
{
    hg_buffer file = fuzz_write(tok);
    hg_tokenizer *again = fuzz_read(file.data, file.size);
    if (again == NULL)
        abort();
    hg_ids other;
    hg_error err;
    hg_ids_init(&other, 1000);
    if (hg_tokenizer_encode(again, segments, 2, true, &other, &err) != encoded || other.n != ids->n ||
        (ids->n > 0 && memcmp(other.data, ids->data, ids->n * sizeof *ids->data) != 0))
        abort();
    hg_buffer file_again = fuzz_write(again);
    if (file.size != file_again.size || memcmp(file.data, file_again.data, file.size) != 0)
        abort();
    hg_ids_deinit(&other);
    hg_buffer_deinit(&file_again);
    hg_buffer_deinit(&file);
    hg_tokenizer_close(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hg_tokenizer *tok = fuzz_read(data, size);
    if (tok == NULL)
        return 0;
    hg_ids ids;
    hg_buffer out;
    hg_error err;
    hg_ids_init(&ids, 1000);
    hg_buffer_init(&out, (size_t)1 << 24);
    const hg_status encoded = hg_tokenizer_encode(tok, segments, 2, true, &ids, &err);
    if (encoded == HG_STATUS_OK &&
        hg_tokenizer_decode(tok, ids.data, ids.n, true, &out, &err) == HG_STATUS_INPUT)
        abort(); /* an id of its own that it does not know */
    fuzz_again(tok, &ids, encoded);
    hg_ids_deinit(&ids);
    hg_buffer_deinit(&out);
    hg_tokenizer_close(tok);
    return 0;
}
