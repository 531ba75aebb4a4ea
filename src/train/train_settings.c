/* SPDX-License-Identifier: Apache-2.0
 *
 * train_settings.c: one table of keys, one of defaults. The defaults are the paper's (table 7) where it gives
 * them, and LLaVA's (warm-up 3 %, cosine, clipping at 1) where it does not.
 */
#include "train/train_settings.h"

#include "base/memory.h"
#include "tensor/dtype.h"
#include "train/sample_pack.h"
#include "train/settings_file.h"
#include "train/stage.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* ---- keys ---- */

typedef enum key_kind {
    KEY_TEXT,
    KEY_INT,
    KEY_REAL,
    KEY_BOOL,
    KEY_SCHEDULE,
    KEY_FORM,
    KEY_TYPE,
    KEY_ADAPTER,
    KEY_COMPUTE
} key_kind;

typedef struct setting_key {
    const char *name;
    key_kind kind;
    size_t offset;
    double minimum, maximum; /* of a number; the bytes of a text */
    bool run_only;           /* paths, and what changes how a run goes, not what it computes */
} setting_key;

#define AT(member) offsetof(hg_train_settings, member)

static const setting_key keys[] = {
    {"model", KEY_TEXT, AT(model), 0, HG_PATH_BYTES, true},
    {"data", KEY_TEXT, AT(data), 0, HG_PATH_BYTES, true},
    {"out", KEY_TEXT, AT(out), 0, HG_PATH_BYTES, true},
    {"validation", KEY_TEXT, AT(validation), 0, HG_PATH_BYTES, true},
    {"images", KEY_TEXT, AT(images), 0, HG_PATH_BYTES, true},
    {"cache", KEY_TEXT, AT(cache), 0, HG_PATH_BYTES, true},
    {"com", KEY_TEXT, AT(com), 0, HG_PATH_BYTES, true},
    {"gen", KEY_TEXT, AT(gen), 0, HG_PATH_BYTES, true},
    {"fusion", KEY_TEXT, AT(fusion), 0, HG_PATH_BYTES, true},
    {"cpu", KEY_TEXT, AT(cpu), 0, 16, true},
    {"threads", KEY_INT, AT(threads), 0, 1024, true},
    {"memory", KEY_REAL, AT(memory), 0, 1e6, true},
    {"epochs", KEY_REAL, AT(epochs), 1e-6, 1e6, false},
    {"steps", KEY_INT, AT(steps), 1, 1e12, false},
    {"batch", KEY_INT, AT(batch), 1, 1e6, false},
    {"lr", KEY_REAL, AT(lr), 0, 100, false},
    {"projector-lr", KEY_REAL, AT(projector_lr), 0, 100, false},
    {"weight-decay", KEY_REAL, AT(weight_decay), 0, 100, false},
    {"beta1", KEY_REAL, AT(beta1), 0, 0.999999, false},
    {"beta2", KEY_REAL, AT(beta2), 0, 0.999999, false},
    {"epsilon", KEY_REAL, AT(epsilon), 1e-30, 1, false},
    {"dropout", KEY_REAL, AT(dropout), 0, 0.99, false},
    {"clip", KEY_REAL, AT(clip), 0, 1e12, false},
    {"spike", KEY_REAL, AT(spike), 0, 1e12, false},
    {"schedule", KEY_SCHEDULE, AT(schedule), 0, 0, false},
    {"warmup", KEY_REAL, AT(warmup), 0, 1, false},
    {"form", KEY_FORM, AT(form), 0, 0, false},
    {"max-length", KEY_INT, AT(max_length), 16, 1 << 20, false},
    {"compute", KEY_COMPUTE, AT(compute), 0, 0, false},
    {"adapter", KEY_ADAPTER, AT(adapter), 0, 0, false},
    {"rank", KEY_INT, AT(rank), 1, 65536, false},
    {"experts", KEY_INT, AT(experts), 1, 1024, false},
    {"alpha", KEY_REAL, AT(alpha), 0, 1e6, false},
    {"seed", KEY_INT, AT(seed), 0, 9e15, false},
    {"patience", KEY_INT, AT(patience), 0, 1e9, false},
    {"save-every", KEY_INT, AT(save_every), 1, 1e12, true},
    {"shuffle", KEY_BOOL, AT(shuffle), 0, 0, false},
    {"group-by-length", KEY_BOOL, AT(group), 0, 0, false},
    {"per-picture", KEY_INT, AT(per_picture), 1, HG_PACK_SAMPLES, false},
    {"cut", KEY_BOOL, AT(cut), 0, 0, false},
    {"resume", KEY_BOOL, AT(resume), 0, 0, true},
    {"finish", KEY_BOOL, AT(finish), 0, 0, true},
    {"strict", KEY_BOOL, AT(strict), 0, 0, true},
    {"vocabulary", KEY_BOOL, AT(vocabulary), 0, 0, false},
    {"type", KEY_TYPE, AT(type), 0, 0, false},
};

static const setting_key *find_key(const char *name)
{
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
    }
    return NULL;
}

/* A number in the key's range. */
static hg_status parse_number(const setting_key *key, const char *value, double *out, hg_error *err)
{
    char *end;
    *out = strtod(value, &end);
    bool whole = key->kind != KEY_INT || floor(*out) == *out;
    if (end != value && *end == 0 && whole && *out >= key->minimum && *out <= key->maximum)
        return HG_STATUS_OK;
    return hg_error_set(err, HG_STATUS_USAGE, "%s is '%.60s', expected a %snumber of %g to %g", key->name,
                        value, key->kind == KEY_INT ? "whole " : "", key->minimum, key->maximum);
}

/* The words of a key that has some: their number is the value (for types, that of types[]). */
static const char *const bool_words[] = {"no", "yes", NULL};
static const char *const form_words[] = {"plain", "instruct", NULL};
static const char *const schedule_words[] = {"constant", "linear", "cosine", NULL};
static const char *const adapter_words[] = {"hlora", "lora", "moelora", NULL};    /* as hg_adapter_kind */
static const char *const compute_words[] = {"auto", "f32", "bf16", "int8", NULL}; /* as hg_train_compute */
static const char *const type_words[] = {"f32", "f16", "bf16", NULL};
static const hg_dtype types[] = {HG_DTYPE_F32, HG_DTYPE_F16, HG_DTYPE_BF16};

static const char *const *words_of(key_kind kind)
{
    switch (kind) {
    case KEY_BOOL:
        return bool_words;
    case KEY_FORM:
        return form_words;
    case KEY_SCHEDULE:
        return schedule_words;
    case KEY_ADAPTER:
        return adapter_words;
    case KEY_COMPUTE:
        return compute_words;
    case KEY_TYPE:
        return type_words;
    default:
        return NULL;
    }
}

/* The index of a word in a list. */
static hg_status parse_word(const setting_key *key, const char *value, int64_t *out, hg_error *err)
{
    const char *const *words = words_of(key->kind);
    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(value, words[i]) == 0) {
            *out = key->kind == KEY_TYPE ? (int64_t)types[i] : i;
            return HG_STATUS_OK;
        }
    }
    return hg_error_set(err, HG_STATUS_USAGE, "%s is '%.60s', expected %s, %s%s%s", key->name, value,
                        words[0], words[1], words[2] != NULL ? " or " : "", words[2] != NULL ? words[2] : "");
}

static hg_status set_value(hg_train_settings *s, const setting_key *key, const char *value, hg_error *err)
{
    char *at = (char *)s + key->offset;
    double number = 0;
    hg_status status;
    switch (key->kind) {
    case KEY_TEXT:
        if ((double)strlen(value) >= key->maximum)
            return hg_error_set(err, HG_STATUS_USAGE, "%s is longer than %g bytes", key->name, key->maximum);
        memcpy(at, value, strlen(value) + 1);
        return HG_STATUS_OK;
    case KEY_INT:
        status = parse_number(key, value, &number, err);
        if (status == HG_STATUS_OK)
            *(int64_t *)(void *)at = (int64_t)number;
        return status;
    case KEY_REAL:
        status = parse_number(key, value, &number, err);
        if (status == HG_STATUS_OK)
            *(double *)(void *)at = number;
        return status;
    default:
        return parse_word(key, value, (int64_t *)(void *)at, err);
    }
}

hg_status hg_train_settings_set(hg_train_settings *settings, const char *key, const char *value,
                                hg_error *err)
{
    const setting_key *found = find_key(key);
    if (found == NULL)
        return hg_error_set(err, HG_STATUS_USAGE, "no setting '%.60s' of training", key);
    return set_value(settings, found, value, err);
}

hg_status hg_train_settings_create(hg_train_settings **out, hg_train_stage stage, hg_error *err)
{
    hg_train_settings *s = hg_mem_array(1, sizeof *s);
    *out = s;
    if (s == NULL)
        return hg_error_memory(err, sizeof *s, "the settings of training");
    s->stage = stage;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char *at = (char *)s + keys[i].offset;
        if (keys[i].kind == KEY_REAL)
            *(double *)(void *)at = HG_TRAIN_UNSET;
        else if (keys[i].kind != KEY_TEXT)
            *(int64_t *)(void *)at = HG_TRAIN_UNSET;
    }
    return HG_STATUS_OK;
}

void hg_train_settings_destroy(hg_train_settings *settings)
{
    hg_mem_free(settings);
}

/* ---- as text ---- */

static bool format_value(const setting_key *key, const char *at, hg_buffer *out)
{
    int64_t whole = *(const int64_t *)(const void *)at;
    const char *const *words = words_of(key->kind);
    if (key->kind == KEY_REAL) {
        double real = *(const double *)(const void *)at;
        return real < 0 ? hg_buffer_push_text(out, "(default)") : hg_buffer_push_format(out, "%.9g", real);
    }
    if (whole == HG_TRAIN_UNSET)
        return hg_buffer_push_text(out, "(default)");
    for (int64_t i = 0; words != NULL && words[i] != NULL; i++) {
        if (whole == (key->kind == KEY_TYPE ? (int64_t)types[i] : i))
            return hg_buffer_push_text(out, words[i]);
    }
    return hg_buffer_push_format(out, "%lld", (long long)whole);
}

bool hg_train_settings_format(const hg_train_settings *s, hg_buffer *out)
{
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (keys[i].run_only)
            continue;
        if (!hg_buffer_push_format(out, "%s = ", keys[i].name) ||
            !format_value(&keys[i], (const char *)s + keys[i].offset, out) || !hg_buffer_push_text(out, "\n"))
            return false;
    }
    return true;
}

/* ---- a file ---- */

typedef struct file_reader {
    hg_train_settings *settings;
    bool active;  /* whether the current section is for this stage */
    bool foreign; /* whether it is for a stage that makes a part from nothing, which has keys of its own */
} file_reader;

static bool is_pretrain_section(const char *name)
{
    return strncmp(name, "pretrain-", strlen("pretrain-")) == 0 || strcmp(name, "tokenizer") == 0;
}

static hg_status on_section(void *user, const char *name, hg_error *err)
{
    file_reader *r = user;
    hg_train_stage stage = HG_TRAIN_STAGE_COUNT;
    bool all = strcmp(name, "all") == 0;
    r->foreign = is_pretrain_section(name);
    if (!all && !r->foreign && !hg_train_stage_find(name, &stage))
        return hg_error_set(err, HG_STATUS_INPUT, "no stage '%.40s'", name);
    r->active = all || stage == r->settings->stage;
    return HG_STATUS_OK;
}

/* Keys are checked in the sections of other stages, too. */
static hg_status on_value(void *user, const char *key, const char *value, hg_error *err)
{
    const file_reader *r = user;
    if (r->foreign)
        return HG_STATUS_OK;
    if (find_key(key) == NULL)
        return hg_error_set(err, HG_STATUS_INPUT, "no setting '%.60s' of training", key);
    return r->active ? hg_train_settings_set(r->settings, key, value, err) : HG_STATUS_OK;
}

hg_status hg_train_settings_read(hg_train_settings *settings, const char *path, hg_error *err)
{
    file_reader r = {.settings = settings, .active = true};
    return hg_settings_file_read(path, &(hg_settings_listener){on_section, on_value, &r}, err);
}

/* ---- defaults ---- */

typedef struct stage_defaults {
    double projector_lr, lr, large_lr; /* large: base models of 14 billion weights and more */
    int64_t batch;
    double dropout;
    hg_schedule_kind schedule;
    double warmup;
    hg_train_form form;
} stage_defaults;

static const stage_defaults defaults[HG_TRAIN_STAGE_COUNT] = {
    [HG_TRAIN_STAGE_1_COM] = {1e-3, 1e-3, 1e-3, 256, 0, HG_SCHEDULE_COSINE, 0.03, HG_TRAIN_FORM_PLAIN},
    [HG_TRAIN_STAGE_1_GEN] = {2e-5, 2e-4, 1e-4, 64, 0.05, HG_SCHEDULE_COSINE, 0.03, HG_TRAIN_FORM_INSTRUCT},
    [HG_TRAIN_STAGE_2_FUSION] = {2e-5, 2e-4, 2e-4, 32, 0.05, HG_SCHEDULE_CONSTANT, 0, HG_TRAIN_FORM_INSTRUCT},
    [HG_TRAIN_STAGE_3_COM] = {2e-5, 2e-4, 2e-4, 128, 0.05, HG_SCHEDULE_COSINE, 0.03, HG_TRAIN_FORM_INSTRUCT},
    [HG_TRAIN_STAGE_3_GEN] = {2e-5, 2e-4, 2e-4, 64, 0.05, HG_SCHEDULE_COSINE, 0.03, HG_TRAIN_FORM_INSTRUCT},
    [HG_TRAIN_STAGE_MIXED] = {2e-5, 2e-4, 2e-4, 128, 0.05, HG_SCHEDULE_COSINE, 0.03, HG_TRAIN_FORM_INSTRUCT},
};

static void default_int(int64_t *value, int64_t by_default)
{
    if (*value == HG_TRAIN_UNSET)
        *value = by_default;
}

static void default_real(double *value, double by_default)
{
    if (*value < 0)
        *value = by_default;
}

/* Rank over all experts: the releases' of the base model. */
static int64_t default_rank(hg_train_stage stage, hg_chat_kind chat)
{
    bool generates = hg_stage_get(stage)->draws && stage != HG_TRAIN_STAGE_2_FUSION;
    return chat == HG_CHAT_KIND_PHI3 ? (generates ? 256 : 64) : (generates ? 128 : 32);
}

hg_status hg_train_settings_complete(hg_train_settings *s, hg_chat_kind chat, hg_error *err)
{
    const stage_defaults *d = &defaults[s->stage];
    default_int(&s->threads, 0);
    default_real(&s->epochs, 1);
    default_int(&s->steps, 0);
    default_int(&s->batch, d->batch);
    default_real(&s->projector_lr, d->projector_lr);
    default_real(&s->lr, chat == HG_CHAT_KIND_PHI3 ? d->lr : d->large_lr);
    default_real(&s->weight_decay, 0);
    default_real(&s->beta1, 0.9);
    default_real(&s->beta2, 0.999);
    default_real(&s->epsilon, 1e-8);
    default_real(&s->dropout, d->dropout);
    default_real(&s->clip, 1);
    default_real(&s->spike, 0);
    default_int(&s->schedule, d->schedule);
    default_real(&s->warmup, d->warmup);
    default_int(&s->form, d->form);
    default_int(&s->max_length, 2048);
    default_int(&s->compute, HG_TRAIN_COMPUTE_AUTO);
    default_int(&s->rank, default_rank(s->stage, chat));
    default_int(&s->experts, 4);
    default_real(&s->alpha, 0);
    default_int(&s->seed, 0);
    default_int(&s->patience, 0);
    default_int(&s->save_every, 500);
    default_int(&s->shuffle, 1);
    default_int(&s->group, 0);
    default_int(&s->per_picture, 1);
    default_int(&s->cut, 1);
    default_int(&s->resume, 0);
    default_int(&s->finish, 0);
    default_int(&s->strict, 0);
    default_int(&s->vocabulary, 0);
    default_int(&s->type, HG_DTYPE_F16);
    if (s->stage == HG_TRAIN_STAGE_1_COM) /* nothing but the projector learns */
        s->lr = s->projector_lr;
    if (s->group && s->per_picture > 1)
        return hg_error_set(err, HG_STATUS_USAGE,
                            "per-picture and group-by-length are two orders of the samples: choose one");
    if (s->rank % s->experts != 0)
        return hg_error_set(err, HG_STATUS_USAGE, "rank %lld cannot be shared by %lld experts",
                            (long long)s->rank, (long long)s->experts);
    return HG_STATUS_OK;
}
