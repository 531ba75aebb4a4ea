/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_tokenizer_json.c: any bytes as tokenizer.json; what is accepted encodes some text and decodes its own
 * ids.
 */
#include "text/detokenizer.h"
#include "text/tokenizer_parts.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] = "ab abc  <x> 12\xc3\xa9\n\xff <|im_end|>\t the scan";
    hg_tokenizer *tok = NULL;
    hg_error err;
    if (hg_tokenizer_open_json_memory(&tok, (const char *)data, size, &err) != HG_STATUS_OK)
        return 0;
    hg_ids ids;
    hg_buffer out;
    hg_ids_init(&ids, 1000);
    hg_buffer_init(&out, 100000);
    const hg_text_segment segments[] = {{text, sizeof text - 1, false}, {text, sizeof text - 1, true}};
    if (hg_tokenizer_encode(tok, segments, 2, true, &ids, &err) == HG_STATUS_OK &&
        hg_tokenizer_decode(tok, ids.data, ids.n, true, &out, &err) == HG_STATUS_INPUT)
        abort(); /* an id of its own that it does not know */
    hg_ids_deinit(&ids);
    hg_buffer_deinit(&out);
    hg_tokenizer_close(tok);
    return 0;
}
