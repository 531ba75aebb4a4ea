/* SPDX-License-Identifier: Apache-2.0
 *
 * test_pretrain_vit.c: an image encoder from nothing: it tells colours and shapes apart, the written files
 * are a CLIP, runs are repeatable.
 */
#include "pretrain/pretrain_data.h"

#include "model/clip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *const small[] = {"size",  "32", "patch", "8",  "layers", "3",  "hidden", "32",
                                    "heads", "2",  "ffn",   "64", "batch",  "12", NULL};

static const char *const *with(const char *const *more)
{
    static const char *all[64];
    size_t n = 0;
    for (size_t i = 0; small[i] != NULL; i++)
        all[n++] = small[i];
    for (size_t i = 0; more[i] != NULL; i++)
        all[n++] = more[i];
    all[n] = NULL;
    return all;
}

static void test_overfit(void **state)
{
    (void)state;
    pretrain_data d;
    char path[256];
    hg_pretrain_result result;
    hg_error err = {HG_STATUS_OK, ""};
    pretrain_data_make(&d);
    const char *const more[] = {"steps", "120", "lr", "3e-3", NULL};
    hg_pretrain_settings *s = pretrain_data_settings(&d, HG_PRETRAIN_STAGE_VIT, "out", with(more));
    pretrain_data_run(s, &result);
    hg_pretrain_settings_destroy(s);
    assert_true(pretrain_data_measure(&result, "questions") == 2);
    assert_true(pretrain_data_measure(&result, "labels") == 2 * PRETRAIN_PICTURES);
    assert_true(pretrain_data_measure(&result, "accuracy") == 1);
    assert_true(pretrain_data_measure(&result, "commonest_answer") < 0.34);

    hg_clip_config config;
    hg_preprocessor_config preparation;
    hg_tensor_set *set = NULL;
    hg_arena arena;
    hg_clip clip;
    hg_arena_init(&arena, 1 << 20, (size_t)1 << 30);
    pretrain_data_path(&d, "out/clip", path);
    assert_int_equal(hg_clip_config_read(&config, path, &err), HG_STATUS_OK);
    assert_int_equal(hg_preprocessor_config_read(&preparation, path, &err), HG_STATUS_OK);
    assert_int_equal(preparation.crop, 32);
    assert_int_equal(hg_tensor_set_open_folder(&set, path, &err), HG_STATUS_OK);
    assert_int_equal(hg_clip_load(&clip, &config, set, &arena, &err), HG_STATUS_OK);
    assert_int_equal(hg_clip_n_patches(&clip), 16);
    assert_null(hg_tensor_set_find(set, "train.head.weight")); /* belongs to training alone */
    hg_tensor_set_close(set);
    hg_arena_deinit(&arena);
    pretrain_data_remove(&d);
}

/* On the grid of 8 x 8: pixels of 4 x 4, of which the middle tells. */
static void write_cells(FILE *file, int shape)
{
    fputs(", \"cells\": [", file);
    for (int i = 0; i < 64; i++) {
        int x = i % 8 * 4 + 2, y = i / 8 * 4 + 2;
        int inside = shape == 0   ? x >= 6 && x < 22 && y >= 8 && y < 24
                     : shape == 1 ? y >= 20 && y < 26
                                  : (x >= 14 && x < 18) || (y >= 14 && y < 18);
        fprintf(file, "%s\"%s\"", i > 0 ? ", " : "", inside ? "shape" : "ground");
    }
    fputs("]", file);
}

/* Facts beside the questions: texts, whole numbers, members of an object, lists with their absent names; a
 * line of another split and a bad one. Pictures 0 to 5 have a visible lesion, 6 none, 7 an unsure one. */
static void write_facts(const pretrain_data *d)
{
    char path[256];
    FILE *file = fopen(pretrain_data_path(d, "facts.jsonl", path), "w");
    assert_non_null(file);
    for (int i = 0; i < 8; i++) {
        fprintf(file, "{\"image\": \"p%d.png\", \"modality\": \"%s\", \"count\": %d, \"size\": %d.5, ", i,
                i % 2 == 0 ? "CT" : "MRI", i % 3, i);
        if (i < 6)
            fprintf(file, "\"lesion\": {\"visible\": \"yes\", \"kind\": \"%s\"}, ",
                    i < 3 ? "cyst" : "tumour");
        else
            fputs(i == 6 ? "\"lesion\": null, "
                         : "\"lesion\": {\"visible\": \"unsure\", \"kind\": \"cyst\"}, ",
                  file);
        fprintf(file, "\"organs\": [\"liver\"%s], \"organs_absent\": [%s]", i < 4 ? ", \"heart\"" : "",
                i < 4 ? "" : "\"heart\"");
        if (i < 3) /* a square, a bar and a cross: where they lie */
            write_cells(file, i);
        fputs("}\n", file);
    }
    fputs("{\"image\": \"p8.png\", \"split\": \"val\", \"modality\": \"CT\"}\n{\"modality\": \"CT\"}\n"
          "{\"image\": \"gone.png\", \"modality\": \"CT\"}\n",
          file);
    assert_int_equal(fclose(file), 0);
}

static void test_facts(void **state)
{
    (void)state;
    pretrain_data d;
    char path[256];
    hg_pretrain_result result;
    pretrain_data_make(&d);
    write_facts(&d);
    const char *const more[] = {"steps",   "200",   "lr",
                                "3e-3",    "facts", pretrain_data_path(&d, "facts.jsonl", path),
                                "holdout", "0",     NULL};
    hg_pretrain_settings *s = pretrain_data_settings(&d, HG_PRETRAIN_STAGE_VIT, "out", with(more));
    pretrain_data_run(s, &result);
    hg_pretrain_settings_destroy(s);
    assert_int_equal(result.n_bad, 2);
    /* colour, shape; modality, count, lesion.visible, lesion.kind, organs: heart (the liver is always there)
     */
    assert_true(pretrain_data_measure(&result, "questions") == 7);
    assert_true(pretrain_data_measure(&result, "labels") == 2 * PRETRAIN_PICTURES + 8 + 8 + 7 + 6 + 8);
    assert_true(pretrain_data_measure(&result, "accuracy") == 1);
    assert_true(pretrain_data_measure(&result, "cells_accuracy") > 0.9);
    pretrain_data_remove(&d);
}

typedef struct read_heard {
    int64_t n_calls, n_all, stop_at;
} read_heard;

static bool count_read(void *user, int64_t n_read, int64_t n_items)
{
    read_heard *h = user;
    h->n_calls++;
    h->n_all += n_read == n_items;
    return h->n_calls != h->stop_at;
}

/* More lines than are parsed ahead, with bad ones around that many; each is heard of, and may be the last. */
static void test_many_facts(void **state)
{
    (void)state;
    pretrain_data d;
    char path[256];
    hg_pretrain_result result;
    hg_error err = {HG_STATUS_OK, ""};
    read_heard h = {0, 0, 0};
    hg_train_listener listener = {.user = &h, .on_read = count_read};
    pretrain_data_make(&d);
    FILE *file = fopen(pretrain_data_path(&d, "facts.jsonl", path), "w");
    assert_non_null(file);
    for (int i = 0; i < 600; i++)
        fprintf(file, "{\"%s\": \"p%d.png\", \"count\": %d}\n",
                i == 255 || i == 256 || i == 599 ? "picture" : "image", i % PRETRAIN_PICTURES, i / 12 % 7);
    assert_int_equal(fclose(file), 0);
    const char *const more[] = {"steps", "2", "facts", path, NULL};
    hg_pretrain_settings *s = pretrain_data_settings(&d, HG_PRETRAIN_STAGE_VIT, "out", with(more));
    if (hg_pretrain_run(s, &listener, &result, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    assert_int_equal(result.n_bad, 3);
    assert_int_equal(h.n_calls, PRETRAIN_PICTURES + 600);
    assert_int_equal(h.n_all, 2);
    h = (read_heard){.stop_at = PRETRAIN_PICTURES + 300};
    assert_int_equal(hg_pretrain_run(s, &listener, &result, &err), HG_STATUS_FAILED);
    assert_non_null(strstr(err.text, "stopped while"));
    assert_int_equal(h.n_calls, PRETRAIN_PICTURES + 300);
    hg_pretrain_settings_destroy(s);
    pretrain_data_remove(&d);
}

static void test_same(void **state)
{
    (void)state;
    pretrain_data d;
    pretrain_data_make(&d);
    const char *const more[] = {"steps", "7", "save-every", "3", NULL};
    pretrain_data_check_same(&d, HG_PRETRAIN_STAGE_VIT, with(more), 5, "clip/pytorch_model.bin");
    pretrain_data_remove(&d);
}

static void test_refused(void **state)
{
    (void)state;
    pretrain_data d;
    hg_pretrain_result result;
    hg_error err = {HG_STATUS_OK, ""};
    pretrain_data_make(&d);
    static const char *const bad[][2] = {{"patch", "7"}, {"heads", "3"}, {"layers", "1"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *const more[] = {bad[i][0], bad[i][1], NULL};
        hg_pretrain_settings *s = pretrain_data_settings(&d, HG_PRETRAIN_STAGE_VIT, "out", with(more));
        assert_int_equal(hg_pretrain_run(s, NULL, &result, &err), HG_STATUS_USAGE);
        assert_non_null(strstr(err.text, "must divide"));
        hg_pretrain_settings_destroy(s);
    }
    pretrain_data_remove(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_overfit), cmocka_unit_test(test_facts),
                                       cmocka_unit_test(test_many_facts), cmocka_unit_test(test_same),
                                       cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
