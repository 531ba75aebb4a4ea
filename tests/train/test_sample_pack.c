/* SPDX-License-Identifier: Apache-2.0
 *
 * test_sample_pack.c: samples that are computed together have the losses and gradients that they have one
 * after the other, with layers kept and computed again, and so have those that share the rows of a picture;
 * which samples go together, and which rows are shared.
 */
#include "train/sample_gradient.h"

#include "base/memory.h"
#include "base/rng.h"
#include "small_model.h"
#include "train/sample_maker.h"
#include "train/stage.h"
#include "train/train_open.h"
#include "train/trainee.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N = 7 };
#define ARENA_BLOCK ((size_t)1 << 22)
#define ARENA_MAX ((size_t)1 << 32)

/* Two questions about one picture, the second longer; two that begin with it and go on with others; another
 * picture, about which the same is asked twice; a text. */
static const char questions[] =
    "[{\"image\": \"c0.png\", \"conversations\": [{\"from\": \"human\", \"value\": \"<image>\\nWhich "
    "colour?\"}, "
    "{\"from\": \"gpt\", \"value\": \"red\"}]},\n"
    "{\"image\": \"c0.png\", \"conversations\": [{\"from\": \"human\", \"value\": \"<image>\\nIs it of one "
    "colour, or "
    "of many?\"}, {\"from\": \"gpt\", \"value\": \"of one\"}, {\"from\": \"human\", \"value\": \"Which?\"}, "
    "{\"from\": \"gpt\", \"value\": \"It is red\"}]},\n"
    "{\"image\": [\"c0.png\", \"c1.png\"], \"conversations\": [{\"from\": \"human\", \"value\": "
    "\"<image>\\n<image>\\nThe same?\"}, {\"from\": \"gpt\", \"value\": \"no\"}]},\n"
    "{\"image\": [\"c0.png\", \"c2.png\"], \"conversations\": [{\"from\": \"human\", \"value\": "
    "\"<image>\\n<image>\\nThe same?\"}, {\"from\": \"gpt\", \"value\": \"never\"}]},\n"
    "{\"image\": \"c3.png\", \"conversations\": [{\"from\": \"human\", \"value\": \"<image>\\nWhich "
    "colour?\"}, "
    "{\"from\": \"gpt\", \"value\": \"yellow\"}]},\n"
    "{\"image\": \"c3.png\", \"conversations\": [{\"from\": \"human\", \"value\": \"<image>\\nWhich "
    "colour?\"}, "
    "{\"from\": \"gpt\", \"value\": \"blue\"}]},\n"
    "{\"conversations\": [{\"from\": \"human\", \"value\": \"Which colour?\"}, {\"from\": \"gpt\", "
    "\"value\": "
    "\"none\"}]}]\n";

typedef struct fixture {
    hg_train_stage stage;
    small_model files;
    hg_train_settings *settings;
    hg_model *model;
    hg_llava_set *set;
    hg_sample_maker maker;
    hg_trainee trainee;
    hg_arena arena;
    hg_ctx ctx;
    hg_kept_layers kept;
} fixture;

/* A plug-in that was just begun has no effect: B is zero. */
static void disturb(const hg_trainee *t)
{
    hg_rng rng;
    hg_rng_init(&rng, 3);
    for (size_t i = 0; i < t->n; i++) {
        for (int64_t k = 0; k < t->params[i].n; k++)
            t->params[i].value[k] += 0.02F * (float)(2 * hg_rng_uniform(&rng) - 1);
    }
}

static void open_fixture(fixture *f, hg_train_stage stage, size_t memory)
{
    const char *const more[] = {NULL};
    hg_error err = {HG_STATUS_OK, ""};
    hg_train_begun begun;
    char path[256];
    f->stage = stage;
    small_model_make(&f->files);
    small_model_write(&f->files, "com.json", questions);
    f->settings = small_model_settings(&f->files, stage, "com.json", "out", more);
    if (hg_train_open(&f->model, f->settings, &begun, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    assert_int_equal(hg_llava_open(&f->set, small_model_path(&f->files, "com.json", path), NULL, &err),
                     HG_STATUS_OK);
    f->maker = (hg_sample_maker){.model = f->model, .settings = f->settings, .set = f->set};
    assert_int_equal(
        hg_trainee_init(&f->trainee, &f->model->weights, hg_stage_get(stage), false, &begun, &err),
        HG_STATUS_OK);
    disturb(&f->trainee);
    hg_arena_init(&f->arena, ARENA_BLOCK, ARENA_MAX);
    hg_ctx_init(&f->ctx, &f->arena, f->model->kernels, 2);
    f->ctx.compute = HG_COMPUTE_EXACT;
    hg_kept_layers_init(&f->kept, memory, 2048, f->model->weights.decoder.config.n_layers);
}

static void close_fixture(fixture *f)
{
    hg_kept_layers_deinit(&f->kept);
    hg_arena_deinit(&f->arena);
    hg_trainee_deinit(&f->trainee);
    hg_llava_close(f->set);
    hg_model_close(f->model);
    hg_train_settings_destroy(f->settings);
    small_model_remove(&f->files);
}

static void add_sample(const fixture *f, size_t index, hg_sample_pack *pack)
{
    hg_error err = {HG_STATUS_OK, ""};
    hg_train_sample sample;
    if (hg_sample_make(&f->maker, index, &sample, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    assert_true(hg_sample_pack_fits(pack, &sample));
    hg_sample_pack_add(pack, &sample);
}

static void run_pack(fixture *f, hg_sample_pack *pack, double *losses)
{
    hg_error err = {HG_STATUS_OK, ""};
    bool fused = hg_stage_get(f->stage)->fused;
    if (hg_sample_gradient(&f->ctx, &f->model->weights, pack, fused, &f->kept, NULL, losses, &err) !=
        HG_STATUS_OK)
        fail_msg("%s", err.text);
    hg_sample_pack_reset(pack);
}

/* The gradients of all that learns, one behind the other; the caller frees them. */
static float *copy_gradients(const fixture *f)
{
    int64_t at = 0;
    float *all = hg_mem_array((size_t)hg_trainee_count(&f->trainee), sizeof *all);
    assert_non_null(all);
    for (size_t i = 0; i < f->trainee.n; at += f->trainee.params[i++].n)
        memcpy(all + at, f->trainee.params[i].grad, (size_t)f->trainee.params[i].n * sizeof *all);
    return all;
}

static void expect_near(const fixture *f, const float *want, const float *got)
{
    int64_t n = hg_trainee_count(&f->trainee);
    float largest = 0;
    for (int64_t i = 0; i < n; i++)
        largest = fabsf(want[i]) > largest ? fabsf(want[i]) : largest;
    assert_true(largest > 0);
    for (int64_t i = 0; i < n; i++) {
        if (!(fabsf(want[i] - got[i]) <= 1e-5F * largest))
            fail_msg("gradient %lld: %.8g together, %.8g apart, the largest is %.8g", (long long)i,
                     (double)got[i], (double)want[i], (double)largest);
    }
}

/* Rows of the pack that the samples have without sharing. */
static int64_t count_rows(const hg_sample_pack *pack)
{
    int64_t n = 0;
    for (int64_t i = 0; i < pack->n; i++)
        n += hg_train_sample_rows(&pack->samples[i]);
    return n;
}

static void check_together(hg_train_stage stage, size_t memory, bool shares)
{
    fixture f;
    hg_sample_pack *pack = hg_mem_array(1, sizeof *pack);
    double apart[N] = {0}, together[N] = {0}, alone[N] = {0};
    assert_non_null(pack);
    open_fixture(&f, stage, memory);
    for (size_t i = 0; i < N; i++) {
        add_sample(&f, i, pack);
        run_pack(&f, pack, &apart[i]);
    }
    float *want = copy_gradients(&f);
    hg_trainee_zero_gradients(&f.trainee);
    pack->shares = shares;
    for (size_t i = 0; i < N; i++)
        add_sample(&f, i, pack);
    int64_t all = count_rows(pack);
    assert_true(shares ? pack->begin[N] < all : pack->begin[N] == all);
    run_pack(&f, pack, together);
    float *got = copy_gradients(&f);
    expect_near(&f, want, got);
    for (size_t i = 0; i < N; i++)
        add_sample(&f, i, pack);
    assert_int_equal(hg_sample_loss(&f.ctx, &f.model->weights, pack, hg_stage_get(stage)->fused, alone, NULL),
                     HG_STATUS_OK);
    hg_sample_pack_reset(pack);
    for (int i = 0; i < N; i++) {
        assert_true(apart[i] > 0);
        assert_true(fabs(apart[i] - together[i]) <= 1e-5 * apart[i]);
        assert_true(together[i] == alone[i]);
    }
    hg_mem_free(want);
    hg_mem_free(got);
    hg_mem_free(pack);
    close_fixture(&f);
}

static void test_together_kept(void **state)
{
    (void)state;
    check_together(HG_TRAIN_STAGE_3_COM, (size_t)8 << 30, false);
}

static void test_together_again(void **state)
{
    (void)state;
    check_together(HG_TRAIN_STAGE_3_COM, 0, false);
}

/* The questions' picture and what stands before it are shared, in the plain form all but the picture's last
 * row, which has a label. */
static void test_shared(void **state)
{
    (void)state;
    check_together(HG_TRAIN_STAGE_3_COM, (size_t)8 << 30, true);
    check_together(HG_TRAIN_STAGE_3_COM, 0, true);
    check_together(HG_TRAIN_STAGE_1_COM, 0, true);
    check_together(HG_TRAIN_STAGE_2_FUSION, (size_t)8 << 30, true);
}

/* Who shares with whom, and how much. */
static void test_what_is_shared(void **state)
{
    (void)state;
    static const int64_t owners[N] = {0, 0, 0, 0, 4, 4, 6}, images[N + 1] = {0, 1, 1, 2, 3, 4, 4, 4};
    fixture f;
    hg_sample_pack *pack = hg_mem_array(1, sizeof *pack);
    assert_non_null(pack);
    open_fixture(&f, HG_TRAIN_STAGE_3_COM, 0);
    pack->shares = true;
    for (size_t i = 0; i < N; i++)
        add_sample(&f, i, pack);
    assert_memory_equal(pack->owner, owners, sizeof owners);
    assert_memory_equal(pack->image, images, sizeof images);
    for (int64_t i = 0; i < N; i++) {
        const hg_train_sample *own = &pack->samples[i], *first = &pack->samples[owners[i]];
        int64_t n = pack->prefix[i].n, patches = hg_clip_n_patches(&f.model->weights.clip);
        assert_int_equal(pack->begin[i + 1] - pack->begin[i], hg_train_sample_rows(own) - n);
        if (owners[i] == i) {
            assert_int_equal(n, 0);
            continue;
        }
        assert_int_equal(pack->prefix[i].row, pack->begin[owners[i]]);
        assert_true(n > patches);
        assert_int_equal(first->prompt.items[n - 1].id, own->prompt.items[n - 1].id);
        /* either the next positions differ, or a label stands at the last one that is the same */
        assert_true(own->labels[n] >= 0 || own->prompt.items[n].id != first->prompt.items[n].id);
        assert_true(own->labels[n - 1] < 0 && first->labels[n - 1] < 0);
    }
    assert_true(pack->samples[5].labels[pack->prefix[5].n] >= 0); /* the same question: up to the answer */
    assert_int_equal(hg_sample_pack_image(pack, 3, 0), 0);
    assert_int_equal(hg_sample_pack_image(pack, 3, 1), 2);
    hg_sample_pack_reset(pack);
    hg_mem_free(pack);
    close_fixture(&f);
}

/* Decodes the pictures of a sample that will be made soon. */
static void expect_sample(const fixture *f, size_t index)
{
    hg_error err = {HG_STATUS_OK, ""};
    assert_int_equal(hg_sample_expect(&f->maker, index, &err), HG_STATUS_OK);
    assert_int_equal(hg_sample_read_expected(&f->maker, &err), HG_STATUS_OK);
}

/* A picture is read from its file again when another one was expected in between, and only then. */
static void test_picture_kept(void **state)
{
    (void)state;
    fixture f;
    hg_train_sample read, kept, other;
    hg_image_ahead ahead;
    hg_error err = {HG_STATUS_OK, ""};
    char path[256];
    open_fixture(&f, HG_TRAIN_STAGE_3_COM, 0);
    const size_t side = (size_t)f.model->weights.clip.config.image_size;
    hg_image_ahead_init(&ahead, 3 * side * side);
    f.maker.ahead = &ahead;
    expect_sample(&f, 0);
    assert_int_equal(hg_sample_make(&f.maker, 0, &read, &err), HG_STATUS_OK);
    assert_int_equal(remove(small_model_path(&f.files, "c0.png", path)), 0);
    expect_sample(&f, 1); /* the same picture */
    assert_int_equal(hg_sample_make(&f.maker, 1, &kept, &err), HG_STATUS_OK);
    assert_int_equal(kept.prompt.images[0].content, read.prompt.images[0].content);
    assert_true(kept.prompt.images[0].pixels != read.prompt.images[0].pixels);
    expect_sample(&f, 4);
    assert_int_equal(hg_sample_make(&f.maker, 4, &other, &err), HG_STATUS_OK);
    assert_true(other.prompt.images[0].content != read.prompt.images[0].content);
    hg_train_sample_deinit(&read);
    expect_sample(&f, 0);
    assert_int_equal(hg_sample_make(&f.maker, 0, &read, &err), HG_STATUS_INPUT);
    hg_train_sample_deinit(&kept);
    hg_train_sample_deinit(&other);
    hg_image_ahead_deinit(&ahead);
    close_fixture(&f);
}

/* A sample of so many rows; nothing of it is read but that. */
static hg_train_sample of_rows(hg_task task, int64_t rows)
{
    return (hg_train_sample){.task = task, .prompt = {.n_items = rows + 1}};
}

static void test_what_fits(void **state)
{
    (void)state;
    hg_sample_pack *pack = hg_mem_array(1, sizeof *pack);
    assert_non_null(pack);
    hg_train_sample longest = of_rows(HG_TASK_COMPREHENSION, HG_PACK_ROWS + 7),
                    half = of_rows(HG_TASK_COMPREHENSION, HG_PACK_ROWS / 2),
                    more = of_rows(HG_TASK_COMPREHENSION, HG_PACK_ROWS / 2 + 1),
                    drawing = of_rows(HG_TASK_GENERATION, 2), tiny = of_rows(HG_TASK_COMPREHENSION, 1);
    assert_true(hg_sample_pack_fits(pack, &longest));
    hg_sample_pack_add(pack, &longest);
    assert_false(hg_sample_pack_fits(pack, &tiny));
    hg_sample_pack_reset(pack);
    hg_sample_pack_add(pack, &half);
    assert_true(hg_sample_pack_fits(pack, &half));
    assert_false(hg_sample_pack_fits(pack, &more));
    assert_false(hg_sample_pack_fits(pack, &drawing));
    hg_sample_pack_add(pack, &half);
    assert_int_equal(pack->begin[2], HG_PACK_ROWS);
    hg_sample_pack_reset(pack);
    for (int i = 0; i < HG_PACK_SAMPLES; i++)
        hg_sample_pack_add(pack, &tiny);
    assert_false(hg_sample_pack_fits(pack, &tiny));
    hg_mem_free(pack);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_together_kept), cmocka_unit_test(test_together_again),
        cmocka_unit_test(test_shared),        cmocka_unit_test(test_what_is_shared),
        cmocka_unit_test(test_picture_kept),  cmocka_unit_test(test_what_fits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
