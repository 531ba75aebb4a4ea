/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_sentencepiece.c: any bytes as tokenizer.model; what is accepted encodes some text and decodes its own
 * ids.
 */
#include "text/detokenizer.h"
#include "text/tokenizer_parts.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] = "  the scan shows<sep> \xe2\x96\x81 a\xc3\xa9\xff\n ";
    hg_tokenizer *tok = NULL;
    hg_error err;
    if (hg_tokenizer_open_model_memory(&tok, data, size, &err) != HG_STATUS_OK)
        return 0;
    hg_ids ids;
    hg_buffer out;
    hg_ids_init(&ids, 1000);
    hg_buffer_init(&out, 100000);
    const hg_text_segment segment = {text, sizeof text - 1, false};
    if (hg_tokenizer_encode(tok, &segment, 1, true, &ids, &err) == HG_STATUS_OK &&
        hg_tokenizer_decode(tok, ids.data, ids.n, false, &out, &err) == HG_STATUS_INPUT)
        abort(); /* an id of its own that it does not know */
    hg_ids_deinit(&ids);
    hg_buffer_deinit(&out);
    hg_tokenizer_close(tok);
    return 0;
}
