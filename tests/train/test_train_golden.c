/* SPDX-License-Identifier: Apache-2.0
 *
 * test_train_golden.c: ten AdamW steps of every stage on the tiny M3 against PyTorch's: losses within 1e-4,
 * weights within 1e-3 of the largest and near what training changed in them: each within a tenth of the
 * largest change (where a gradient is nearly zero, Adam makes much of its rounding), on average within a
 * 100th. Norms are compared while the weights have hardly moved: later the rounding of one processor or
 * another shows in them, because these random models are curved sharply.
 */
#include "formats/tensor_file.h"

#include <healthgpt/train.h>

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STEPS 10
#define NORM_STEPS 5
#define SAMPLED 48 /* values of a tensor that the golden file has */

static char out[] = "/tmp/hg_train_golden_XXXXXX";
static hg_tensor_file *golden;

static const float *golden_values(const char *name, int64_t *n)
{
    const hg_tensor *t = hg_tensor_file_find(golden, name);
    if (t == NULL)
        fail_msg("no golden '%s'", name);
    *n = hg_tensor_count(t);
    return t->data;
}

static void set(hg_train_settings *s, const char *key, const char *value)
{
    hg_error err = {HG_STATUS_OK, ""};
    if (hg_train_settings_set(s, key, value, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
}

static void set_number(hg_train_settings *s, const char *key, float value)
{
    char text[32];
    snprintf(text, sizeof text, "%.7g", (double)value);
    set(s, key, text);
}

static bool check_step(void *user, const hg_train_step *step)
{
    const char *stage = user;
    char name[64];
    int64_t n;
    snprintf(name, sizeof name, "%s.losses", stage);
    double wanted = (double)golden_values(name, &n)[step->step - 1];
    assert_int_equal(n, STEPS);
    if (fabs(step->loss - wanted) > 1e-4 * wanted)
        fail_msg("%s: loss of step %d is %.8g, expected %.8g", stage, (int)step->step, step->loss, wanted);
    snprintf(name, sizeof name, "%s.norms", stage);
    wanted = (double)golden_values(name, &n)[step->step - 1];
    if (step->step <= NORM_STEPS && fabs(step->norm - wanted) > 0.01 * wanted)
        fail_msg("%s: norm of step %d is %.8g, expected %.8g", stage, (int)step->step, step->norm, wanted);
    return true;
}

static double largest(const float *values, int64_t n)
{
    double max = 0;
    for (int64_t i = 0; i < n; i++)
        max = fmax(max, fabs((double)values[i]));
    return max;
}

/* One tensor of the written file; some rows of embedding and head, some values of the others. */
static void check_tensor(const char *stage, const hg_named_tensor *t)
{
    char name[320];
    int64_t n, n_rows = 0;
    snprintf(name, sizeof name, "%s.%s.change", stage, t->name);
    double change = (double)golden_values(name, &n)[0];
    snprintf(name, sizeof name, "%s.%s.rows", stage, t->name);
    const hg_tensor *rows = hg_tensor_file_find(golden, name);
    snprintf(name, sizeof name, "%s.%s", stage, t->name);
    const float *wanted = golden_values(name, &n), *got = t->tensor.data;
    int64_t count = hg_tensor_count(&t->tensor), width = t->tensor.shape[t->tensor.n_dims - 1];
    n_rows = rows != NULL ? hg_tensor_count(rows) : 0;
    assert_int_equal(n, rows != NULL ? n_rows * width : count < SAMPLED ? count : SAMPLED);
    double allowed = fmin(1e-3 * largest(got, count), change / 10), sum = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t at = rows != NULL      ? (int64_t)((const float *)rows->data)[i / width] * width + i % width
                     : count < SAMPLED ? i
                                       : i * count / SAMPLED;
        double apart = fabs((double)got[at] - (double)wanted[i]);
        sum += apart;
        if (apart > allowed)
            fail_msg("%s: %s[%lld] is %.8g, expected %.8g (trained by up to %.3g)", stage, t->name,
                     (long long)at, (double)got[at], (double)wanted[i], change);
    }
    if (sum / (double)n > change / 100)
        fail_msg("%s: %s is %.3g off on average (trained by up to %.3g)", stage, t->name, sum / (double)n,
                 change);
}

/* Every tensor that PyTorch trained is in the file as it should be; the others are as they were. */
static void check_file(const char *stage, const char *file_name)
{
    char path[512];
    hg_error err = {HG_STATUS_OK, ""};
    hg_tensor_file *ours, *before;
    snprintf(path, sizeof path, "%s/%s/%s", out, stage, file_name);
    assert_int_equal(hg_tensor_file_open(&ours, path, &err), HG_STATUS_OK);
    snprintf(path, sizeof path, HG_TEST_DATA "/tiny/m3/%s", file_name);
    assert_int_equal(hg_tensor_file_open(&before, path, &err), HG_STATUS_OK);
    assert_int_equal(hg_tensor_file_n_tensors(ours), hg_tensor_file_n_tensors(before));
    size_t n_trained = 0;
    for (size_t i = 0; i < hg_tensor_file_n_tensors(ours); i++) {
        const hg_named_tensor *t = hg_tensor_file_get(ours, i);
        const hg_tensor *old = hg_tensor_file_find(before, t->name);
        char name[320];
        assert_non_null(old);
        assert_true(hg_tensor_same_shape(old, &t->tensor));
        snprintf(name, sizeof name, "%s.%s", stage, t->name);
        if (hg_tensor_file_find(golden, name) != NULL) {
            check_tensor(stage, t);
            n_trained++;
            continue;
        }
        for (int64_t k = 0; k < hg_tensor_count(old); k++) {
            float value;
            hg_dtype_to_real(old->dtype, 1, hg_tensor_at(old, k), &value);
            if (value != ((const float *)t->tensor.data)[k])
                fail_msg("%s: %s has changed", stage, t->name);
        }
    }
    size_t n_golden = 0; /* ".change" is there once for each */
    for (size_t i = 0; i < hg_tensor_file_n_tensors(golden); i++) {
        const char *name = hg_tensor_file_get(golden, i)->name;
        size_t n = strlen(name);
        n_golden += strncmp(name, stage, strlen(stage)) == 0 && n > 7 && strcmp(name + n - 7, ".change") == 0;
    }
    assert_true(n_golden > 0);
    assert_int_equal(n_trained, n_golden);
    hg_tensor_file_close(ours);
    hg_tensor_file_close(before);
}

static void check_stage(hg_train_stage stage, const char *data, const char *file_name)
{
    const char *name = hg_train_stage_name(stage);
    hg_train_settings *s;
    hg_train_result result;
    hg_error err = {HG_STATUS_OK, ""};
    char path[512];
    int64_t n;
    const float *numbers = golden_values("settings", &n);
    assert_int_equal(n, 6);
    assert_int_equal(hg_train_settings_create(&s, stage, &err), HG_STATUS_OK);
    set(s, "model", HG_TEST_DATA "/tiny/m3");
    snprintf(path, sizeof path, HG_TEST_DATA "/training/%s", data);
    set(s, "data", path);
    snprintf(path, sizeof path, "%s/%s", out, name);
    set(s, "out", path);
    set_number(s, "steps", numbers[0]);
    set_number(s, "batch", numbers[1]);
    if (stage != HG_TRAIN_STAGE_2_FUSION) /* whose rate is constant */
        set_number(s, "warmup", numbers[2]);
    set_number(s, "lr", numbers[3]);
    set_number(s, "projector-lr", numbers[4]);
    set_number(s, "weight-decay", numbers[5]);
    set(s, "dropout", "0");
    set(s, "shuffle", "no");
    set(s, "type", "f32");
    snprintf(path, sizeof path, "%s/codes", out);
    set(s, "cache", path);
    hg_train_listener listener = {.on_step = check_step, .user = (void *)(uintptr_t)name};
    if (hg_train_run(s, &listener, &result, &err) != HG_STATUS_OK)
        fail_msg("%s: %s", name, err.text);
    assert_int_equal(result.n_steps, STEPS);
    assert_int_equal(result.n_skipped_steps, 0);
    check_file(name, file_name);
    hg_train_settings_destroy(s);
}

static void test_1_com(void **state)
{
    (void)state;
    check_stage(HG_TRAIN_STAGE_1_COM, "com.json", "com_hlora_weights.bin");
}

/* Items for captions become pictures to give back; the one without an image is passed over. */
static void test_1_gen(void **state)
{
    (void)state;
    check_stage(HG_TRAIN_STAGE_1_GEN, "com.json", "gen_hlora_weights.bin");
}

static void test_2_fusion(void **state)
{
    (void)state;
    check_stage(HG_TRAIN_STAGE_2_FUSION, "mix.json", "fusion_layer_weights.bin");
}

static void test_3_com(void **state)
{
    (void)state;
    check_stage(HG_TRAIN_STAGE_3_COM, "com.json", "com_hlora_weights.bin");
}

static void test_3_gen(void **state)
{
    (void)state;
    check_stage(HG_TRAIN_STAGE_3_GEN, "gen.json", "gen_hlora_weights.bin");
}

static int open_all(void **state)
{
    (void)state;
    return mkdtemp(out) != NULL && hg_tensor_file_open(&golden, HG_TEST_DATA "/training/golden.safetensors",
                                                       NULL) == HG_STATUS_OK
               ? 0
               : -1;
}

static int close_all(void **state)
{
    (void)state;
    char command[64];
    hg_tensor_file_close(golden);
    snprintf(command, sizeof command, "rm -r %s", out);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_1_com), cmocka_unit_test(test_1_gen), cmocka_unit_test(test_2_fusion),
        cmocka_unit_test(test_3_com), cmocka_unit_test(test_3_gen),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
