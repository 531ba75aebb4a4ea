/* SPDX-License-Identifier: Apache-2.0
 *
 * pre_tokenizer.c: patterns in PCRE2. The references use other engines, in which \s is the Unicode property
 * White_Space; PCRE2 counts U+180E as well, so \s and \S are written out before compiling. Each step cuts the
 * words of the step before, and a pattern sees nothing outside its word.
 */
#include "text/pre_tokenizer.h"

#include "base/buffer.h"
#include "base/memory.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

/* Steps of the engine for one match: a run of spaces costs a few for each. */
#define MATCH_LIMIT 1000000U
#define MATCH_LIMIT_PER_BYTE 16U
#define HEAP_LIMIT_KIB 65536U

const char hg_pattern_gpt2[] =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
const char hg_pattern_phi4[] =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*"
    "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const char hg_pattern_qwen2[] =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*"
    "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

#define SPACES                                                                                               \
    "\\x09-\\x0d\\x20\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{"     \
    "3000}"

void hg_spans_deinit(hg_spans *s)
{
    hg_mem_free(s->data);
    *s = (hg_spans){0};
}

static bool push_span(hg_spans *s, size_t start, size_t size)
{
    if (size == 0)
        return true;
    if (s->n == s->capacity) {
        size_t capacity = s->capacity == 0 ? 64 : 2 * s->capacity;
        hg_span *data = hg_mem_resize(s->data, capacity, sizeof *data);
        if (data == NULL)
            return false;
        s->data = data;
        s->capacity = capacity;
    }
    s->data[s->n++] = (hg_span){(uint32_t)start, (uint32_t)size};
    return true;
}

void hg_pre_tokenizer_deinit(hg_pre_tokenizer *p)
{
    for (size_t i = 0; i < p->n; i++) {
        pcre2_code_free(p->steps[i].code);
        hg_mem_free(p->steps[i].pattern);
    }
    *p = (hg_pre_tokenizer){0};
}

/* The pattern with \s and \S written out; a \S inside brackets cannot be, and is left to PCRE2. */
static bool write_out_spaces(const char *pattern, size_t n, hg_buffer *out)
{
    bool in_brackets = false, ok = true;
    for (size_t i = 0; ok && i < n; i++) {
        char c = pattern[i];
        if (c == '\\' && i + 1 < n) {
            char next = pattern[++i];
            if (next == 's')
                ok = hg_buffer_push_text(out, in_brackets ? SPACES : "[" SPACES "]");
            else if (next == 'S' && !in_brackets)
                ok = hg_buffer_push_text(out, "[^" SPACES "]");
            else
                ok = hg_buffer_push(out, pattern + i - 1, 2);
            continue;
        }
        if (c == '[')
            in_brackets = true;
        else if (c == ']')
            in_brackets = false;
        ok = hg_buffer_push(out, &c, 1);
    }
    return ok;
}

hg_status hg_pre_tokenizer_add(hg_pre_tokenizer *p, const char *pattern, size_t n, bool literal,
                               hg_split_mode mode, bool invert, hg_error *err)
{
    if (p->n == HG_PRE_TOKENIZER_MAX_STEPS)
        return hg_error_set(err, HG_STATUS_INPUT, "more than %d steps of pre-tokenization",
                            HG_PRE_TOKENIZER_MAX_STEPS);
    if (n == 0 || n > HG_PRE_TOKENIZER_MAX_PATTERN)
        return hg_error_set(err, HG_STATUS_INPUT, "a splitting pattern of %zu bytes, allowed are 1 to %d", n,
                            HG_PRE_TOKENIZER_MAX_PATTERN);
    hg_buffer source;
    hg_buffer_init(&source, (size_t)64 * HG_PRE_TOKENIZER_MAX_PATTERN);
    if (!(literal ? hg_buffer_push(&source, pattern, n) : write_out_spaces(pattern, n, &source))) {
        hg_buffer_deinit(&source);
        return hg_error_memory(err, n, "a splitting pattern");
    }
    int code = 0;
    PCRE2_SIZE place = 0;
    uint32_t options = PCRE2_UTF | (literal ? PCRE2_LITERAL : PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C);
    pcre2_code *compiled = pcre2_compile(source.data, source.size, options, &code, &place, NULL);
    hg_buffer_deinit(&source);
    if (compiled == NULL) {
        PCRE2_UCHAR text[160] = "";
        pcre2_get_error_message(code, text, sizeof text);
        return hg_error_set(err, HG_STATUS_INPUT, "splitting pattern '%.*s': %s", n > 60 ? 60 : (int)n,
                            pattern, (const char *)text);
    }
    char *copy = hg_mem_string_n(pattern, n);
    if (copy == NULL) {
        pcre2_code_free(compiled);
        return hg_error_memory(err, n, "a splitting pattern");
    }
    /* Where the system allows no executable memory this fails, and matching is slower. */
    (void)pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE);
    p->steps[p->n++] = (hg_split_step){compiled, copy, n, literal, mode, invert};
    return HG_STATUS_OK;
}

typedef struct split_run {
    const hg_split_step *step;
    const uint8_t *word;
    size_t offset; /* of the word in the text */
    hg_spans *out;
    bool has_last, last_matched; /* what the last part of this word was ... */
    bool last_empty;             /* ... and whether it left no span */
} split_run;

/* The part [begin, end) of the word is a match, or lies between matches. */
static bool split_part(split_run *run, size_t begin, size_t end, bool matched)
{
    if (begin == end && !matched)
        return true;
    matched = matched != run->step->invert;
    bool joins = run->step->mode == HG_SPLIT_CONTIGUOUS && run->has_last && run->last_matched == matched;
    joins = joins && !run->last_empty;
    run->has_last = true;
    run->last_matched = matched;
    run->last_empty = !joins && begin == end;
    if (joins) {
        run->out->data[run->out->n - 1].size += (uint32_t)(end - begin);
        return true;
    }
    if (run->step->mode == HG_SPLIT_REMOVED && matched)
        return true;
    return push_span(run->out, run->offset + begin, end - begin);
}

static int match_at(const pcre2_code *code, const uint8_t *word, size_t n, size_t at, pcre2_match_data *data,
                    pcre2_match_context *limits)
{
    /* The text is valid, and `at` is at the beginning of a character. */
    int found = pcre2_match(code, word, n, at, PCRE2_NO_UTF_CHECK, data, limits);
    if (found == PCRE2_ERROR_JIT_STACKLIMIT)
        found = pcre2_match(code, word, n, at, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, data, limits);
    return found;
}

static size_t next_character(const uint8_t *word, size_t n, size_t at)
{
    at++;
    while (at < n && (word[at] & 0xc0) == 0x80)
        at++;
    return at;
}

/* An empty match cuts, but not where the match before it ended. */
static hg_status split_word(split_run *run, size_t n, pcre2_match_data *data, pcre2_match_context *limits,
                            hg_error *err)
{
    size_t done = 0;
    bool has_match = false;
    for (size_t at = 0; at < n;) {
        int found = match_at(run->step->code, run->word, n, at, data, limits);
        if (found == PCRE2_ERROR_NOMATCH)
            break;
        if (found < 0)
            return hg_error_set(
                err, HG_STATUS_INPUT,
                "the splitting pattern passes its limits on a text of %zu bytes (PCRE2 error %d)", n, found);
        const PCRE2_SIZE *range = pcre2_get_ovector_pointer(data);
        const size_t begin = range[0], end = range[1];
        if (begin < done || end < begin || (end == begin && has_match && begin == done)) {
            at = next_character(run->word, n, at);
            continue;
        }
        if (!split_part(run, done, begin, false) || !split_part(run, begin, end, true))
            return hg_error_memory(err, n, "the words of a text");
        has_match = true;
        done = end;
        at = end > begin ? end : next_character(run->word, n, end);
    }
    return split_part(run, done, n, false) ? HG_STATUS_OK : hg_error_memory(err, n, "the words of a text");
}

hg_status hg_pre_tokenizer_split(const hg_pre_tokenizer *p, const uint8_t *text, size_t n, hg_spans *words,
                                 hg_spans *scratch, hg_error *err)
{
    words->n = 0;
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    hg_status status = HG_STATUS_OK;
    if (limits == NULL || data == NULL || !push_span(words, 0, n))
        status = hg_error_memory(err, n, "the words of a text");
    if (limits != NULL) {
        pcre2_set_match_limit(limits, MATCH_LIMIT + MATCH_LIMIT_PER_BYTE * (uint32_t)n);
        pcre2_set_heap_limit(limits, HEAP_LIMIT_KIB);
    }
    for (size_t i = 0; status == HG_STATUS_OK && i < p->n; i++) {
        hg_spans before = *words;
        *words = *scratch;
        *scratch = before;
        words->n = 0;
        for (size_t k = 0; status == HG_STATUS_OK && k < before.n; k++) {
            const uint8_t *word = text + before.data[k].start;
            split_run run = {&p->steps[i], word, before.data[k].start, words, false, false, true};
            status = split_word(&run, before.data[k].size, data, limits, err);
        }
    }
    pcre2_match_data_free(data);
    pcre2_match_context_free(limits);
    return status;
}
