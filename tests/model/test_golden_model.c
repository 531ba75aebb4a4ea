/* SPDX-License-Identifier: Apache-2.0
 *
 * test_golden_model.c: the tiny models of tests/data/tiny against PyTorch: every stage from the prepared
 * picture to logits, then whole greedy runs. The released layouts are opened as users' files are.
 */
#include "golden.h"
#include "image/clip_input.h"
#include "model/healthgpt_model.h"
#include "package/source.h"

#include <healthgpt/image.h>

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define RELATIVE 1e-4
#define PATH_BYTES 512
#define MAX_CODES 1024

typedef struct fixture {
    const char *name;
    hg_source source;
    hg_healthgpt model;
    hg_tensor_file *golden;
    json_t *numbers;
    hg_arena arena;
    hg_ctx ctx;
    hg_kv_cache cache;
    int64_t n_tokens; /* V: of the tokenizer */
    float *pixels;
    double worst; /* largest relative difference so far */
} fixture;

static const char *path_of(char path[PATH_BYTES], const char *model, const char *name)
{
    snprintf(path, PATH_BYTES, HG_TEST_DATA "/tiny/%s/%s", model, name);
    return path;
}

/* Number i of a list in a section ("image", "com", "gen") of golden.json. */
static int64_t number(const fixture *f, const char *section, const char *list, size_t i)
{
    const json_t *value = json_array_get(json_object_get(json_object_get(f->numbers, section), list), i);
    if (!json_is_integer(value))
        fail_msg("golden.json has no %s.%s[%zu]", section, list, i);
    return json_integer_value(value);
}

static void open_model(fixture *f)
{
    char path[PATH_BYTES];
    const hg_source_paths paths = {.model = path_of(path, f->name, "")};
    hg_error err = {HG_STATUS_OK, ""};
    if (hg_source_open(&f->source, &paths, &err) != HG_STATUS_OK ||
        hg_healthgpt_load(&f->model, &f->source.parts, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    assert_int_equal(f->source.parts.n_tokens, f->n_tokens);
}

static void open_image(fixture *f)
{
    hg_error err = {HG_STATUS_OK, ""};
    hg_image *image;
    static uint8_t bytes[HG_CLIP_VALUES];
    hg_clip_preparation how = hg_clip_preparation_default();
    assert_int_equal(hg_image_open(&image, HG_TEST_DATA "/tiny/image.png", &err), HG_STATUS_OK);
    assert_int_equal(hg_clip_input_u8(bytes, image, &how, &err), HG_STATUS_OK);
    hg_image_close(image);
    f->pixels = malloc(sizeof *f->pixels * HG_CLIP_VALUES);
    assert_non_null(f->pixels);
    hg_clip_input_normalize(f->pixels, bytes, &how);
}

static void fixture_open(fixture *f, const char *name)
{
    char path[PATH_BYTES];
    *f = (fixture){.name = name};
    f->golden = golden_open(path_of(path, name, "golden.safetensors"));
    f->numbers = json_load_file(path_of(path, name, "golden.json"), 0, NULL);
    assert_non_null(f->numbers);
    f->n_tokens = golden_get(f->golden, "com.logits")->shape[1];
    open_model(f);
    open_image(f);
    hg_arena_init(&f->arena, (size_t)16 << 20, (size_t)4 << 30);
    hg_ctx_init(&f->ctx, &f->arena, hg_kernels_get(hg_cpu_detect()), 2);
    const hg_decoder_config *c = &f->model.decoder.config;
    hg_error err;
    assert_int_equal(
        hg_kv_cache_init(&f->cache, HG_DTYPE_F32, c->n_layers, c->n_kv_heads, c->head_dim, 2048, &err),
        HG_STATUS_OK);
}

static void fixture_close(fixture *f)
{
    if (hg_ctx_failed(&f->ctx))
        fail_msg("%s", f->ctx.error.text);
    hg_kv_cache_deinit(&f->cache);
    hg_arena_deinit(&f->arena);
    free(f->pixels);
    json_decref(f->numbers);
    hg_tensor_file_close(f->golden);
    hg_healthgpt_close(&f->model);
    hg_source_close(&f->source);
}

static hg_tensor pixels_of(const fixture *f)
{
    return hg_tensor_make(HG_DTYPE_F32, 3, (int64_t[]){3, HG_CLIP_SIDE, HG_CLIP_SIDE}, f->pixels);
}

/* Row `index` of t against row `row` of the golden tensor (seen as rows of the last dimension). */
static void compare_row(fixture *f, const char *what, const hg_tensor *want, int64_t row, const hg_tensor *t,
                        int64_t index)
{
    int64_t n = want->shape[want->n_dims - 1];
    const float *w = (const float *)want->data + row * n, *got = hg_tensor_real(t) + index * t->stride[0];
    double largest = 0;
    for (int64_t i = 0; i < n; i++)
        largest = fmax(largest, fabs((double)w[i]));
    assert_true(largest > 0);
    for (int64_t i = 0; i < n; i++) {
        double difference = fabs((double)w[i] - (double)got[i]) / largest;
        f->worst = fmax(f->worst, difference);
        if (!(difference <= RELATIVE))
            fail_msg("%s, row %lld, element %lld: %.9g, expected %.9g (largest %.3g)", what, (long long)row,
                     (long long)i, (double)got[i], (double)w[i], largest);
    }
}

static void check_vision(fixture *f, hg_task task, const char *hidden, const char *projector)
{
    hg_tensor pixels = pixels_of(f);
    const hg_tensor *want = golden_get(f->golden, hidden);
    hg_tensor *features = hg_clip_forward(&f->ctx, &f->model.clip, &pixels, f->model.tasks[task].clip_layers);
    hg_tensor *projected = hg_healthgpt_see(&f->ctx, &f->model, task, &pixels);
    assert_false(hg_ctx_failed(&f->ctx));
    for (int64_t i = 0; i < want->shape[0]; i++) {
        int64_t position = number(f, "image", "clip_rows", (size_t)i);
        if (position > 0) /* the class token is dropped */
            compare_row(f, hidden, want, i, features, position - 1);
    }
    want = golden_get(f->golden, projector);
    for (int64_t i = 0; i < want->shape[0]; i++)
        compare_row(f, projector, want, i, projected, number(f, "image", "patch_rows", (size_t)i));
}

/* Embeddings of the golden prompt, the picture's features at -200. */
static hg_tensor *embed_prompt(fixture *f, hg_task task, const char *ids_name)
{
    hg_ctx *ctx = &f->ctx;
    const hg_tensor *ids = golden_get(f->golden, ids_name);
    hg_tensor pixels = pixels_of(f);
    hg_tensor *parts[HG_TAPE_MAX_INPUTS];
    int n_parts = 0;
    static int32_t run[4096];
    int64_t n_run = 0;
    for (int64_t i = 0; i <= ids->shape[0]; i++) {
        int32_t id = i < ids->shape[0] ? (int32_t)((const float *)ids->data)[i] : -200;
        if (id != -200) {
            run[n_run++] = id;
            continue;
        }
        if (n_run > 0)
            parts[n_parts++] = hg_op_embedding(ctx, &f->model.tasks[task].embed, run, n_run);
        n_run = 0;
        if (i < ids->shape[0])
            parts[n_parts++] = hg_healthgpt_see(ctx, &f->model, task, &pixels);
    }
    assert_false(hg_ctx_failed(ctx));
    return hg_op_concat(ctx, parts, n_parts);
}

static void check_layers(fixture *f, hg_task task, hg_tensor *x, const char *layers, const char *norm)
{
    const char *section = task == HG_TASK_GENERATION ? "gen" : "com";
    const hg_tensor *want = golden_get(f->golden, layers);
    const hg_plugin *plugin = &f->model.tasks[task].plugin;
    for (int64_t layer = 0; layer < want->shape[0]; layer++) {
        x = hg_decoder_layer_forward(&f->ctx, &f->model.decoder, plugin, NULL, layer, x);
        assert_false(hg_ctx_failed(&f->ctx));
        for (size_t i = 0; i < 2; i++)
            compare_row(f, layers, want, 2 * layer + (int64_t)i, x, number(f, section, "trace_positions", i));
    }
    hg_tensor *normed = hg_op_rmsnorm(&f->ctx, x, &f->model.decoder.norm, f->model.decoder.config.rms_eps);
    assert_false(hg_ctx_failed(&f->ctx));
    for (size_t i = 0; i < 2; i++)
        compare_row(f, norm, golden_get(f->golden, norm), (int64_t)i, normed,
                    number(f, section, "trace_positions", i));
}

/* Runs the prompt into the cache; the hidden state of its last position. */
static hg_tensor *prefill(fixture *f, hg_task task, hg_tensor *x)
{
    f->cache.length = 0;
    hg_tensor *y = hg_decoder_forward(&f->ctx, &f->model.decoder, &f->model.tasks[task].plugin, &f->cache, x);
    assert_false(hg_ctx_failed(&f->ctx));
    return hg_ctx_view(&f->ctx, hg_tensor_view_rows(y, y->shape[0] - 1, 1));
}

static hg_tensor *step(fixture *f, hg_task task, int32_t id)
{
    hg_arena_reset(&f->arena, (hg_arena_mark){0});
    hg_tensor *x = hg_op_embedding(&f->ctx, &f->model.tasks[task].embed, &id, 1);
    x = hg_decoder_forward(&f->ctx, &f->model.decoder, &f->model.tasks[task].plugin, &f->cache, x);
    assert_false(hg_ctx_failed(&f->ctx));
    return x;
}

static int32_t largest_of(const float *x, int64_t n)
{
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        best = x[i] > x[best] ? i : best;
    return (int32_t)best;
}

/* Greedy text: the golden's ids one by one, with logits at its steps. A penalty acts on what was generated.
 */
static void check_text(fixture *f, hg_tensor *hidden)
{
    const hg_tensor *ids = golden_get(f->golden, "com.text_ids"),
                    *logits = golden_get(f->golden, "com.logits");
    static uint8_t seen[65536];
    size_t next = 0;
    float penalty = f->model.generation.repetition_penalty;
    memset(seen, 0, sizeof seen);
    for (int64_t i = 0; i < ids->shape[0]; i++) {
        hg_tensor *got = hg_decoder_logits(&f->ctx, &f->model.decoder,
                                           &f->model.tasks[HG_TASK_COMPREHENSION].head, hidden);
        assert_non_null(got);
        if (next < (size_t)logits->shape[0] && number(f, "com", "logit_steps", next) == i)
            compare_row(f, "com.logits", logits, (int64_t)next++, got, 0);
        float *row = hg_tensor_real(got);
        for (int64_t k = 0; k < f->n_tokens; k++) {
            if (seen[k])
                row[k] = row[k] < 0 ? row[k] * penalty : row[k] / penalty;
        }
        int32_t id = largest_of(row, f->n_tokens), want = (int32_t)((const float *)ids->data)[i];
        if (id != want)
            fail_msg("%s: text token %lld is %d, expected %d", f->name, (long long)i, id, want);
        seen[id] = 1;
        hidden = step(f, HG_TASK_COMPREHENSION, id);
    }
    assert_int_equal(next, logits->shape[0]);
}

/* Greedy codes: all of them, the choice limited to codes. */
static void check_codes(fixture *f, hg_tensor *hidden)
{
    const hg_tensor *codes = golden_get(f->golden, "gen.codes"),
                    *logits = golden_get(f->golden, "gen.code_logits");
    int64_t n_codes = f->model.vqgan.config.n_embed;
    hg_tensor head = hg_tensor_view_rows(&f->model.tasks[HG_TASK_GENERATION].head, f->n_tokens, n_codes + 3);
    size_t next = 0;
    assert_int_equal(codes->shape[0], MAX_CODES);
    compare_row(
        f, "gen.first_logits", golden_get(f->golden, "gen.first_logits"), 0,
        hg_decoder_logits(&f->ctx, &f->model.decoder, &f->model.tasks[HG_TASK_GENERATION].head, hidden), 0);
    for (int64_t i = 0; i < MAX_CODES; i++) {
        hg_tensor *got = hg_decoder_logits(&f->ctx, &f->model.decoder, &head, hidden);
        assert_non_null(got);
        if (next < (size_t)logits->shape[0] && number(f, "gen", "code_logit_steps", next) == i)
            compare_row(f, "gen.code_logits", logits, (int64_t)next++, got, 0);
        int32_t code = largest_of(hg_tensor_real(got) + 1, n_codes),
                want = (int32_t)((const float *)codes->data)[i];
        if (code != want)
            fail_msg("%s: code %lld is %d, expected %d", f->name, (long long)i, code, want);
        hidden = step(f, HG_TASK_GENERATION, (int32_t)f->n_tokens + 1 + code);
    }
    assert_int_equal(next, logits->shape[0]);
}

static void check_comprehension(fixture *f)
{
    check_vision(f, HG_TASK_COMPREHENSION, "clip.hidden_m2", "com.projector");
    hg_tensor *x = embed_prompt(f, HG_TASK_COMPREHENSION, "com.prompt_ids");
    check_layers(f, HG_TASK_COMPREHENSION, x, "com.layers", "com.norm");
    check_text(f, prefill(f, HG_TASK_COMPREHENSION, x));
}

static void check_generation(fixture *f)
{
    check_vision(f, HG_TASK_GENERATION, "clip.hidden_1", "gen.projector");
    hg_tensor *x = embed_prompt(f, HG_TASK_GENERATION, "gen.prompt_ids");
    check_layers(f, HG_TASK_GENERATION, x, "gen.layers", "gen.norm");
    check_codes(f, prefill(f, HG_TASK_GENERATION, x));
}

/* Says how close the last stage was, for the documents. */
static void report(fixture *f, const char *what)
{
    printf("%s, %s: largest difference %.1e of the largest value\n", f->name, what, f->worst);
    f->worst = 0;
}

static void run(const char *name, bool draws)
{
    fixture f;
    fixture_open(&f, name);
    check_comprehension(&f);
    report(&f, "comprehension (CLIP to logits, 64 greedy ids equal)");
    hg_arena_reset(&f.arena, (hg_arena_mark){0});
    if (draws) {
        check_generation(&f);
        report(&f, "generation (CLIP to logits, 1,024 greedy codes equal)");
    }
    fixture_close(&f);
}

static void test_m3(void **state)
{
    (void)state;
    run("m3", true);
}

static void test_l14(void **state)
{
    (void)state;
    run("l14", true);
}

static void test_xl32(void **state)
{
    (void)state;
    run("xl32", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_m3), cmocka_unit_test(test_l14),
                                       cmocka_unit_test(test_xl32)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
