/* SPDX-License-Identifier: Apache-2.0
 *
 * test_train_golden.c: ten AdamW steps of every stage on the tiny M3, with H-LoRA, LoRA and MoELoRA, against
 * PyTorch's: losses within 1e-4, weights within 1e-3 of the largest and near what training changed in them:
 * each within a tenth of the largest change (where a gradient is nearly zero, Adam makes much of its
 * rounding), on average within a 100th. Norms are compared while the weights have hardly moved: later the
 * rounding of one processor or another shows in them, because these random models are curved sharply.
 */
#include "base/memory.h"
#include "formats/tensor_file.h"
#include "formats/tensor_writer.h"
#include "ops/ops.h"

#include <healthgpt/train.h>

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define STEPS 10
#define NORM_STEPS 5
#define SAMPLED 48 /* values of a tensor that the golden file has */

static char out[] = "/tmp/hg_train_golden_XXXXXX";
static hg_tensor_file *golden;
static hg_adapter_kind adapter;
static char folder[256]; /* of the files that training begins with */

/* The largest differences of a stage: of a loss to PyTorch's, of a weight as a part of its tensor's largest
 * and of what training changed in it. */
static struct worst {
    double loss, weight, change;
} worst;

static void take_worst(double *so_far, double value)
{
    *so_far = fmax(*so_far, value);
}

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

/* The golden names' beginning: the stage, behind the adapter unless it is H-LoRA. */
static const char *prefix_of(const char *stage, char prefix[64])
{
    snprintf(prefix, 64, "%s%s%s", adapter == HG_ADAPTER_HLORA ? "" : hg_adapter_kind_name(adapter),
             adapter == HG_ADAPTER_HLORA ? "" : ".", stage);
    return prefix;
}

static bool check_step(void *user, const hg_train_step *step)
{
    const char *stage = user;
    char name[64];
    int64_t n;
    snprintf(name, sizeof name, "%s.losses", stage);
    double wanted = (double)golden_values(name, &n)[step->step - 1];
    assert_int_equal(n, STEPS);
    take_worst(&worst.loss, fabs(step->loss - wanted) / wanted);
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
    double most = largest(got, count), allowed = fmin(1e-3 * most, change / 10), sum = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t at = rows != NULL      ? (int64_t)((const float *)rows->data)[i / width] * width + i % width
                     : count < SAMPLED ? i
                                       : i * count / SAMPLED;
        double apart = fabs((double)got[at] - (double)wanted[i]);
        sum += apart;
        take_worst(&worst.weight, apart / most);
        take_worst(&worst.change, apart / change);
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
    char path[600];
    hg_error err = {HG_STATUS_OK, ""};
    hg_tensor_file *ours, *before;
    snprintf(path, sizeof path, "%s/%s/%s", out, stage, file_name);
    assert_int_equal(hg_tensor_file_open(&ours, path, &err), HG_STATUS_OK);
    snprintf(path, sizeof path, "%s/%s", folder, file_name);
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
    char prefix[64];
    const char *name = prefix_of(hg_train_stage_name(stage), prefix);
    hg_train_settings *s;
    hg_train_result result;
    hg_error err = {HG_STATUS_OK, ""};
    char path[600];
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
    static const char *const parts[][2] = {{"com", "com_hlora_weights.bin"},
                                           {"gen", "gen_hlora_weights.bin"}};
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, parts[i][1]);
        set(s, parts[i][0], path);
    }
    hg_train_listener listener = {.on_step = check_step, .user = (void *)(uintptr_t)name};
    worst = (struct worst){0};
    if (hg_train_run(s, &listener, &result, &err) != HG_STATUS_OK)
        fail_msg("%s: %s", name, err.text);
    assert_int_equal(result.n_steps, STEPS);
    assert_int_equal(result.n_skipped_steps, 0);
    check_file(name, file_name);
    print_message("%s: losses within %.1e, weights within %.1e of their largest, %.1e of their change\n",
                  name, worst.loss, worst.weight, worst.change);
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

/* ---- the files that training begins with ---- */

static bool ends_with(const char *name, const char *ending)
{
    size_t n = strlen(name), m = strlen(ending);
    return n >= m && strcmp(name + n - m, ending) == 0;
}

/* B (out, r) of H-LoRA as that of MoELoRA (experts · out, r / experts). */
static void restack(const float *b, int64_t out_rows, int64_t rank, int64_t experts, float *to)
{
    int64_t each = rank / experts;
    for (int64_t j = 0; j < experts; j++) {
        for (int64_t i = 0; i < out_rows; i++)
            memcpy(to + (j * out_rows + i) * each, b + i * rank + j * each, (size_t)each * sizeof *to);
    }
}

/* The tiny M3's plug-in with the other kind of adapter: without its routers, or with its B restacked. */
static void write_other(const char *file_name, int64_t experts)
{
    char path[600];
    hg_error err = {HG_STATUS_OK, ""};
    hg_tensor_file *f;
    hg_tensor_writer *w;
    hg_tensor_spec specs[64];
    size_t n = 0, from[64];
    snprintf(path, sizeof path, HG_TEST_DATA "/tiny/m3/%s", file_name);
    assert_int_equal(hg_tensor_file_open(&f, path, &err), HG_STATUS_OK);
    for (size_t i = 0; i < hg_tensor_file_n_tensors(f); i++) {
        const hg_named_tensor *t = hg_tensor_file_get(f, i);
        if (adapter == HG_ADAPTER_LORA && ends_with(t->name, "lora_route.weight"))
            continue;
        assert_true(n < 64);
        from[n] = i;
        specs[n] = (hg_tensor_spec){.name = t->name, .dtype = HG_DTYPE_F32, .n_dims = t->tensor.n_dims};
        memcpy(specs[n].shape, t->tensor.shape, sizeof specs[n].shape);
        if (adapter == HG_ADAPTER_MOELORA && ends_with(t->name, "lora_B.weight")) {
            specs[n].shape[0] *= experts;
            specs[n].shape[1] /= experts;
        }
        n++;
    }
    snprintf(path, sizeof path, "%s/%s", folder, file_name);
    assert_int_equal(hg_torch_writer_create(&w, path, "adapter_model", specs, n, &err), HG_STATUS_OK);
    for (size_t i = 0; i < n; i++) {
        const hg_tensor *t = &hg_tensor_file_get(f, from[i])->tensor;
        size_t count = (size_t)hg_tensor_count(t);
        float *values = hg_mem_array(2 * count, sizeof *values);
        assert_non_null(values);
        hg_dtype_to_real(t->dtype, (int64_t)count, t->data, values);
        bool b = adapter == HG_ADAPTER_MOELORA && ends_with(specs[i].name, "lora_B.weight");
        if (b)
            restack(values, t->shape[0], t->shape[1], experts, values + count);
        assert_int_equal(hg_tensor_writer_write(w, values + (b ? count : 0), count * sizeof *values, &err),
                         HG_STATUS_OK);
        hg_mem_free(values);
    }
    assert_int_equal(hg_tensor_writer_finish(w, &err), HG_STATUS_OK);
    hg_tensor_writer_destroy(w);
    hg_tensor_file_close(f);
}

static int64_t count_experts(const char *file_name)
{
    char path[600];
    hg_tensor_file *f;
    snprintf(path, sizeof path, HG_TEST_DATA "/tiny/m3/%s", file_name);
    assert_int_equal(hg_tensor_file_open(&f, path, NULL), HG_STATUS_OK);
    const hg_tensor *t =
        hg_tensor_file_find(f, "base_model.model.model.layers.0.self_attn.o_proj.lora_route.weight");
    assert_non_null(t);
    int64_t n = t->shape[0];
    hg_tensor_file_close(f);
    return n;
}

static void begin(hg_adapter_kind kind, const char *golden_name)
{
    static const char *const files[] = {"com_hlora_weights.bin", "gen_hlora_weights.bin"};
    char path[600];
    hg_error err = {HG_STATUS_OK, ""};
    adapter = kind;
    snprintf(path, sizeof path, HG_TEST_DATA "/training/%s", golden_name);
    hg_tensor_file_close(golden);
    if (hg_tensor_file_open(&golden, path, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    snprintf(folder, sizeof folder, HG_TEST_DATA "/tiny/m3");
    if (kind == HG_ADAPTER_HLORA)
        return;
    snprintf(folder, sizeof folder, "%s/%s", out, hg_adapter_kind_name(kind));
    assert_int_equal(mkdir(folder, 0700), 0);
    for (int i = 0; i < 2; i++)
        write_other(files[i], count_experts(files[i]));
    snprintf(path, sizeof path, "cp " HG_TEST_DATA "/tiny/m3/fusion_layer_weights.bin %s/", folder);
    assert_int_equal(system(path), 0);
}

static void test_lora(void **state)
{
    begin(HG_ADAPTER_LORA, "golden_adapters.safetensors");
    test_1_com(state);
    test_1_gen(state);
    test_2_fusion(state);
    test_3_com(state);
    test_3_gen(state);
}

static void test_moelora(void **state)
{
    begin(HG_ADAPTER_MOELORA, "golden_adapters.safetensors");
    test_1_com(state);
    test_1_gen(state);
    test_2_fusion(state);
    test_3_com(state);
    test_3_gen(state);
}

static int open_all(void **state)
{
    (void)state;
    if (mkdtemp(out) == NULL)
        return -1;
    begin(HG_ADAPTER_HLORA, "golden.safetensors");
    return 0;
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
        cmocka_unit_test(test_1_com),   cmocka_unit_test(test_1_gen), cmocka_unit_test(test_2_fusion),
        cmocka_unit_test(test_3_com),   cmocka_unit_test(test_3_gen), cmocka_unit_test(test_lora),
        cmocka_unit_test(test_moelora),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
