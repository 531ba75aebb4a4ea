/* SPDX-License-Identifier: Apache-2.0
 *
 * utf8.c: the table of well-formed byte sequences (Unicode 3.9, table 3-7) as code. Only the second byte has
 * ranges of its own, which keep out overlong forms, surrogates and what is above U+10FFFF.
 */
#include "text/utf8.h"

typedef struct utf8_form {
    uint8_t size;      /* 0: no character begins so */
    uint8_t low, high; /* range of the second byte */
} utf8_form;

static utf8_form form_of(uint8_t first)
{
    if (first < 0x80)
        return (utf8_form){1, 0, 0};
    if (first < 0xc2 || first > 0xf4)
        return (utf8_form){0, 0, 0};
    if (first < 0xe0)
        return (utf8_form){2, 0x80, 0xbf};
    if (first < 0xf0)
        return (utf8_form){3, first == 0xe0 ? 0xa0 : 0x80, first == 0xed ? 0x9f : 0xbf};
    return (utf8_form){4, first == 0xf0 ? 0x90 : 0x80, first == 0xf4 ? 0x8f : 0xbf};
}

hg_utf8_step hg_utf8_read(const uint8_t *text, size_t n)
{
    utf8_form form = form_of(text[0]);
    if (form.size == 1)
        return (hg_utf8_step){text[0], 1, true, false};
    if (form.size == 0)
        return (hg_utf8_step){0xfffd, 1, false, false};
    uint32_t codepoint = text[0] & (0x7fU >> form.size);
    for (uint8_t i = 1; i < form.size; i++) {
        if (i == n)
            return (hg_utf8_step){0xfffd, i, false, true};
        if (text[i] < (i == 1 ? form.low : 0x80) || text[i] > (i == 1 ? form.high : 0xbf))
            return (hg_utf8_step){0xfffd, i, false, false};
        codepoint = codepoint << 6 | (text[i] & 0x3fU);
    }
    return (hg_utf8_step){codepoint, form.size, true, false};
}

bool hg_utf8_push_valid(hg_buffer *out, const uint8_t *text, size_t n)
{
    size_t begin = 0; /* of what is valid and not yet appended */
    for (size_t at = 0; at < n;) {
        hg_utf8_step step = hg_utf8_read(text + at, n - at);
        if (!step.valid) {
            if (!hg_buffer_push(out, text + begin, at - begin) || !hg_buffer_push(out, "\xef\xbf\xbd", 3))
                return false;
            begin = at + step.size;
        }
        at += step.size;
    }
    return begin == n || hg_buffer_push(out, text + begin, n - begin);
}

static bool is_space(uint32_t c, hg_utf8_spaces kind)
{
    if (c >= 0x1c && c <= 0x1f)
        return kind == HG_UTF8_SPACES_PYTHON;
    return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
           c == 0x3000;
}

size_t hg_utf8_spaces_before(const uint8_t *text, size_t n, hg_utf8_spaces kind)
{
    size_t at = 0;
    while (at < n) {
        hg_utf8_step step = hg_utf8_read(text + at, n - at);
        if (!is_space(step.codepoint, kind))
            break;
        at += step.size;
    }
    return at;
}

size_t hg_utf8_spaces_after(const uint8_t *text, size_t n, hg_utf8_spaces kind)
{
    size_t end = n;
    while (end > 0) {
        size_t begin = end - 1;
        while (begin > 0 && (text[begin] & 0xc0) == 0x80)
            begin--;
        if (!is_space(hg_utf8_read(text + begin, end - begin).codepoint, kind))
            break;
        end = begin;
    }
    return n - end;
}
