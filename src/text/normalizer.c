/* SPDX-License-Identifier: Apache-2.0
 *
 * normalizer.c: each step writes the scratch buffer, then the two change places. ASCII text is its own NFC,
 * and most text is ASCII, so utf8proc is only asked about the rest.
 */
#include "text/normalizer.h"

#include "base/checked.h"
#include "base/memory.h"

#include <limits.h>
#include <string.h>
#include <utf8proc.h>

static bool is_ascii(const hg_buffer *text)
{
    for (size_t i = 0; i < text->size; i++) {
        if (text->data[i] >= 0x80)
            return false;
    }
    return true;
}

static bool to_nfc(const hg_buffer *text, hg_buffer *out)
{
    const utf8proc_option_t options = UTF8PROC_STABLE | UTF8PROC_COMPOSE;
    size_t bytes = 0;
    utf8proc_ssize_t n = utf8proc_decompose(text->data, (utf8proc_ssize_t)text->size, NULL, 0, options);
    if (n < 0 || !hg_checked_mul((size_t)n + 1, sizeof(utf8proc_int32_t), &bytes) || bytes > PTRDIFF_MAX)
        return false;
    utf8proc_int32_t *points = hg_mem_alloc(bytes); /* one more than n: reencode ends with a zero byte */
    if (points == NULL)
        return false;
    utf8proc_ssize_t size =
        utf8proc_decompose(text->data, (utf8proc_ssize_t)text->size, points, n, options) == n
            ? utf8proc_reencode(points, n, options)
            : -1;
    bool ok = size >= 0 && hg_buffer_push(out, points, (size_t)size);
    hg_mem_free(points);
    return ok;
}

static bool replace(const hg_buffer *text, const hg_normalizer_step *step, hg_buffer *out)
{
    const size_t n_from = strlen(step->from), n_to = strlen(step->to);
    size_t at = 0;
    while (n_from > 0 && at + n_from <= text->size) {
        const uint8_t *found = memchr(text->data + at, step->from[0], text->size - n_from + 1 - at);
        if (found == NULL)
            break;
        size_t place = (size_t)(found - text->data);
        bool same = memcmp(found, step->from, n_from) == 0;
        if (!hg_buffer_push(out, text->data + at, place - at) ||
            !hg_buffer_push(out, same ? step->to : step->from, same ? n_to : 1))
            return false;
        at = place + (same ? n_from : 1);
    }
    return at == text->size || hg_buffer_push(out, text->data + at, text->size - at);
}

hg_status hg_normalizer_apply(const hg_normalizer *normalizer, hg_buffer *text, hg_buffer *scratch,
                              hg_error *err)
{
    for (size_t i = 0; i < normalizer->n && text->size > 0; i++) {
        const hg_normalizer_step *step = &normalizer->steps[i];
        if (step->kind == HG_NORMALIZER_NFC && is_ascii(text))
            continue;
        scratch->size = 0;
        bool ok;
        if (step->kind == HG_NORMALIZER_NFC)
            ok = to_nfc(text, scratch);
        else if (step->kind == HG_NORMALIZER_PREPEND)
            ok = hg_buffer_push_text(scratch, step->to) && hg_buffer_push(scratch, text->data, text->size);
        else
            ok = replace(text, step, scratch);
        if (!ok)
            return hg_error_set(err, HG_STATUS_FAILED,
                                "a text of %zu bytes does not fit the memory for its normal form",
                                text->size);
        hg_buffer swap = *text;
        *text = *scratch;
        *scratch = swap;
    }
    return HG_STATUS_OK;
}
