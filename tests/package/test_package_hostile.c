/* SPDX-License-Identifier: Apache-2.0
 *
 * test_package_hostile.c: small changes of a good package, each of which must be refused, or be harmless:
 * of what opens all the same, every third is asked a question and encodes a picture. No change may make the
 * program ask for much memory.
 */
#include "gguf_edit.h"
#include "package_fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define MEMORY_LIMIT ((size_t)1 << 30)

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define HAS_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(HAS_ASAN)
#define HAS_ASAN 1
#endif

/* AddressSanitizer needs terabytes of address space, but has a limit of its own. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "max_allocation_size_mb=1024:allocator_may_return_null=1";
}

static void limit_memory(void)
{
#if !defined(HAS_ASAN) && !defined(HAS_TSAN)
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu", &pages), 1);
    fclose(file);
    const rlim_t bytes = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + MEMORY_LIMIT;
    assert_int_equal(setrlimit(RLIMIT_AS, &(struct rlimit){bytes, bytes}), 0);
#endif
}

/* A package of both tasks, in memory, and a file for its damaged forms. */
static struct {
    package_path good, bad;
    hg_buffer file;
    gguf_map map;
    hg_image *image;
    unsigned n_opened;
} hostile;

static int setup(void **state)
{
    if (package_folder_setup(state) != 0)
        return -1;
    hostile.good = package_make("l14", "keep", "good.gguf");
    hostile.bad = package_path_of("bad.gguf");
    hostile.file = package_read(&hostile.good);
    gguf_map_read(&hostile.map, &hostile.file);
    assert_int_equal(hg_image_open(&hostile.image, HG_TEST_DATA "/tiny/image.png", NULL), HG_STATUS_OK);
    limit_memory();
    return 0;
}

static int teardown(void **state)
{
    hg_image_close(hostile.image);
    hg_buffer_deinit(&hostile.file);
    return package_folder_teardown(state);
}

static void use_session(hg_session *session)
{
    hg_error err = {HG_STATUS_OK, ""};
    const hg_ask_request ask = {.images = (const hg_image *const *)&hostile.image,
                                .n_images = 1,
                                .question = "What?",
                                .sampling = {.top_p = 1},
                                .max_tokens = 2};
    hg_ask_result answer;
    if (hg_session_ask(session, &ask, &answer, &err) == HG_STATUS_OK)
        hg_ask_result_free(&answer);
    int32_t *codes = NULL;
    size_t n = 0;
    if (hg_vq_encode(session, hostile.image, &codes, &n, &err) == HG_STATUS_OK)
        hg_codes_free(codes);
}

/* Any end is good that is an end. */
static void use_model(hg_model *model)
{
    hg_session *session = NULL;
    hg_error err = {HG_STATUS_OK, ""};
    if (hg_session_create(&session, model, &err) != HG_STATUS_OK)
        return;
    use_session(session);
    hg_session_destroy(session);
}

/* Opens the bytes as a package; what opens is used. */
static hg_status open_bytes(const hg_buffer *bytes, hg_error *err)
{
    hg_model *model = NULL;
    const hg_model_options options = {.n_threads = 1};
    package_write(&hostile.bad, bytes->data, bytes->size);
    *err = (hg_error){HG_STATUS_OK, ""};
    hg_status status = hg_model_open(&model, hostile.bad.text, &options, err);
    assert_true((status == HG_STATUS_OK) == (model != NULL));
    if (model != NULL) {
        if (hostile.n_opened++ % 3 == 0) /* slow */
            use_model(model);
        hg_model_close(model);
    } else {
        assert_true(err->text[0] != 0);
        assert_int_equal(err->code, status);
    }
    return status;
}

/* Takes the bytes and frees them. */
static void expect_refused(hg_buffer bytes, const char *what, const char *text)
{
    hg_error err;
    hg_status status = open_bytes(&bytes, &err);
    hg_buffer_deinit(&bytes);
    if (status != HG_STATUS_INPUT || strstr(err.text, text) == NULL)
        fail_msg("%s: status %d and '%s', expected '%s'", what, status, err.text, text);
}

static void test_good_package(void **state)
{
    (void)state;
    hg_error err;
    assert_int_equal(open_bytes(&hostile.file, &err), HG_STATUS_OK);
    hg_buffer same = gguf_edit_splice(&hostile.map, 30, 0, NULL, 0);
    assert_int_equal(same.size, hostile.file.size);
    assert_memory_equal(same.data, hostile.file.data, same.size);
    hg_buffer_deinit(&same);
}

/* ---- the header ---- */

static void test_counts(void **state)
{
    (void)state;
    static const uint64_t huge[] = {1ULL << 20, 1ULL << 32, 1ULL << 58, UINT64_MAX / 24, UINT64_MAX / 13,
                                    1ULL << 61, 1ULL << 63, UINT64_MAX, UINT64_MAX - 7};
    for (size_t i = 0; i < sizeof huge / sizeof *huge; i++) {
        expect_refused(gguf_edit_number(&hostile.map, GGUF_EDIT_N_TENSORS_AT, huge[i], 8), "tensors", "");
        expect_refused(gguf_edit_number(&hostile.map, GGUF_EDIT_N_VALUES_AT, huge[i], 8), "values", "");
    }
    const uint64_t n_tensors = hostile.map.n_entries, n_values = hostile.map.n_fields;
    expect_refused(gguf_edit_number(&hostile.map, GGUF_EDIT_N_TENSORS_AT, n_tensors - 1, 8), "one less", "");
    expect_refused(gguf_edit_number(&hostile.map, GGUF_EDIT_N_TENSORS_AT, n_tensors + 1, 8), "one more", "");
    expect_refused(gguf_edit_number(&hostile.map, GGUF_EDIT_N_TENSORS_AT, 0, 8), "none", "");
    expect_refused(gguf_edit_number(&hostile.map, GGUF_EDIT_N_VALUES_AT, n_values - 1, 8), "one less", "");
    expect_refused(gguf_edit_number(&hostile.map, GGUF_EDIT_N_VALUES_AT, n_values + 1, 8), "one more", "");
    expect_refused(gguf_edit_number(&hostile.map, 0, 0x46554748, 4), "magic", "");
    expect_refused(gguf_edit_number(&hostile.map, 4, 1, 4), "version", "version 1");
    expect_refused(gguf_edit_number(&hostile.map, 4, 0x03000000, 4), "big-endian", "version");
}

static void test_lengths(void **state)
{
    (void)state;
    static const uint64_t huge[] = {1ULL << 31, 1ULL << 32, 1ULL << 62,
                                    1ULL << 63, UINT64_MAX, UINT64_MAX - 8};
    const gguf_map *map = &hostile.map;
    for (size_t i = 0; i < sizeof huge / sizeof *huge; i++) {
        for (size_t f = i % 3; f < map->n_fields; f += 3) {
            const gguf_field *field = &map->fields[f];
            expect_refused(gguf_edit_number(map, field->begin, huge[i], 8), field->key, "");
            if (field->type == HG_GGUF_STRING)
                expect_refused(gguf_edit_number(map, field->value_at, huge[i], 8), field->key, "");
            if (field->type == HG_GGUF_ARRAY)
                expect_refused(gguf_edit_number(map, field->value_at + 4, huge[i], 8), field->key, "");
            if (field->type == HG_GGUF_ARRAY && field->element == HG_GGUF_STRING && field->count > 0)
                expect_refused(gguf_edit_number(map, field->value_at + 12, huge[i], 8), field->key, "");
        }
        expect_refused(gguf_edit_number(map, map->entries[0].begin, huge[i], 8), "a tensor's name", "");
    }
}

static void test_alignment(void **state)
{
    (void)state;
    static const uint32_t bad[] = {0, 3, 24, 33, 1U << 21, 1U << 31, UINT32_MAX};
    /* A key of the same length makes room: general.file_type is not read. */
    const gguf_field *field = gguf_map_field(&hostile.map, "general.file_type");
    assert_int_equal(strlen(field->key), strlen("general.alignment"));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        hg_buffer bytes = gguf_edit_number(&hostile.map, field->value_at, bad[i], 4);
        memcpy(bytes.data + field->begin + 8, "general.alignment", strlen(field->key));
        expect_refused(bytes, "alignment", "general.alignment is");
    }
}

static void test_twice(void **state)
{
    (void)state;
    const gguf_map *map = &hostile.map;
    expect_refused(gguf_edit_add_text(map, "general.architecture", "healthgpt"), "a key twice",
                   "'general.architecture' comes twice");
    expect_refused(gguf_edit_add_text(map, "healthgpt.version", "1"), "a key twice", "comes twice");
    /* The second layer's norm gets the first one's name. */
    const gguf_entry *second = gguf_map_entry(map, "blk.1.attn_norm.weight");
    expect_refused(gguf_edit_splice(map, second->begin + 8, strlen(second->name), "blk.0.attn_norm.weight",
                                    strlen(second->name)),
                   "a tensor twice", "two tensors are named 'blk.0.attn_norm.weight'");
}

/* ---- tensors ---- */

/* CLIP's last norm is kept for other programs; nothing here reads it. */
static bool is_unused(const gguf_entry *e)
{
    return strncmp(e->name, "v.post_ln.", 10) == 0;
}

static void test_extents(void **state)
{
    (void)state;
    const gguf_map *map = &hostile.map;
    const uint64_t data_bytes = map->file->size - map->data_at;
    const uint64_t offsets[] = {
        data_bytes, data_bytes + 32, (data_bytes + 4095) / 4096 * 4096, 1ULL << 32, 1ULL << 40, 1ULL << 62,
        1ULL << 63, UINT64_MAX - 31, UINT64_MAX / 32 * 32 - 32,         7,          UINT64_MAX};
    for (size_t t = 0; t < map->n_entries; t++) {
        for (size_t i = t % 5; i < sizeof offsets / sizeof *offsets; i += 5) /* all, over five tensors */
            expect_refused(gguf_edit_number(map, map->entries[t].offset_at, offsets[i], 8),
                           map->entries[t].name, "");
    }
}

static void test_dimensions(void **state)
{
    (void)state;
    static const uint64_t huge[] = {
        0,          1ULL << 31,         1ULL << 32,    1ULL << 60, 1ULL << 61,
        1ULL << 62, (1ULL << 62) + 256, 1ULL << 63,    UINT64_MAX, UINT64_MAX - 31,
        1ULL << 48, UINT64_MAX / 34,    0xAAAAAAAAAAAB};
    const gguf_map *map = &hostile.map;
    for (size_t t = 0; t < map->n_entries; t++) {
        const gguf_entry *e = &map->entries[t];
        if (is_unused(e))
            continue;
        for (size_t i = t % 5; i < sizeof huge / sizeof *huge; i += 5) {
            for (uint32_t d = 0; d < e->n_dims; d++)
                expect_refused(gguf_edit_number(map, e->dims_at + 8 * (size_t)d, huge[i], 8), e->name, "");
        }
        expect_refused(gguf_edit_number(map, e->n_dims_at, UINT32_MAX, 4), e->name, "");
        expect_refused(gguf_edit_number(map, e->n_dims_at, 5, 4), e->name, "");
    }
    /* A product that overflows to the right number: 2^33 * (2^31 + ...) and the like. */
    const gguf_entry *e = gguf_map_entry(map, "token_embd.weight");
    uint8_t dims[16] = {[4] = 1, [12] = 1}; /* 2^32 * 2^32 = 0 */
    expect_refused(gguf_edit_splice(map, e->dims_at, 16, dims, 16), "2^64 elements", "shape is too large");
    const uint8_t negative[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}; /* -1 * -1 = 1 */
    expect_refused(gguf_edit_splice(map, e->dims_at, 16, negative, 16), "-1 * -1", "dimension of");
}

static void try_type(const gguf_entry *e, uint32_t type)
{
    hg_error err;
    hg_buffer bytes = gguf_edit_number(&hostile.map, e->type_at, type, 4);
    hg_status status = open_bytes(&bytes, &err);
    hg_buffer_deinit(&bytes);
    assert_true(status == HG_STATUS_OK || status == HG_STATUS_INPUT);
}

/* Types that do not exist or are not read. Those that are read only change what the numbers are. */
static void test_tensor_types(void **state)
{
    (void)state;
    static const uint32_t others[] = {3,  4,  5,  6,  7,  9,  10, 11, 13, 15,
                                      16, 20, 24, 26, 27, 28, 29, 31, 39, 40};
    static const uint32_t known[] = {0, 1, 30, 8, 2, 12, 14};
    const gguf_map *map = &hostile.map;
    for (size_t t = 0; t < map->n_entries; t++) {
        const gguf_entry *e = &map->entries[t];
        if (is_unused(e))
            continue;
        for (size_t i = t % 7; i < sizeof others / sizeof *others; i += 7)
            expect_refused(gguf_edit_number(map, e->type_at, others[i], 4), e->name, "");
        if (t % 40 == 0)
            try_type(e, known[t / 40 % 7]);
        expect_refused(gguf_edit_number(map, e->type_at, UINT32_MAX, 4), e->name, "");
    }
}

/* Every tensor is needed: with another name it is unknown, and missing. */
static void test_renamed_tensors(void **state)
{
    (void)state;
    const gguf_map *map = &hostile.map;
    for (size_t t = 0; t < map->n_entries; t++) {
        const gguf_entry *e = &map->entries[t];
        hg_buffer bytes = gguf_edit_splice(map, e->begin + 8, 1, "\x01", 1);
        if (is_unused(e))
            hg_buffer_deinit(&bytes);
        else
            expect_refused(bytes, e->name, "");
    }
}

static void test_truncated(void **state)
{
    (void)state;
    const hg_model_options options = {.n_threads = 1};
    package_write(&hostile.bad, hostile.file.data, hostile.file.size);
    for (size_t n = hostile.file.size - 32; n > 97; n -= 97) { /* the last tensor is padded by up to 31 */
        hg_model *model = NULL;
        hg_error err = {HG_STATUS_OK, ""};
        assert_int_equal(truncate(hostile.bad.text, (off_t)n), 0);
        if (hg_model_open(&model, hostile.bad.text, &options, &err) != HG_STATUS_INPUT)
            fail_msg("cut to %zu of %zu bytes: '%s'", n, hostile.file.size, err.text);
        assert_null(model);
    }
    assert_int_equal(truncate(hostile.bad.text, 0), 0);
    package_expect_refused(&hostile.bad, "");
}

/* ---- keys ---- */

/* What may be done to a key without harm. */
enum {
    MAY_LACK = 1,     /* what it says follows from something else, or is a note */
    ANY_TYPE = 2,     /* nothing here reads it */
    MANY_NUMBERS = 4, /* ids, counts, wide ranges: wrong numbers are harmless ones */
    UNREAD = 1 | 2 | 4
};

/* All other keys must be there, be of their type, and hold a number that fits the rest. */
static int freedom_of(const char *key)
{
    static const struct {
        const char *key;
        int freedom;
    } table[] = {
        {"general.type", UNREAD},
        {"general.file_type", UNREAD},
        {"general.quantization_version", UNREAD},
        {"clip.has_vision_encoder", UNREAD},
        {"healthgpt.com.hlora.alpha", MAY_LACK}, /* twice the rank */
        {"healthgpt.gen.hlora.alpha", MAY_LACK},
        {"healthgpt.com.hlora.expert_count", MAY_LACK}, /* as the shapes say */
        {"healthgpt.gen.hlora.expert_count", MAY_LACK},
        {"healthgpt.random_weights", MAY_LACK},
        {"healthgpt.chat.template", MAY_LACK}, /* guessed from the vocabulary */
        {"healthgpt.source.part", MAY_LACK},
        {"healthgpt.attention.sliding_window", MANY_NUMBERS},
        {"healthgpt.context_length", MANY_NUMBERS},
        {"healthgpt.bos_token_id", MANY_NUMBERS},
        {"healthgpt.pad_token_id", MANY_NUMBERS},
        {"healthgpt.eos_token_ids", MANY_NUMBERS},
        {"healthgpt.generation.temperature", MANY_NUMBERS},
        {"healthgpt.generation.top_k", MANY_NUMBERS},
        {"healthgpt.generation.top_p", MANY_NUMBERS},
        {"healthgpt.generation.stop_token_ids", MANY_NUMBERS},
        {"clip.vision.image_mean", MANY_NUMBERS},
        /* The exact tokenizer is in healthgpt.tokenizer; without its version, llama.cpp's keys serve. */
        {"tokenizer.ggml.model", UNREAD},
        {"tokenizer.ggml.pre", UNREAD},
        {"tokenizer.ggml.token_type", UNREAD},
        {"tokenizer.ggml.bos_token_id", MAY_LACK | MANY_NUMBERS},
        {"tokenizer.ggml.eos_token_id", MAY_LACK | MANY_NUMBERS},
        {"tokenizer.ggml.unknown_token_id", MAY_LACK | MANY_NUMBERS},
        {"tokenizer.ggml.padding_token_id", MAY_LACK | MANY_NUMBERS},
        {"healthgpt.tokenizer.version", MAY_LACK},
        {"healthgpt.tokenizer.split.patterns", MAY_LACK},
        {"healthgpt.tokenizer.token_kinds", MANY_NUMBERS},
        {"healthgpt.tokenizer.token_flags", MANY_NUMBERS},
        {NULL, 0},
    };
    for (size_t i = 0; table[i].key != NULL; i++) {
        if (strcmp(table[i].key, key) == 0)
            return table[i].freedom;
    }
    return 0;
}

static void expect_refused_unless(bool free, hg_buffer bytes, const char *key, const char *what)
{
    hg_error err;
    hg_status status = open_bytes(&bytes, &err);
    hg_buffer_deinit(&bytes);
    if (status != HG_STATUS_INPUT && !(free && status == HG_STATUS_OK))
        fail_msg("%s, %s: status %d and '%s'", key, what, status, err.text);
}

static void test_missing_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < hostile.map.n_fields; i++) {
        const gguf_field *f = &hostile.map.fields[i];
        expect_refused_unless((freedom_of(f->key) & MAY_LACK) != 0, gguf_edit_remove(&hostile.map, f), f->key,
                              "removed");
    }
}

/* Text for what is no text, a number for what is none, lists of numbers or of texts for what is no such. */
static void test_other_types(void **state)
{
    (void)state;
    static const uint8_t text[9] = {1, 0, 0, 0, 0, 0, 0, 0, 'x'}, number[4] = {7, 0, 0, 0};
    static const uint8_t numbers[24] = {HG_GGUF_U32, [4] = 3, [12] = 1, [16] = 1};
    static const uint8_t texts[21] = {HG_GGUF_STRING, [4] = 1, [12] = 1, [20] = 'x'};
    const gguf_map *map = &hostile.map;
    for (size_t i = 0; i < map->n_fields; i++) {
        const gguf_field *f = &map->fields[i];
        bool free = (freedom_of(f->key) & ANY_TYPE) != 0, is_list = f->type == HG_GGUF_ARRAY,
             is_text = f->type == HG_GGUF_STRING, holds_text = is_list && f->element == HG_GGUF_STRING;
        if (!is_text)
            expect_refused_unless(free, gguf_edit_value(map, f, HG_GGUF_STRING, text, 9), f->key, "text");
        if (is_text || is_list || f->type == HG_GGUF_BOOL)
            expect_refused_unless(free, gguf_edit_value(map, f, HG_GGUF_U32, number, 4), f->key, "number");
        if (!is_list || holds_text)
            expect_refused_unless(free, gguf_edit_value(map, f, HG_GGUF_ARRAY, numbers, 24), f->key,
                                  "numbers");
        if (!is_list || !holds_text)
            expect_refused_unless(free, gguf_edit_value(map, f, HG_GGUF_ARRAY, texts, 21), f->key, "texts");
    }
}

/* Numbers of the same type in the place of one: any bits are a boolean, and every f32 key is finite. */
static void put_wrong_numbers(const gguf_field *f, hg_gguf_type type, size_t at)
{
    static const struct {
        const char *what;
        float real;
        uint64_t whole;
    } values[] = {{"zero", 0, 0},       {"all bits", 3.4e38F, UINT64_MAX}, {"infinite", HUGE_VALF, 1 << 20},
                  {"none", NAN, 65536}, {"most", -HUGE_VALF, INT32_MAX},   {"negative", -1e30F, 1ULL << 31}};
    const int freedom = freedom_of(f->key);
    const size_t n_values = type == HG_GGUF_BOOL ? 2 : sizeof values / sizeof *values;
    const size_t bytes = type == HG_GGUF_BOOL || type == HG_GGUF_U8 ? 1 : 4;
    for (size_t i = 0; i < n_values; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i].real, sizeof bits);
        bool free = type == HG_GGUF_BOOL || (freedom & MANY_NUMBERS) != 0;
        if (type == HG_GGUF_F32 && i > 0)
            free = false;
        expect_refused_unless(
            free || (freedom & ANY_TYPE) != 0,
            gguf_edit_number(&hostile.map, at, type == HG_GGUF_F32 ? bits : values[i].whole, bytes), f->key,
            values[i].what);
    }
}

static void test_wrong_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < hostile.map.n_fields; i++) {
        const gguf_field *f = &hostile.map.fields[i];
        if (f->type == HG_GGUF_ARRAY && f->element != HG_GGUF_STRING && f->count > 0)
            put_wrong_numbers(f, f->element, f->value_at + 12);
        else if (f->type != HG_GGUF_ARRAY && f->type != HG_GGUF_STRING)
            put_wrong_numbers(f, f->type, f->value_at);
    }
}

/* ---- packages beside their base model ---- */

/* The package without its base, which `name` is to hold. */
static hg_buffer adapter_with_base(const char *name)
{
    gguf_map map;
    hg_buffer out, before = gguf_edit_add_text(&hostile.map, "healthgpt.base.file", name);
    gguf_map_read(&map, &before);
    hg_buffer_init(&out, (size_t)1 << 26);
    assert_true(hg_buffer_push(&out, before.data, before.size));
    for (size_t i = 0; i < map.n_entries; i++) { /* no part has such names */
        const gguf_entry *e = &map.entries[i];
        if (strncmp(e->name, "blk.", 4) == 0 || strncmp(e->name, "token_embd", 10) == 0 ||
            strncmp(e->name, "output", 6) == 0)
            out.data[e->begin + 8] = '?';
    }
    hg_buffer_deinit(&before);
    return out;
}

static void test_base_files(void **state)
{
    (void)state;
    static const char *const elsewhere[] = {"../x",        "../good.gguf", "/etc/passwd", "..",      ".",
                                            "./good.gguf", "a/good.gguf",  "a\\x",        ".hidden", "/",
                                            "good.gguf/."};
    package_path folder = package_path_of("folder"), text = package_path_of("text");
    assert_int_equal(mkdir(folder.text, 0777), 0);
    package_write(&text, "not a model", 11);
    expect_refused(adapter_with_base(""), "no name", "no tensors of the language model");
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
        expect_refused(adapter_with_base(elsewhere[i]), elsewhere[i], "is not a plain file name");
    expect_refused(adapter_with_base("folder"), "a folder", "must lie in the same folder");
    expect_refused(adapter_with_base("nothing.gguf"), "nothing", "must lie in the same folder");
    expect_refused(adapter_with_base("text"), "text", "text");
    expect_refused(adapter_with_base("bad.gguf"), "itself", "no tensors of the language model");
    char long_name[300];
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = 0;
    expect_refused(adapter_with_base(long_name), "a long name", "299 bytes");
    /* And a base that is one. */
    hg_error err;
    hg_buffer bytes = adapter_with_base("good.gguf");
    assert_int_equal(open_bytes(&bytes, &err), HG_STATUS_OK);
    hg_buffer_deinit(&bytes);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_good_package),    TEST(test_counts),     TEST(test_lengths),      TEST(test_alignment),
        TEST(test_twice),           TEST(test_extents),    TEST(test_dimensions),   TEST(test_tensor_types),
        TEST(test_renamed_tensors), TEST(test_truncated),  TEST(test_missing_keys), TEST(test_other_types),
        TEST(test_wrong_numbers),   TEST(test_base_files),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
