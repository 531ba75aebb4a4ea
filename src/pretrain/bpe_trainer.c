/* SPDX-License-Identifier: Apache-2.0
 *
 * bpe_trainer.c: distinct words with their counts, each a row of tokens that gets shorter as pairs are
 * joined. Pairs are counted anew for every merge: there are few distinct words, and nothing can get out of
 * step.
 */
#include "pretrain/bpe_trainer.h"

#include "base/memory.h"
#include "text/byte_level.h"
#include "text/pre_tokenizer.h"

#include <string.h>

/* Longer words are cut. */
#define WORD_MAX 256

typedef struct bpe_word {
    uint32_t *tokens; /* n; bytes at first */
    uint32_t n, n_bytes;
    uint8_t *bytes;
    int64_t count;
} bpe_word;

typedef struct bpe_pair {
    uint32_t left, right;
    int64_t count;
} bpe_pair;

struct hg_bpe_trainer {
    hg_pre_tokenizer pre;
    hg_spans words, scratch;
    bpe_word *list;
    size_t n, capacity;
    uint32_t *slots; /* of words by hash: index + 1 */
    size_t n_slots;
    bpe_pair *merges; /* token 256 + i joins pair i */
    size_t n_merges;
    bpe_pair *table; /* of counted pairs, open addressing */
    size_t n_table;
};

hg_status hg_bpe_trainer_create(hg_bpe_trainer **out, hg_error *err)
{
    hg_bpe_trainer *t = hg_mem_array(1, sizeof *t);
    *out = t;
    if (t == NULL)
        return hg_error_memory(err, sizeof *t, "training a tokenizer");
    return hg_pre_tokenizer_add(&t->pre, hg_pattern_gpt2, strlen(hg_pattern_gpt2), false, HG_SPLIT_ISOLATED,
                                false, err);
}

void hg_bpe_trainer_destroy(hg_bpe_trainer *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < t->n; i++) {
        hg_mem_free(t->list[i].tokens);
        hg_mem_free(t->list[i].bytes);
    }
    hg_mem_free(t->list);
    hg_mem_free(t->slots);
    hg_mem_free(t->merges);
    hg_mem_free(t->table);
    hg_spans_deinit(&t->words);
    hg_spans_deinit(&t->scratch);
    hg_pre_tokenizer_deinit(&t->pre);
    hg_mem_free(t);
}

/* ---- words ---- */

static size_t find_word(const hg_bpe_trainer *t, const uint8_t *bytes, size_t n)
{
    uint64_t hash = 14695981039346656037U;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ bytes[i]) * 1099511628211U;
    size_t at = (size_t)(hash ^ (hash >> 29)) & (t->n_slots - 1);
    while (t->slots[at] != 0) {
        const bpe_word *word = &t->list[t->slots[at] - 1];
        if (word->n_bytes == n && memcmp(word->bytes, bytes, n) == 0)
            break;
        at = (at + 1) & (t->n_slots - 1);
    }
    return at;
}

static hg_status grow_words(hg_bpe_trainer *t, hg_error *err)
{
    if (t->n < t->capacity)
        return HG_STATUS_OK;
    size_t capacity = t->capacity == 0 ? 1024 : 2 * t->capacity;
    bpe_word *list = hg_mem_resize(t->list, capacity, sizeof *list);
    if (list != NULL)
        t->list = list;
    uint32_t *slots = hg_mem_array(2 * capacity, sizeof *slots);
    if (list == NULL || slots == NULL) {
        hg_mem_free(slots);
        return hg_error_memory(err, capacity * sizeof *list, "the words of the texts");
    }
    hg_mem_free(t->slots);
    t->slots = slots;
    t->n_slots = 2 * capacity;
    t->capacity = capacity;
    for (size_t i = 0; i < t->n; i++)
        slots[find_word(t, t->list[i].bytes, t->list[i].n_bytes)] = (uint32_t)i + 1;
    return HG_STATUS_OK;
}

static hg_status add_word(hg_bpe_trainer *t, const uint8_t *bytes, size_t n, hg_error *err)
{
    n = n > WORD_MAX ? WORD_MAX : n;
    hg_status status = grow_words(t, err);
    if (status != HG_STATUS_OK)
        return status;
    size_t slot = find_word(t, bytes, n);
    if (t->slots[slot] != 0) {
        t->list[t->slots[slot] - 1].count++;
        return HG_STATUS_OK;
    }
    bpe_word word = {.n = (uint32_t)n, .n_bytes = (uint32_t)n, .count = 1};
    word.tokens = hg_mem_array(n + 1, sizeof *word.tokens);
    word.bytes = hg_mem_alloc(n + 1);
    if (word.tokens == NULL || word.bytes == NULL) {
        hg_mem_free(word.tokens);
        hg_mem_free(word.bytes);
        return hg_error_memory(err, n, "a word");
    }
    memcpy(word.bytes, bytes, n);
    for (size_t i = 0; i < n; i++)
        word.tokens[i] = bytes[i];
    t->list[t->n++] = word;
    t->slots[slot] = (uint32_t)t->n;
    return HG_STATUS_OK;
}

hg_status hg_bpe_trainer_add(hg_bpe_trainer *t, const char *text, size_t n, hg_error *err)
{
    const uint8_t *bytes = (const uint8_t *)text;
    hg_status status = hg_pre_tokenizer_split(&t->pre, bytes, n, &t->words, &t->scratch, err);
    for (size_t i = 0; i < t->words.n && status == HG_STATUS_OK; i++)
        status = add_word(t, bytes + t->words.data[i].start, t->words.data[i].size, err);
    return status;
}

/* ---- merges ---- */

static hg_status make_table(hg_bpe_trainer *t, hg_error *err)
{
    size_t pairs = 0, n = 1024;
    for (size_t i = 0; i < t->n; i++)
        pairs += t->list[i].n;
    while (n < 2 * pairs)
        n *= 2;
    t->table = hg_mem_array(n, sizeof *t->table);
    t->n_table = n;
    return t->table != NULL ? HG_STATUS_OK : hg_error_memory(err, n * sizeof *t->table, "pairs of tokens");
}

static void count_pair(hg_bpe_trainer *t, uint32_t left, uint32_t right, int64_t count)
{
    uint64_t key = ((uint64_t)left << 32 | right) * 0x9e3779b97f4a7c15U;
    size_t at = (size_t)(key >> 20) & (t->n_table - 1);
    while (t->table[at].count != 0 && (t->table[at].left != left || t->table[at].right != right))
        at = (at + 1) & (t->n_table - 1);
    t->table[at].left = left;
    t->table[at].right = right;
    t->table[at].count += count;
}

static bool is_better(const bpe_pair *a, const bpe_pair *b)
{
    if (a->count != b->count)
        return a->count > b->count;
    return a->left != b->left ? a->left < b->left : a->right < b->right;
}

static bpe_pair best_pair(hg_bpe_trainer *t)
{
    bpe_pair best = {0};
    memset(t->table, 0, t->n_table * sizeof *t->table);
    for (size_t i = 0; i < t->n; i++) {
        const bpe_word *word = &t->list[i];
        for (uint32_t k = 1; k < word->n; k++)
            count_pair(t, word->tokens[k - 1], word->tokens[k], word->count);
    }
    for (size_t i = 0; i < t->n_table; i++) {
        if (t->table[i].count > 0 && is_better(&t->table[i], &best))
            best = t->table[i];
    }
    return best;
}

static void join(bpe_word *word, const bpe_pair *pair, uint32_t token)
{
    uint32_t to = 0;
    for (uint32_t k = 0; k < word->n; to++) {
        bool joins = k + 1 < word->n && word->tokens[k] == pair->left && word->tokens[k + 1] == pair->right;
        word->tokens[to] = joins ? token : word->tokens[k];
        k += joins ? 2 : 1;
    }
    word->n = to;
}

hg_status hg_bpe_trainer_run(hg_bpe_trainer *t, size_t n_merges, hg_error *err)
{
    hg_status status = make_table(t, err);
    t->merges = hg_mem_array(n_merges + 1, sizeof *t->merges);
    if (status == HG_STATUS_OK && t->merges == NULL)
        status = hg_error_memory(err, n_merges * sizeof *t->merges, "merges");
    while (status == HG_STATUS_OK && t->n_merges < n_merges) {
        bpe_pair best = best_pair(t);
        if (best.count < 2)
            break;
        for (size_t i = 0; i < t->n; i++)
            join(&t->list[i], &best, (uint32_t)(256 + t->n_merges));
        t->merges[t->n_merges++] = best;
    }
    return status;
}

size_t hg_bpe_trainer_n_merges(const hg_bpe_trainer *t)
{
    return t->n_merges;
}

/* ---- the file ---- */

/* Appends the bytes that a token stands for. */
static bool push_bytes(const hg_bpe_trainer *t, uint32_t token, hg_buffer *out)
{
    if (token < 256) {
        uint8_t byte = (uint8_t)token;
        return hg_buffer_push(out, &byte, 1);
    }
    const bpe_pair *pair = &t->merges[token - 256];
    return push_bytes(t, pair->left, out) && push_bytes(t, pair->right, out);
}

/* A token as it stands between quotes in JSON. */
static bool push_spelled(const hg_bpe_trainer *t, uint32_t token, hg_buffer *out)
{
    hg_buffer bytes, name;
    hg_buffer_init(&bytes, 4 * WORD_MAX);
    hg_buffer_init(&name, 16 * WORD_MAX);
    bool ok =
        push_bytes(t, token, &bytes) && hg_byte_level_write((const char *)bytes.data, bytes.size, &name);
    for (size_t i = 0; i < name.size && ok; i++) {
        if (name.data[i] == '"' || name.data[i] == '\\')
            ok = hg_buffer_push_text(out, "\\");
        ok = ok && hg_buffer_push(out, &name.data[i], 1);
    }
    hg_buffer_deinit(&bytes);
    hg_buffer_deinit(&name);
    return ok;
}

static const char *const first_names[HG_BPE_FIRST] = {"<unk>", "<s>", "</s>"};
static const char *const control_names[HG_BPE_CONTROLS] = {"<|endoftext|>", "<|assistant|>", "<|system|>",
                                                           "<|end|>", "<|user|>"};

static bool push_added(const hg_bpe_trainer *t, hg_buffer *out)
{
    bool ok = hg_buffer_push_text(out, "  \"added_tokens\": [\n");
    for (size_t i = 0; i < HG_BPE_FIRST + HG_BPE_CONTROLS && ok; i++) {
        bool first = i < HG_BPE_FIRST;
        ok = hg_buffer_push_format(
            out,
            "    {\"id\": %zu, \"content\": \"%s\", \"single_word\": false, \"lstrip\": false, "
            "\"rstrip\": false, \"normalized\": false, \"special\": true}%s\n",
            first ? i : 256 + t->n_merges + i, first ? first_names[i] : control_names[i - HG_BPE_FIRST],
            i + 1 < HG_BPE_FIRST + HG_BPE_CONTROLS ? "," : "");
    }
    return ok && hg_buffer_push_text(out, "  ],\n");
}

static bool push_vocabulary(const hg_bpe_trainer *t, hg_buffer *out)
{
    bool ok = hg_buffer_push_text(out, "    \"vocab\": {\n");
    for (size_t i = 0; i < HG_BPE_FIRST && ok; i++)
        ok = hg_buffer_push_format(out, "      \"%s\": %zu,\n", first_names[i], i);
    for (size_t i = 0; i < 256 + t->n_merges && ok; i++)
        ok =
            hg_buffer_push_text(out, "      \"") && push_spelled(t, (uint32_t)i, out) &&
            hg_buffer_push_format(out, "\": %zu%s\n", i + HG_BPE_FIRST, i + 1 < 256 + t->n_merges ? "," : "");
    return ok && hg_buffer_push_text(out, "    },\n");
}

static bool push_merges(const hg_bpe_trainer *t, hg_buffer *out)
{
    bool ok = hg_buffer_push_text(out, "    \"merges\": [\n");
    for (size_t i = 0; i < t->n_merges && ok; i++)
        ok = hg_buffer_push_text(out, "      \"") && push_spelled(t, t->merges[i].left, out) &&
             hg_buffer_push_text(out, " ") && push_spelled(t, t->merges[i].right, out) &&
             hg_buffer_push_format(out, "\"%s\n", i + 1 < t->n_merges ? "," : "");
    return ok && hg_buffer_push_text(out, "    ]\n  }\n}\n");
}

bool hg_bpe_trainer_format(const hg_bpe_trainer *t, hg_buffer *out)
{
    return hg_buffer_push_text(
               out, "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n") &&
           push_added(t, out) &&
           hg_buffer_push_text(
               out,
               "  \"normalizer\": null,\n"
               "  \"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false, "
               "\"trim_offsets\": true, "
               "\"use_regex\": true},\n"
               "  \"post_processor\": {\"type\": \"TemplateProcessing\",\n"
               "    \"single\": [{\"SpecialToken\": {\"id\": \"<s>\", \"type_id\": 0}}, {\"Sequence\": "
               "{\"id\": "
               "\"A\", \"type_id\": 0}}],\n"
               "    \"pair\": [{\"SpecialToken\": {\"id\": \"<s>\", \"type_id\": 0}}, {\"Sequence\": "
               "{\"id\": \"A\", "
               "\"type_id\": 0}}, {\"Sequence\": {\"id\": \"B\", \"type_id\": 1}}],\n"
               "    \"special_tokens\": {\"<s>\": {\"id\": \"<s>\", \"ids\": [1], \"tokens\": [\"<s>\"]}}},\n"
               "  \"decoder\": {\"type\": \"ByteLevel\", \"add_prefix_space\": true, \"trim_offsets\": true, "
               "\"use_regex\": true},\n"
               "  \"model\": {\"type\": \"BPE\", \"dropout\": null, \"unk_token\": null, "
               "\"continuing_subword_prefix\": null,\n    \"end_of_word_suffix\": null, \"fuse_unk\": false, "
               "\"byte_fallback\": false, \"ignore_merges\": false,\n") &&
           push_vocabulary(t, out) && push_merges(t, out);
}
