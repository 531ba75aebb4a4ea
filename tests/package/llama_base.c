/* SPDX-License-Identifier: Apache-2.0
 *
 * llama_base.c: names are spelled out here and not taken from the program's tables.
 */
#include "llama_base.h"

#include "formats/tensor_file.h"
#include "formats/tensor_writer.h"
#include "text/tokenizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_TENSORS 64

typedef struct base_plan {
    char names[MAX_TENSORS][64];
    hg_tensor_spec specs[MAX_TENSORS];
    size_t n;
} base_plan;

static void llama_name(const char *name, char out[64])
{
    static const char *const layer_names[][2] = {
        {"input_layernorm.weight", "attn_norm.weight"},
        {"post_attention_layernorm.weight", "ffn_norm.weight"},
        {"self_attn.qkv_proj.weight", "attn_qkv.weight"},
        {"self_attn.o_proj.weight", "attn_output.weight"},
        {"mlp.gate_up_proj.weight", "ffn_up.weight"},
        {"mlp.down_proj.weight", "ffn_down.weight"},
    };
    static const char *const other_names[][2] = {{"model.embed_tokens.weight", "token_embd.weight"},
                                                 {"model.norm.weight", "output_norm.weight"},
                                                 {"lm_head.weight", "output.weight"}};
    int layer = -1, at = 0;
    out[0] = 0;
    if (sscanf(name, "model.layers.%d.%n", &layer, &at) == 1 && at > 0) {
        for (size_t i = 0; i < sizeof layer_names / sizeof *layer_names; i++) {
            if (strcmp(name + at, layer_names[i][0]) == 0)
                snprintf(out, 64, "blk.%d.%s", layer, layer_names[i][1]);
        }
    }
    for (size_t i = 0; i < sizeof other_names / sizeof *other_names; i++) {
        if (strcmp(name, other_names[i][0]) == 0)
            snprintf(out, 64, "%s", other_names[i][1]);
    }
    if (out[0] == 0)
        fail_msg("no name for %s", name);
}

/* The numbers of tests/data/tiny/m3/base/config.json. */
static void put_keys(hg_gguf_builder *b)
{
    hg_gguf_put_text(b, "general.architecture", "phi3");
    hg_gguf_put_text(b, "general.name", "Tiny");
    hg_gguf_put_u32(b, "phi3.context_length", 4096);
    hg_gguf_put_u32(b, "phi3.rope.scaling.original_context_length", 4096);
    hg_gguf_put_u32(b, "phi3.embedding_length", 32);
    hg_gguf_put_u32(b, "phi3.feed_forward_length", 96);
    hg_gguf_put_u32(b, "phi3.block_count", 3);
    hg_gguf_put_u32(b, "phi3.attention.head_count", 4);
    hg_gguf_put_u32(b, "phi3.attention.head_count_kv", 4);
    hg_gguf_put_f32(b, "phi3.attention.layer_norm_rms_epsilon", 1e-5F);
    hg_gguf_put_u32(b, "phi3.rope.dimension_count", 8);
    hg_gguf_put_f32(b, "phi3.rope.freq_base", 10000);
    hg_gguf_put_u32(b, "phi3.attention.sliding_window", 2047);
}

/* llama.cpp's own keys of the tokenizer, and no others. */
static void put_tokenizer(hg_gguf_builder *b, const char *folder)
{
    hg_tokenizer *tokenizer;
    hg_gguf_builder all;
    hg_buffer file;
    hg_gguf *g;
    assert_int_equal(hg_tokenizer_open(&tokenizer, folder, NULL), HG_STATUS_OK);
    hg_gguf_builder_init(&all);
    assert_int_equal(hg_tokenizer_write_gguf(tokenizer, &all, NULL), HG_STATUS_OK);
    uint8_t head[24] = {'G', 'G', 'U', 'F', 3, [16] = (uint8_t)all.n_values};
    hg_buffer_init(&file, (size_t)1 << 26);
    assert_true(hg_buffer_push(&file, head, sizeof head) &&
                hg_buffer_push(&file, all.bytes.data, all.bytes.size));
    assert_int_equal(hg_gguf_open_memory(&g, file.data, file.size, NULL), HG_STATUS_OK);
    for (size_t i = 0; i < hg_gguf_n_values(g); i++) {
        const hg_gguf_value *v = hg_gguf_get_value(g, i);
        if (strncmp(hg_gguf_value_key(v), "tokenizer.", 10) == 0)
            hg_gguf_put_value(b, v);
    }
    hg_gguf_close(g);
    hg_buffer_deinit(&file);
    hg_gguf_builder_deinit(&all);
    hg_tokenizer_close(tokenizer);
}

static void plan_tensors(base_plan *plan, const hg_tensor_set *set)
{
    plan->n = hg_tensor_set_n_tensors(set);
    assert_in_range(plan->n, 1, MAX_TENSORS);
    for (size_t i = 0; i < plan->n; i++) {
        const hg_named_tensor *t = hg_tensor_set_get(set, i);
        hg_tensor_spec *spec = &plan->specs[i];
        llama_name(t->name, plan->names[i]);
        *spec = (hg_tensor_spec){.name = plan->names[i],
                                 .dtype = t->tensor.n_dims == 1 ? HG_DTYPE_F32 : t->tensor.dtype,
                                 .n_dims = t->tensor.n_dims};
        memcpy(spec->shape, t->tensor.shape, sizeof spec->shape);
    }
}

static void write_tensor(hg_tensor_writer *w, const hg_tensor *t, hg_dtype dtype)
{
    float row[256];
    size_t n = (size_t)hg_tensor_count(t);
    if (t->dtype == dtype) {
        assert_int_equal(hg_tensor_writer_write(w, t->data, hg_tensor_bytes(t), NULL), HG_STATUS_OK);
        return;
    }
    assert_in_range(n, 1, sizeof row / sizeof *row);
    hg_dtype_to_real(t->dtype, (int64_t)n, t->data, row);
    assert_int_equal(hg_tensor_writer_write(w, row, n * sizeof *row, NULL), HG_STATUS_OK);
}

void llama_base_make(const package_path *out)
{
    package_path folder = package_tiny_path("m3/base");
    hg_tensor_set *set;
    hg_tensor_writer *w;
    hg_gguf_builder b;
    hg_error err = {HG_STATUS_OK, ""};
    assert_int_equal(hg_tensor_set_open_folder(&set, folder.text, NULL), HG_STATUS_OK);
    base_plan plan;
    plan_tensors(&plan, set);
    hg_gguf_builder_init(&b);
    put_keys(&b);
    put_tokenizer(&b, folder.text);
    if (hg_gguf_writer_create(&w, out->text, &b, plan.specs, plan.n, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < plan.n; i++)
        write_tensor(w, &hg_tensor_set_get(set, i)->tensor, plan.specs[i].dtype);
    assert_int_equal(hg_tensor_writer_finish(w, NULL), HG_STATUS_OK);
    hg_tensor_writer_destroy(w);
    hg_gguf_builder_deinit(&b);
    hg_tensor_set_close(set);
}
