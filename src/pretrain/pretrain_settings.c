/* SPDX-License-Identifier: Apache-2.0
 *
 * pretrain_settings.c: one table: a key, what it may be, which stages have it and with which default.
 */
#include "pretrain/pretrain_settings.h"

#include "base/memory.h"
#include "train/settings_file.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const stage_names[HG_PRETRAIN_STAGE_COUNT] = {"tokenizer", "pretrain-vq", "pretrain-vit",
                                                                 "pretrain-lm"};

const char *hg_pretrain_stage_name(hg_pretrain_stage stage)
{
    return (int)stage >= 0 && (int)stage < HG_PRETRAIN_STAGE_COUNT ? stage_names[stage] : "unknown";
}

bool hg_pretrain_stage_find(const char *name, hg_pretrain_stage *out)
{
    for (int i = 0; i < HG_PRETRAIN_STAGE_COUNT; i++) {
        if (strcmp(name, stage_names[i]) == 0) {
            *out = (hg_pretrain_stage)i;
            return true;
        }
    }
    return false;
}

typedef enum key_kind { KEY_TEXT, KEY_INT, KEY_REAL, KEY_WORD } key_kind;

/* A stage without the key. */
#define NONE NAN

typedef struct pretrain_key {
    const char *name;
    key_kind kind;
    size_t offset;
    double minimum, maximum; /* of a number; the bytes of a text */
    const char *words;       /* KEY_WORD: "a|b", the value is the index; KEY_TEXT: default */
    bool run_only;           /* changes how a run goes, not what it computes */
    double by_default[HG_PRETRAIN_STAGE_COUNT]; /* of a text: 0 where the stage has it */
} pretrain_key;

#define AT(member) offsetof(struct hg_pretrain_settings, member)

/* The last four columns: tokenizer, pretrain-vq, pretrain-vit, pretrain-lm. */
static const pretrain_key keys[] = {
    {"data", KEY_TEXT, AT(data), 0, HG_PATH_BYTES, "", true, {0, 0, 0, 0}},
    {"images", KEY_TEXT, AT(images), 0, HG_PATH_BYTES, "", true, {0, 0, 0, 0}},
    {"out", KEY_TEXT, AT(out), 0, HG_PATH_BYTES, "", true, {0, 0, 0, 0}},
    {"facts", KEY_TEXT, AT(facts), 0, HG_PATH_BYTES, "", true, {NONE, NONE, 0, NONE}},
    {"validation", KEY_TEXT, AT(validation), 0, HG_PATH_BYTES, "", true, {NONE, 0, 0, 0}},
    {"tokenizer", KEY_TEXT, AT(tokenizer), 0, HG_PATH_BYTES, "", true, {NONE, NONE, NONE, 0}},
    {"system", KEY_TEXT, AT(system), 0, HG_PRETRAIN_SYSTEM_BYTES, "", false, {NONE, NONE, NONE, 0}},
    {"cpu", KEY_TEXT, AT(cpu), 0, 16, "", true, {NONE, 0, 0, 0}},
    {"threads", KEY_INT, AT(threads), 0, 1024, NULL, true, {NONE, 0, 0, 0}},
    {"resume", KEY_WORD, AT(resume), 0, 0, "no|yes", true, {NONE, 0, 0, 0}},
    {"finish", KEY_WORD, AT(finish), 0, 0, "no|yes", true, {NONE, 0, 0, 0}},
    {"save-every", KEY_INT, AT(save_every), 1, 1e12, NULL, true, {NONE, 200, 200, 200}},
    {"seed", KEY_INT, AT(seed), 0, 9e15, NULL, false, {NONE, 0, 0, 0}},
    {"steps", KEY_INT, AT(steps), 0, 1e12, NULL, false, {NONE, 0, 0, 0}},
    {"epochs", KEY_REAL, AT(epochs), 1e-6, 1e6, NULL, false, {NONE, 10, 10, 10}},
    {"batch", KEY_INT, AT(batch), 1, 65536, NULL, false, {NONE, 16, 64, 16}},
    {"shards", KEY_INT, AT(shards), 1, 1024, NULL, false, {NONE, 4, 4, 4}},
    {"lr", KEY_REAL, AT(lr), 0, 100, NULL, false, {NONE, 1e-3, 1e-3, 2e-3}},
    {"weight-decay", KEY_REAL, AT(weight_decay), 0, 100, NULL, false, {NONE, 0, 0.05, 0.1}},
    {"beta1", KEY_REAL, AT(beta1), 0, 0.999999, NULL, false, {NONE, 0.9, 0.9, 0.9}},
    {"beta2", KEY_REAL, AT(beta2), 0, 0.999999, NULL, false, {NONE, 0.99, 0.98, 0.95}},
    {"epsilon", KEY_REAL, AT(epsilon), 1e-30, 1, NULL, false, {NONE, 1e-8, 1e-8, 1e-8}},
    {"clip", KEY_REAL, AT(clip), 0, 1e12, NULL, false, {NONE, 1, 1, 1}},
    {"warmup", KEY_REAL, AT(warmup), 0, 1, NULL, false, {NONE, 0.03, 0.05, 0.03}},
    {"schedule", KEY_WORD, AT(schedule), 0, 0, "constant|linear|cosine", false, {NONE, 2, 2, 2}},
    {"type", KEY_WORD, AT(type), 0, 0, "f32|f16|bf16", false, {NONE, 0, 0, 0}},
    {"holdout", KEY_INT, AT(holdout), 0, 1e6, NULL, false, {NONE, 32, 64, 32}},
    {"flip", KEY_WORD, AT(flip), 0, 0, "no|yes", false, {NONE, 1, NONE, NONE}},
    {"size", KEY_INT, AT(size), 8, 4096, NULL, false, {NONE, 128, 128, NONE}},
    {"channels", KEY_INT, AT(channels), 1, 1024, NULL, false, {NONE, 16, NONE, NONE}},
    {"multipliers",
     KEY_TEXT,
     AT(multipliers),
     0,
     HG_PRETRAIN_LIST_BYTES,
     "1,2,4,8",
     false,
     {NONE, 0, NONE, NONE}},
    {"attention", KEY_TEXT, AT(attention), 0, HG_PRETRAIN_LIST_BYTES, "", false, {NONE, 0, NONE, NONE}},
    {"blocks", KEY_INT, AT(blocks), 1, 16, NULL, false, {NONE, 2, NONE, NONE}},
    {"groups", KEY_INT, AT(groups), 1, 1024, NULL, false, {NONE, 8, NONE, NONE}},
    {"codes", KEY_INT, AT(codes), 2, 65536, NULL, false, {NONE, 1024, NONE, NONE}},
    {"code-dim", KEY_INT, AT(code_dim), 1, 1024, NULL, false, {NONE, 8, NONE, NONE}},
    {"z-channels", KEY_INT, AT(z_channels), 0, 4096, NULL, false, {NONE, 0, NONE, NONE}},
    {"quantiser", KEY_WORD, AT(quantiser), 0, 0, "cosine|gumbel", false, {NONE, 0, NONE, NONE}},
    {"precision", KEY_WORD, AT(precision), 0, 0, "f32|bf16", false, {NONE, 1, NONE, NONE}},
    {"l1", KEY_REAL, AT(l1), 0, 1e6, NULL, false, {NONE, 1, NONE, NONE}},
    {"l2", KEY_REAL, AT(l2), 0, 1e6, NULL, false, {NONE, 1, NONE, NONE}},
    {"edge", KEY_REAL, AT(edge), 0, 1e6, NULL, false, {NONE, 0.5, NONE, NONE}},
    {"commitment", KEY_REAL, AT(commitment), 0, 1e6, NULL, false, {NONE, 0.25, NONE, NONE}},
    {"codebook", KEY_REAL, AT(codebook), 0, 1e6, NULL, false, {NONE, 1, NONE, NONE}},
    {"restart-every", KEY_INT, AT(restart_every), 0, 1e9, NULL, false, {NONE, 20, NONE, NONE}},
    {"restart-until", KEY_REAL, AT(restart_until), 0, 1, NULL, false, {NONE, 0.4, NONE, NONE}},
    {"kl", KEY_REAL, AT(kl), 0, 1e6, NULL, false, {NONE, 5e-4, NONE, NONE}},
    {"temperature", KEY_REAL, AT(temperature), 1e-3, 100, NULL, false, {NONE, 0.1, NONE, NONE}},
    {"layers", KEY_INT, AT(layers), 1, 1024, NULL, false, {NONE, NONE, 6, 6}},
    {"hidden", KEY_INT, AT(hidden), 8, 65536, NULL, false, {NONE, NONE, 192, 256}},
    {"heads", KEY_INT, AT(heads), 1, 1024, NULL, false, {NONE, NONE, 6, 8}},
    {"kv-heads", KEY_INT, AT(kv_heads), 0, 1024, NULL, false, {NONE, NONE, NONE, 0}},
    {"ffn", KEY_INT, AT(ffn), 0, 262144, NULL, false, {NONE, NONE, 0, 0}},
    {"patch", KEY_INT, AT(patch), 1, 1024, NULL, false, {NONE, NONE, 8, NONE}},
    {"noise", KEY_REAL, AT(noise), 0, 1, NULL, false, {NONE, NONE, 0.1, NONE}},
    {"shift", KEY_REAL, AT(shift), 0, 1, NULL, false, {NONE, NONE, 0.05, NONE}},
    {"balance", KEY_REAL, AT(balance), 0, 1, NULL, false, {NONE, NONE, 0.5, NONE}},
    {"length", KEY_INT, AT(length), 2, 1 << 20, NULL, false, {NONE, NONE, NONE, 256}},
    {"positions", KEY_INT, AT(positions), 16, 1 << 24, NULL, false, {NONE, NONE, NONE, 4096}},
    {"rope-theta", KEY_REAL, AT(rope_theta), 1, 1e9, NULL, false, {NONE, NONE, NONE, 10000}},
    {"vocabulary", KEY_INT, AT(vocabulary), 270, 1 << 20, NULL, false, {2048, NONE, NONE, NONE}},
};

#define N_KEYS (sizeof keys / sizeof *keys)

static const pretrain_key *find_key(hg_pretrain_stage stage, const char *name)
{
    for (size_t i = 0; i < N_KEYS; i++) {
        if (strcmp(keys[i].name, name) == 0 && !isnan(keys[i].by_default[stage]))
            return &keys[i];
    }
    return NULL;
}

hg_status hg_pretrain_settings_create(hg_pretrain_settings **out, hg_pretrain_stage stage, hg_error *err)
{
    hg_pretrain_settings *s = hg_mem_array(1, sizeof *s);
    *out = s;
    if (s == NULL)
        return hg_error_memory(err, sizeof *s, "the settings of training");
    s->stage = stage;
    for (size_t i = 0; i < N_KEYS; i++) {
        char *at = (char *)s + keys[i].offset;
        double value = keys[i].by_default[stage];
        if (isnan(value))
            continue;
        if (keys[i].kind == KEY_TEXT)
            memcpy(at, keys[i].words, strlen(keys[i].words) + 1);
        else if (keys[i].kind == KEY_REAL)
            *(double *)(void *)at = value;
        else
            *(int64_t *)(void *)at = (int64_t)value;
    }
    return HG_STATUS_OK;
}

void hg_pretrain_settings_destroy(hg_pretrain_settings *settings)
{
    hg_mem_free(settings);
}

/* ---- one value ---- */

static hg_status set_text(const pretrain_key *key, const char *value, char *at, hg_error *err)
{
    if ((double)strlen(value) >= key->maximum)
        return hg_error_set(err, HG_STATUS_USAGE, "%s is longer than %g bytes", key->name, key->maximum - 1);
    memcpy(at, value, strlen(value) + 1);
    return HG_STATUS_OK;
}

static hg_status set_word(const pretrain_key *key, const char *value, int64_t *at, hg_error *err)
{
    int64_t index = 0;
    for (const char *word = key->words; word != NULL; index++) {
        size_t n = strcspn(word, "|");
        if (strlen(value) == n && strncmp(word, value, n) == 0) {
            *at = index;
            return HG_STATUS_OK;
        }
        word = word[n] == '|' ? word + n + 1 : NULL;
    }
    return hg_error_set(err, HG_STATUS_USAGE, "%s is '%.60s', expected one of %s", key->name, value,
                        key->words);
}

static hg_status set_number(const pretrain_key *key, const char *value, void *at, hg_error *err)
{
    char *end;
    double number = strtod(value, &end);
    bool whole = key->kind == KEY_INT;
    if (end == value || *end != 0 || (whole && floor(number) != number) ||
        !(number >= key->minimum && number <= key->maximum))
        return hg_error_set(err, HG_STATUS_USAGE, "%s is '%.60s', expected a %snumber of %g to %g", key->name,
                            value, whole ? "whole " : "", key->minimum, key->maximum);
    if (whole)
        *(int64_t *)at = (int64_t)number;
    else
        *(double *)at = number;
    return HG_STATUS_OK;
}

hg_status hg_pretrain_settings_set(hg_pretrain_settings *settings, const char *key, const char *value,
                                   hg_error *err)
{
    const pretrain_key *found = find_key(settings->stage, key);
    if (found == NULL)
        return hg_error_set(err, HG_STATUS_USAGE, "no setting '%.60s' of %s", key,
                            hg_pretrain_stage_name(settings->stage));
    char *at = (char *)settings + found->offset;
    if (found->kind == KEY_TEXT)
        return set_text(found, value, at, err);
    if (found->kind == KEY_WORD)
        return set_word(found, value, (int64_t *)(void *)at, err);
    return set_number(found, value, at, err);
}

/* ---- a file ---- */

typedef struct file_reader {
    hg_pretrain_settings *settings;
    bool active; /* whether the section is for this stage; other sections are other programs' parts */
} file_reader;

static hg_status on_section(void *user, const char *name, hg_error *err)
{
    (void)err;
    file_reader *r = user;
    r->active = strcmp(name, hg_pretrain_stage_name(r->settings->stage)) == 0;
    return HG_STATUS_OK;
}

static hg_status on_value(void *user, const char *key, const char *value, hg_error *err)
{
    const file_reader *r = user;
    return r->active ? hg_pretrain_settings_set(r->settings, key, value, err) : HG_STATUS_OK;
}

hg_status hg_pretrain_settings_read(hg_pretrain_settings *settings, const char *path, hg_error *err)
{
    file_reader r = {settings, false};
    return hg_settings_file_read(path, &(hg_settings_listener){on_section, on_value, &r}, err);
}

/* ---- reading them ---- */

hg_status hg_pretrain_settings_check(const hg_pretrain_settings *s, hg_error *err)
{
    const char *missing = s->data[0] == 0                                            ? "data"
                          : s->out[0] == 0                                           ? "out"
                          : s->stage == HG_PRETRAIN_STAGE_LM && s->tokenizer[0] == 0 ? "tokenizer"
                                                                                     : NULL;
    if (missing != NULL)
        return hg_error_set(err, HG_STATUS_USAGE, "%s: '%s' is not set", hg_pretrain_stage_name(s->stage),
                            missing);
    if (s->stage != HG_PRETRAIN_STAGE_TOKENIZER && s->shards > s->batch)
        return hg_error_set(err, HG_STATUS_USAGE, "a batch of %lld cannot be cut into %lld shards",
                            (long long)s->batch, (long long)s->shards);
    return HG_STATUS_OK;
}

void hg_pretrain_settings_format(const hg_pretrain_settings *s, char *out, size_t bytes)
{
    size_t n = 0;
    out[0] = 0;
    for (size_t i = 0; i < N_KEYS && n < bytes; i++) {
        const char *at = (const char *)s + keys[i].offset;
        if (keys[i].run_only || isnan(keys[i].by_default[s->stage]))
            continue;
        int added = 0;
        if (keys[i].kind == KEY_TEXT)
            added = snprintf(out + n, bytes - n, ", %s %s", keys[i].name, at);
        else if (keys[i].kind == KEY_REAL)
            added =
                snprintf(out + n, bytes - n, ", %s %.9g", keys[i].name, *(const double *)(const void *)at);
        else
            added = snprintf(out + n, bytes - n, ", %s %lld", keys[i].name,
                             (long long)*(const int64_t *)(const void *)at);
        n += (size_t)added;
    }
}

int hg_pretrain_list(const char *text, int64_t *out, int max)
{
    int n = 0;
    while (*text != 0) {
        char *end;
        long value = strtol(text, &end, 10);
        if (end == text || (*end != ',' && *end != 0) || value < 1 || value > 65536 || n == max)
            return -1;
        out[n++] = value;
        text = *end == ',' ? end + 1 : end;
    }
    return n;
}
