/* SPDX-License-Identifier: Apache-2.0
 *
 * test_plugin.c: plug-in files written on the spot: rank, experts and scale of a good one, and what is
 * refused of bad ones. All values are zero: only names and shapes matter here.
 */
#include "formats/tensor_writer.h"
#include "model/plugin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define PREFIX "base_model.model.model."
#define MAX_SPECS 32

enum { HIDDEN = 8, FFN = 12, VISION = 6, RANK = 8, EXPERTS = 4, N_LAYERS = 2 };

static const hg_decoder_config config = {.family = HG_FAMILY_PHI3,
                                         .n_layers = N_LAYERS,
                                         .hidden = HIDDEN,
                                         .n_heads = 2,
                                         .n_kv_heads = 1,
                                         .head_dim = 4,
                                         .ffn = FFN};

/* The tensors of a file to be. */
typedef struct plan {
    hg_tensor_spec specs[MAX_SPECS];
    char names[MAX_SPECS][128];
    size_t n;
} plan;

static void plan_add(plan *p, const char *name, int n_dims, int64_t d0, int64_t d1)
{
    assert_true(p->n < MAX_SPECS);
    snprintf(p->names[p->n], sizeof p->names[p->n], PREFIX "%s", name);
    p->specs[p->n] = (hg_tensor_spec){p->names[p->n], HG_DTYPE_F16, n_dims, {d0, n_dims > 1 ? d1 : 1, 1, 1}};
    p->n++;
}

/* A complete plug-in for `config`: its shapes written out by hand. */
static void plan_fill(plan *p)
{
    static const struct {
        const char *path;
        int64_t in, out;
    } modules[] = {{"self_attn.qkv_proj", HIDDEN, 16},
                   {"self_attn.o_proj", 8, HIDDEN},
                   {"mlp.gate_up_proj", HIDDEN, 24},
                   {"mlp.down_proj", FFN, HIDDEN}};
    char name[96];
    p->n = 0;
    for (int layer = 0; layer < N_LAYERS; layer++) {
        for (size_t i = 0; i < 4; i++) {
            snprintf(name, sizeof name, "layers.%d.%s.lora_A.weight", layer, modules[i].path);
            plan_add(p, name, 2, RANK, modules[i].in);
            snprintf(name, sizeof name, "layers.%d.%s.lora_B.weight", layer, modules[i].path);
            plan_add(p, name, 2, modules[i].out, RANK);
            snprintf(name, sizeof name, "layers.%d.%s.lora_route.weight", layer, modules[i].path);
            plan_add(p, name, 2, EXPERTS, modules[i].in);
        }
    }
    plan_add(p, "mm_projector.0.weight", 2, HIDDEN, VISION);
    plan_add(p, "mm_projector.0.bias", 1, HIDDEN, 1);
    plan_add(p, "mm_projector.2.weight", 2, HIDDEN, HIDDEN);
    plan_add(p, "mm_projector.2.bias", 1, HIDDEN, 1);
}

static hg_tensor_spec *plan_find(plan *p, const char *name)
{
    for (size_t i = 0; i < p->n; i++) {
        if (strcmp(p->names[i] + strlen(PREFIX), name) == 0)
            return &p->specs[i];
    }
    fail_msg("no %s", name);
    return NULL;
}

static char path[64];
static hg_arena arena;
static hg_tensor_set *set;
static hg_plugin plugin;
static plan weights;

static int setup(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/hg_plugin_XXXXXX");
    int fd = mkstemp(path);
    if (fd < 0)
        return -1;
    close(fd);
    hg_arena_init(&arena, 4096, 1 << 20);
    plan_fill(&weights);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hg_tensor_set_close(set);
    set = NULL;
    hg_arena_deinit(&arena);
    return unlink(path);
}

/* Writes the planned file and loads it. */
static hg_status load(double alpha, hg_error *err)
{
    hg_tensor_writer *w;
    assert_int_equal(hg_safetensors_writer_create(&w, path, weights.specs, weights.n, err), HG_STATUS_OK);
    for (size_t i = 0; i < weights.n; i++) {
        static const uint16_t zeros[1024];
        hg_tensor t = hg_tensor_make(HG_DTYPE_F16, weights.specs[i].n_dims, weights.specs[i].shape, NULL);
        assert_int_equal(hg_tensor_writer_write(w, zeros, (size_t)hg_tensor_count(&t) * 2, err),
                         HG_STATUS_OK);
    }
    assert_int_equal(hg_tensor_writer_finish(w, err), HG_STATUS_OK);
    hg_tensor_writer_destroy(w);
    assert_int_equal(hg_tensor_set_open_file(&set, path, err), HG_STATUS_OK);
    return hg_plugin_load(&plugin, set, &config, VISION, alpha, &arena, err);
}

static void expect_refusal(const char *text)
{
    hg_error err = {HG_STATUS_OK, ""};
    assert_int_equal(load(0, &err), HG_STATUS_INPUT);
    if (strstr(err.text, text) == NULL || strstr(err.text, path) == NULL)
        fail_msg("'%s' is not in: %s", text, err.text);
}

/* alpha is twice the rank unless it is stated; the scale is alpha over one expert's rank. */
static void test_scale(void **state)
{
    (void)state;
    hg_error err = {HG_STATUS_OK, ""};
    if (load(0, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    assert_int_equal(plugin.rank, RANK);
    assert_int_equal(plugin.n_experts, EXPERTS);
    for (int64_t layer = 0; layer < N_LAYERS; layer++) {
        const hg_hlora *down = hg_plugin_get(&plugin, layer, HG_SLOT_DOWN);
        assert_true(down->scale == 8);
        assert_int_equal(down->a.shape[1], FFN);
        assert_int_equal(down->b.shape[0], HIDDEN);
        assert_null(hg_plugin_get(&plugin, layer, HG_SLOT_Q)->a.data); /* a slot of other families */
    }
    hg_tensor_set_close(set);
    assert_int_equal(load(4, &err), HG_STATUS_OK);
    assert_true(hg_plugin_get(&plugin, 0, HG_SLOT_QKV)->scale == 2);
}

static void test_missing_tensor(void **state)
{
    (void)state;
    *plan_find(&weights, "layers.1.mlp.down_proj.lora_B.weight") = weights.specs[--weights.n];
    expect_refusal("layers.1.mlp.down_proj.lora_B.weight");
}

static void test_missing_projector(void **state)
{
    (void)state;
    weights.n--;
    expect_refusal("mm_projector.2.bias");
}

static void test_left_over_tensor(void **state)
{
    (void)state;
    plan_add(&weights, "layers.2.mlp.down_proj.lora_A.weight", 2, RANK, FFN);
    expect_refusal("29 tensors, but a plug-in of this base model has 28");
}

static void test_another_rank(void **state)
{
    (void)state;
    plan_find(&weights, "layers.1.self_attn.qkv_proj.lora_A.weight")->shape[0] = RANK / 2;
    expect_refusal("layers.1.self_attn.qkv_proj.lora_A.weight' has shape [4, 8], expected [8, 8]");
}

static void test_rank_that_experts_cannot_share(void **state)
{
    (void)state;
    plan_find(&weights, "layers.0.self_attn.o_proj.lora_route.weight")->shape[0] = 3;
    expect_refusal("rank 8 cannot be shared by 3 experts");
}

static void test_wrong_number_of_dimensions(void **state)
{
    (void)state;
    hg_tensor_spec *spec = plan_find(&weights, "layers.0.self_attn.o_proj.lora_A.weight");
    spec->n_dims = 3;
    spec->shape[2] = 1;
    expect_refusal("has shape [8, 8, 1]");
}

#define WITH_FILE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {WITH_FILE(test_scale),
                                       WITH_FILE(test_missing_tensor),
                                       WITH_FILE(test_missing_projector),
                                       WITH_FILE(test_left_over_tensor),
                                       WITH_FILE(test_another_rank),
                                       WITH_FILE(test_rank_that_experts_cannot_share),
                                       WITH_FILE(test_wrong_number_of_dimensions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
