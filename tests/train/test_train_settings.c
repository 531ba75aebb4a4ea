/* SPDX-License-Identifier: Apache-2.0
 *
 * test_train_settings.c: the paper's numbers as defaults, keys and files.
 */
#include "train/train_settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static hg_train_settings *create(hg_train_stage stage)
{
    hg_train_settings *s = NULL;
    hg_error err = {HG_STATUS_OK, ""};
    assert_int_equal(hg_train_settings_create(&s, stage, &err), HG_STATUS_OK);
    return s;
}

/* Table 7 of the paper: projector rate, rate, global batch, dropout; M3, then L14. */
static void test_defaults(void **state)
{
    (void)state;
    static const struct {
        hg_train_stage stage;
        hg_chat_kind chat;
        double projector_lr, lr, batch, dropout;
        hg_schedule_kind schedule;
        int rank;
    } rows[] = {
        {HG_TRAIN_STAGE_1_COM, HG_CHAT_KIND_PHI3, 1e-3, 1e-3, 256, 0, HG_SCHEDULE_COSINE, 64},
        {HG_TRAIN_STAGE_1_GEN, HG_CHAT_KIND_PHI3, 2e-5, 2e-4, 64, 0.05, HG_SCHEDULE_COSINE, 256},
        {HG_TRAIN_STAGE_2_FUSION, HG_CHAT_KIND_PHI3, 2e-5, 2e-4, 32, 0.05, HG_SCHEDULE_CONSTANT, 64},
        {HG_TRAIN_STAGE_3_COM, HG_CHAT_KIND_PHI3, 2e-5, 2e-4, 128, 0.05, HG_SCHEDULE_COSINE, 64},
        {HG_TRAIN_STAGE_3_GEN, HG_CHAT_KIND_PHI3, 2e-5, 2e-4, 64, 0.05, HG_SCHEDULE_COSINE, 256},
        {HG_TRAIN_STAGE_1_GEN, HG_CHAT_KIND_PHI4, 2e-5, 1e-4, 64, 0.05, HG_SCHEDULE_COSINE, 128},
        {HG_TRAIN_STAGE_3_COM, HG_CHAT_KIND_PHI4, 2e-5, 2e-4, 128, 0.05, HG_SCHEDULE_COSINE, 32},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hg_error err = {HG_STATUS_OK, ""};
        hg_train_settings *s = create(rows[i].stage);
        assert_int_equal(hg_train_settings_complete(s, rows[i].chat, &err), HG_STATUS_OK);
        assert_true(s->projector_lr == rows[i].projector_lr && s->lr == rows[i].lr);
        assert_true((double)s->batch == rows[i].batch && s->dropout == rows[i].dropout);
        assert_int_equal(s->schedule, rows[i].schedule);
        assert_int_equal(s->rank, rows[i].rank);
        assert_true(s->weight_decay == 0 && s->max_length == 2048 && s->experts == 4 && s->clip == 1);
        assert_true(s->warmup == (rows[i].schedule == HG_SCHEDULE_CONSTANT ? 0 : 0.03));
        hg_train_settings_destroy(s);
    }
}

static void test_values(void **state)
{
    (void)state;
    hg_train_settings *s = create(HG_TRAIN_STAGE_3_COM);
    hg_error err = {HG_STATUS_OK, ""};
    static const char *const good[][2] = {{"steps", "7"},       {"lr", "1.5e-4"},     {"schedule", "linear"},
                                          {"cut", "no"},        {"form", "plain"},    {"type", "bf16"},
                                          {"data", "a b.json"}, {"weight-decay", "0"}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(hg_train_settings_set(s, good[i][0], good[i][1], &err), HG_STATUS_OK);
    assert_int_equal(s->steps, 7);
    assert_true(s->lr == 1.5e-4 && s->weight_decay == 0);
    assert_int_equal(s->schedule, HG_SCHEDULE_LINEAR);
    assert_int_equal(s->cut, 0);
    assert_int_equal(s->form, HG_TRAIN_FORM_PLAIN);
    assert_int_equal(s->type, HG_DTYPE_BF16);
    assert_string_equal(s->data, "a b.json");
    static const char *const bad[][3] = {{"step", "7", "no setting 'step'"},
                                         {"steps", "7.5", "whole number"},
                                         {"steps", "0", "steps is '0'"},
                                         {"lr", "fast", "lr is 'fast'"},
                                         {"lr", "", "lr is ''"},
                                         {"lr", "nan", "lr is 'nan'"},
                                         {"dropout", "1", "dropout is '1'"},
                                         {"schedule", "step", "constant, linear or cosine"},
                                         {"cut", "1", "no, yes"},
                                         {"per-picture", "0", "per-picture is '0'"},
                                         {"type", "q8_0", "f32, f16 or bf16"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(hg_train_settings_set(s, bad[i][0], bad[i][1], &err), HG_STATUS_USAGE);
        if (strstr(err.text, bad[i][2]) == NULL)
            fail_msg("'%s' does not say '%s'", err.text, bad[i][2]);
    }
    assert_int_equal(s->type, HG_DTYPE_BF16);
    hg_train_settings_destroy(s);
    s = create(HG_TRAIN_STAGE_3_COM);
    assert_int_equal(hg_train_settings_set(s, "rank", "6", &err), HG_STATUS_OK);
    assert_int_equal(hg_train_settings_complete(s, HG_CHAT_KIND_PHI3, &err), HG_STATUS_USAGE);
    hg_train_settings_destroy(s);
    s = create(HG_TRAIN_STAGE_3_COM);
    assert_int_equal(hg_train_settings_set(s, "group-by-length", "yes", &err), HG_STATUS_OK);
    assert_int_equal(hg_train_settings_set(s, "per-picture", "2", &err), HG_STATUS_OK);
    assert_int_equal(hg_train_settings_complete(s, HG_CHAT_KIND_PHI3, &err), HG_STATUS_USAGE);
    assert_non_null(strstr(err.text, "choose one"));
    hg_train_settings_destroy(s);
}

static char path[] = "/tmp/hg_settings_XXXXXX";

static hg_status read_text(hg_train_settings *s, const char *text, hg_error *err)
{
    assert_int_equal(hg_file_write(path, text, strlen(text), err), HG_STATUS_OK);
    return hg_train_settings_read(s, path, err);
}

static void test_file(void **state)
{
    (void)state;
    hg_error err = {HG_STATUS_OK, ""};
    hg_train_settings *s = create(HG_TRAIN_STAGE_3_GEN);
    assert_int_equal(
        read_text(s,
                  "# a remark\n batch = 4\r\ndata = \"x y.json\"\n[3-com]\nlr = 1\n\n[3-gen]\nlr = 2\n"
                  "[all]\nseed=9",
                  &err),
        HG_STATUS_OK);
    assert_int_equal(s->batch, 4);
    assert_string_equal(s->data, "x y.json");
    assert_true(s->lr == 2);
    assert_int_equal(s->seed, 9);
    static const char *const bad[][2] = {{"batch = 4\nspeed = 3\n", ":2: no setting 'speed'"},
                                         {"\n\nlr\n", ":3: no '='"},
                                         {"[4-com]\n", ":1: no stage '4-com'"},
                                         {"[3-com\n", ":1: a section"},
                                         {"[3-com]\nspeed = 3\n", ":2: no setting 'speed'"},
                                         {"steps = many\n", ":1: steps is 'many'"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(read_text(s, bad[i][0], &err), HG_STATUS_INPUT);
        if (strstr(err.text, bad[i][1]) == NULL || strncmp(err.text, path, strlen(path)) != 0)
            fail_msg("'%s' does not say '%s'", err.text, bad[i][1]);
    }
    assert_int_equal(hg_train_settings_read(s, "/nowhere/x.ini", &err), HG_STATUS_INPUT);
    hg_train_settings_destroy(s);
}

static void test_stages(void **state)
{
    (void)state;
    for (int i = 0; i < HG_TRAIN_STAGE_COUNT; i++) {
        hg_train_stage stage;
        assert_true(hg_train_stage_find(hg_train_stage_name((hg_train_stage)i), &stage));
        assert_int_equal(stage, i);
    }
    hg_train_stage stage;
    assert_false(hg_train_stage_find("2-com", &stage));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_stages),
    };
    int fd = mkstemp(path);
    if (fd < 0)
        return 1;
    close(fd);
    int status = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return status;
}
