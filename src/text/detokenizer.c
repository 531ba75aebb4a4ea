/* SPDX-License-Identifier: Apache-2.0
 *
 * detokenizer.c: every token is turned into bytes, and the bytes into whole characters. Invariant: `waiting`
 * is empty or the beginning of a character that more bytes can finish.
 */
#include "text/detokenizer.h"

#include "text/tokenizer_parts.h"

#include <string.h>

static const char broken[] = "\xef\xbf\xbd"; /* U+FFFD */

void hg_detokenizer_init(hg_detokenizer *d, const hg_tokenizer *tok, bool skip_special)
{
    *d = (hg_detokenizer){.tok = tok, .skip_special = skip_special};
}

/* Gives up the unfinished character. */
static bool give_up(hg_detokenizer *d, hg_buffer *out)
{
    const size_t n =
        d->tok->kind == HG_TOKENIZER_KIND_SENTENCEPIECE ? d->n_waiting : (d->n_waiting > 0 ? 1 : 0);
    d->n_waiting = 0;
    for (size_t i = 0; i < n; i++) {
        if (!hg_buffer_push(out, broken, 3))
            return false;
    }
    return true;
}

static bool push_byte(hg_detokenizer *d, uint8_t byte, hg_buffer *out)
{
    d->waiting[d->n_waiting++] = byte;
    hg_utf8_step step = hg_utf8_read(d->waiting, d->n_waiting);
    if (step.unfinished)
        return true;
    if (step.valid) {
        d->n_waiting = 0;
        return hg_buffer_push(out, d->waiting, step.size);
    }
    if (d->n_waiting == 1)
        return give_up(d, out);
    /* The new byte does not continue the character: that one is broken, and the byte begins anew. */
    d->n_waiting--;
    return give_up(d, out) && push_byte(d, byte, out);
}

static bool push_bytes(hg_detokenizer *d, const char *bytes, size_t n, hg_buffer *out)
{
    for (size_t i = 0; i < n; i++) {
        if (!d->began && d->tok->strip_first_space) {
            d->began = true;
            if (bytes[i] == ' ')
                continue;
        }
        if (!push_byte(d, (uint8_t)bytes[i], out))
            return false;
    }
    return true;
}

/* A name with its marks as spaces. */
static bool push_marked(hg_detokenizer *d, const char *name, size_t n, hg_buffer *out)
{
    for (size_t at = 0; at < n;) {
        const bool mark = n - at >= 3 && memcmp(name + at, HG_SENTENCEPIECE_SPACE, 3) == 0;
        if (!push_bytes(d, mark ? " " : name + at, 1, out))
            return false;
        at += mark ? 3 : 1;
    }
    return true;
}

hg_status hg_detokenizer_push(hg_detokenizer *d, int32_t id, hg_buffer *out, hg_error *err)
{
    const hg_token *token = hg_token_table_get(&d->tok->vocab, id);
    if (token == NULL)
        return hg_error_set(err, HG_STATUS_INPUT, "token id %d is not in the vocabulary of %zu", (int)id,
                            d->tok->vocab.n);
    if (d->skip_special && (token->flags & HG_TOKEN_SPECIAL) != 0)
        return HG_STATUS_OK;
    const char *name = hg_token_table_name(&d->tok->vocab, token);
    bool ok;
    if (token->kind == HG_TOKEN_KIND_BYTE)
        ok = push_bytes(d, (const char *)&token->byte, 1, out);
    else if (d->tok->space_marks)
        ok = push_marked(d, name, token->size, out);
    else
        ok = push_bytes(d, name, token->size, out);
    return ok ? HG_STATUS_OK
              : hg_error_set(err, HG_STATUS_FAILED, "the text is longer than %zu bytes", out->max_bytes);
}

hg_status hg_detokenizer_flush(hg_detokenizer *d, hg_buffer *out, hg_error *err)
{
    d->began = false;
    if (!give_up(d, out))
        return hg_error_set(err, HG_STATUS_FAILED, "the text is longer than %zu bytes", out->max_bytes);
    return HG_STATUS_OK;
}

hg_status hg_tokenizer_decode(const hg_tokenizer *tok, const int32_t *ids, size_t n, bool skip_special,
                              hg_buffer *out, hg_error *err)
{
    hg_detokenizer d;
    hg_detokenizer_init(&d, tok, skip_special);
    hg_status status = HG_STATUS_OK;
    for (size_t i = 0; status == HG_STATUS_OK && i < n; i++)
        status = hg_detokenizer_push(&d, ids[i], out, err);
    return status == HG_STATUS_OK ? hg_detokenizer_flush(&d, out, err) : status;
}
