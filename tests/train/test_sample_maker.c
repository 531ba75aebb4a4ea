/* SPDX-License-Identifier: Apache-2.0
 *
 * test_sample_maker.c: positions and labels of conversations against the transformers tokenizers of all three
 * base models; a drawing's labels; where a cut falls; pictures that are decoded ahead.
 */
#include "train/sample_maker.h"

#include "base/memory.h"
#include "train/train_open.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* What a sample is made with. */
typedef struct fixture {
    hg_train_settings *settings;
    hg_model *model;
    hg_llava_set *set;
    hg_sample_maker maker;
} fixture;

static void open_fixture(fixture *f, const char *name, hg_train_stage stage, const char *data,
                         const char *max_length)
{
    char path[512];
    hg_error err = {HG_STATUS_OK, ""};
    hg_train_begun begun;
    assert_int_equal(hg_train_settings_create(&f->settings, stage, &err), HG_STATUS_OK);
    snprintf(path, sizeof path, HG_TEST_DATA "/tiny/%s", name);
    assert_int_equal(hg_train_settings_set(f->settings, "model", path, &err), HG_STATUS_OK);
    assert_int_equal(hg_train_settings_set(f->settings, "max-length", max_length, &err), HG_STATUS_OK);
    if (hg_train_open(&f->model, f->settings, &begun, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    assert_false(begun.com || begun.gen || begun.fusion);
    snprintf(path, sizeof path, HG_TEST_DATA "/training/%s", data);
    assert_int_equal(hg_llava_open(&f->set, path, NULL, &err), HG_STATUS_OK);
    f->maker = (hg_sample_maker){.model = f->model, .settings = f->settings, .set = f->set};
}

static void close_fixture(fixture *f)
{
    hg_llava_close(f->set);
    hg_model_close(f->model);
    hg_train_settings_destroy(f->settings);
}

static void make(const fixture *f, size_t index, hg_train_sample *sample)
{
    hg_error err = {HG_STATUS_OK, ""};
    if (hg_sample_make(&f->maker, index, sample, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
}

/* The sample's positions are those of the golden ids, an image being one id there, and so are the labels. */
static void check_sample(const char *name, int index, const hg_train_sample *s, int64_t patches,
                         const hg_tensor_file *golden)
{
    char key[64];
    snprintf(key, sizeof key, "samples.%s.%d.ids", name, index);
    const hg_tensor *ids = hg_tensor_file_find(golden, key);
    snprintf(key, sizeof key, "samples.%s.%d.labels", name, index);
    const hg_tensor *labels = hg_tensor_file_find(golden, key);
    assert_non_null(ids);
    assert_non_null(labels);
    int64_t at = 0, n_labels = 0;
    for (int64_t i = 0; i < ids->shape[0]; i++) {
        int id = (int)((const float *)ids->data)[i], label = (int)((const float *)labels->data)[i];
        for (int64_t row = 0; id < 0 && row < patches - 1; row++, at++) {
            assert_int_equal(s->prompt.items[at].id, HG_PROMPT_IMAGE);
            assert_int_equal(s->labels[at], -1);
        }
        assert_true(at < s->prompt.n_items);
        assert_int_equal(s->prompt.items[at].id, id < 0 ? HG_PROMPT_IMAGE : id);
        assert_int_equal(s->labels[at], label < 0 ? -1 : label);
        n_labels += label >= 0;
        at++;
    }
    assert_int_equal(at, s->prompt.n_items);
    assert_int_equal(s->n_labels, n_labels);
    assert_true(n_labels > 2);
    assert_false(s->was_cut);
}

static void test_conversations(void **state)
{
    (void)state;
    static const char *const names[] = {"m3", "l14", "xl32"};
    hg_error err = {HG_STATUS_OK, ""};
    hg_tensor_file *golden;
    assert_int_equal(hg_tensor_file_open(&golden, HG_TEST_DATA "/training/golden.safetensors", &err),
                     HG_STATUS_OK);
    for (size_t m = 0; m < sizeof names / sizeof *names; m++) {
        fixture f;
        open_fixture(&f, names[m], HG_TRAIN_STAGE_3_COM, "com.json", "2048");
        for (int i = 0; i < 3; i++) {
            hg_train_sample sample;
            make(&f, (size_t)i, &sample);
            assert_int_equal(sample.task, HG_TASK_COMPREHENSION);
            check_sample(names[m], i, &sample, hg_clip_n_patches(&f.model->weights.clip), golden);
            hg_train_sample_deinit(&sample);
        }
        close_fixture(&f);
    }
    hg_tensor_file_close(golden);
}

/* The prompt is what `draw` reads; then all codes and <end_index> are labels, each a position early. */
static void test_drawing(void **state)
{
    (void)state;
    fixture f;
    hg_train_sample sample;
    open_fixture(&f, "m3", HG_TRAIN_STAGE_3_GEN, "gen.json", "2048");
    make(&f, 1, &sample); /* the answer is codes */
    int32_t start = (int32_t)f.model->n_tokens, end = start + 1 + 512;
    int64_t n = sample.prompt.n_items;
    assert_int_equal(sample.n_labels, 1025);
    assert_int_equal(sample.prompt.items[n - 1].id, end);
    assert_int_equal(sample.labels[n - 1], -1);
    assert_int_equal(sample.labels[n - 2], end);
    assert_int_equal(sample.prompt.items[n - 1026].id, start);
    assert_int_equal(sample.labels[n - 1027], -1);
    for (int64_t i = n - 1026; i < n - 1; i++) {
        assert_int_equal(sample.labels[i], sample.prompt.items[i + 1].id);
        assert_true(sample.labels[i] > start && sample.labels[i] <= end);
    }
    hg_train_sample_deinit(&sample);
    close_fixture(&f);
    hg_error err = {HG_STATUS_OK, ""};
    open_fixture(&f, "m3", HG_TRAIN_STAGE_3_GEN, "gen.json", "1500"); /* a drawing is never cut */
    assert_int_equal(hg_sample_make(&f.maker, 1, &sample, &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "too long"));
    close_fixture(&f);
}

/* A limit inside the second answer leaves everything before it; one inside the image leaves no sample. */
static void test_cut(void **state)
{
    (void)state;
    fixture f;
    hg_train_sample whole, cut;
    hg_error err = {HG_STATUS_OK, ""};
    open_fixture(&f, "m3", HG_TRAIN_STAGE_3_COM, "com.json", "2048");
    make(&f, 0, &whole);
    close_fixture(&f);
    char limit[16];
    snprintf(limit, sizeof limit, "%d", (int)whole.prompt.n_items - 3);
    open_fixture(&f, "m3", HG_TRAIN_STAGE_3_COM, "com.json", limit);
    make(&f, 0, &cut);
    assert_true(cut.was_cut);
    assert_int_equal(cut.prompt.n_items, whole.prompt.n_items - 3);
    assert_int_equal(cut.n_labels, whole.n_labels - 3);
    assert_memory_equal(cut.labels, whole.labels, sizeof *cut.labels * (size_t)(cut.prompt.n_items - 1));
    assert_int_equal(cut.labels[cut.prompt.n_items - 1], -1);
    hg_train_sample_deinit(&cut);
    hg_train_sample_deinit(&whole);
    close_fixture(&f);
    open_fixture(&f, "m3", HG_TRAIN_STAGE_3_COM, "com.json", "300");
    assert_int_equal(hg_sample_make(&f.maker, 0, &cut, &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "too long"));
    make(&f, 2, &cut); /* no image, short */
    hg_train_sample_deinit(&cut);
    close_fixture(&f);
}

/* Items about pictures of several formats, about two, about one that is missing or damaged, about none, and a
 * bad one. */
static hg_llava_set *open_pictures(void)
{
    static const char *const images[] = {"\"image/rgb.png\"",
                                         "\"image/rgb444.jpg\"",
                                         "\"image/rgb.png\"",
                                         "\"image/there is none.png\"",
                                         "[\"image/grey16.png\", \"image/exif6.jpg\"]",
                                         "\"image/clip.txt\"",
                                         "null",
                                         "7",
                                         "\"image/scan/mr.dcm\""};
    char path[] = "/tmp/hg-samples-XXXXXX";
    hg_llava_set *set = NULL;
    hg_error err = {HG_STATUS_OK, ""};
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    assert_non_null(file);
    for (size_t i = 0; i < sizeof images / sizeof *images; i++)
        fprintf(file,
                "{\"image\": %s, \"conversations\": [{\"from\": \"human\", \"value\": \"What?\"}, "
                "{\"from\": \"gpt\", \"value\": \"That\"}]}\n",
                images[i]);
    assert_int_equal(fclose(file), 0);
    if (hg_llava_open(&set, path, HG_TEST_DATA, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    unlink(path);
    return set;
}

static void check_pixels(const hg_train_sample *a, const hg_train_sample *b, size_t n)
{
    assert_int_equal(a->prompt.n_items, b->prompt.n_items);
    assert_int_equal(a->prompt.n_images, b->prompt.n_images);
    for (int64_t i = 0; i < a->prompt.n_images; i++) {
        assert_true(a->prompt.images[i].content == b->prompt.images[i].content);
        assert_memory_equal(a->prompt.images[i].pixels, b->prompt.images[i].pixels, n);
    }
}

/* Samples whose pictures were decoded ahead, once all together and once in lots that do not fit theirs, are
 * those whose pictures are read when they are met. */
static void test_ahead(void **state)
{
    (void)state;
    fixture f;
    hg_image_ahead ahead;
    hg_error err = {HG_STATUS_OK, ""};
    open_fixture(&f, "m3", HG_TRAIN_STAGE_3_COM, "com.json", "2048");
    hg_llava_close(f.set);
    f.maker.set = f.set = open_pictures();
    size_t n_items = hg_llava_n_items(f.set), side = (size_t)f.model->weights.clip.config.image_size,
           n_good = 0;
    hg_sample_maker with = f.maker;
    with.ahead = &ahead;
    hg_image_ahead_init(&ahead, 3 * side * side);
    for (size_t i = 0; i < 2 * n_items; i++) {
        hg_train_sample a, b;
        hg_error ours = {HG_STATUS_OK, ""}, theirs = {HG_STATUS_OK, ""};
        bool all = i == 0, some = i >= n_items && i % 2 == 0; /* every other sample's alone */
        for (size_t k = 0; (all || some) && k < (all ? n_items : 1); k++)
            assert_int_equal(hg_sample_expect(&with, (i + k) % n_items, &err), HG_STATUS_OK);
        assert_int_equal(hg_sample_read_expected(&with, &err), HG_STATUS_OK);
        if (all)
            assert_int_equal(ahead.n, 7); /* pictures that differ */
        hg_status status = hg_sample_make(&f.maker, i % n_items, &a, &ours);
        assert_int_equal(hg_sample_make(&with, i % n_items, &b, &theirs), status);
        assert_string_equal(ours.text, theirs.text);
        n_good += status == HG_STATUS_OK;
        if (status == HG_STATUS_OK) {
            check_pixels(&a, &b, 3 * side * side * sizeof(float));
            hg_train_sample_deinit(&a);
            hg_train_sample_deinit(&b);
        }
    }
    assert_int_equal(n_good, 2 * 6);
    hg_image_ahead_deinit(&ahead);
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conversations),
        cmocka_unit_test(test_drawing),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_ahead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
