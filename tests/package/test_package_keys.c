/* SPDX-License-Identifier: Apache-2.0
 *
 * test_package_keys.c: the settings of the tiny models through metadata and back; settings that contradict
 * each other. (Single wrong keys are in test_package_hostile.c.)
 */
#include "package/package_keys.h"

#include "formats/config_text.h"
#include "package/source.h"
#include "package_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static hg_buffer file;

static hg_gguf *open_builder(const hg_gguf_builder *b)
{
    hg_gguf *g = NULL;
    uint8_t head[24] = {'G', 'G', 'U', 'F', 3, [16] = (uint8_t)b->n_values};
    assert_int_equal(hg_gguf_builder_status(b, NULL), HG_STATUS_OK);
    hg_buffer_init(&file, (size_t)1 << 20);
    assert_true(hg_buffer_push(&file, head, sizeof head) &&
                hg_buffer_push(&file, b->bytes.data, b->bytes.size));
    assert_int_equal(hg_gguf_open_memory(&g, file.data, file.size, NULL), HG_STATUS_OK);
    return g;
}

static void close_builder(hg_gguf *g, hg_gguf_builder *b)
{
    hg_gguf_close(g);
    hg_buffer_deinit(&file);
    hg_gguf_builder_deinit(b);
}

static void put_all(hg_gguf_builder *b, const hg_model_parts *p, const hg_manifest *m)
{
    hg_gguf_builder_init(b);
    hg_package_put_manifest(b, m);
    hg_package_put_decoder(b, &p->decoder);
    hg_package_put_generation(b, &p->generation);
    hg_package_put_clip(b, &p->clip, &p->preprocessor);
    if (p->sets[HG_PART_VQGAN] != NULL)
        hg_package_put_vqgan(b, &p->vqgan);
}

static void expect_same_decoder(const hg_decoder_config *a, const hg_decoder_config *b)
{
    assert_true(a->family == b->family && a->n_layers == b->n_layers && a->hidden == b->hidden &&
                a->ffn == b->ffn);
    assert_true(a->n_heads == b->n_heads && a->n_kv_heads == b->n_kv_heads && a->head_dim == b->head_dim);
    assert_true(a->vocab == b->vocab && a->max_positions == b->max_positions);
    assert_true(a->sliding_window == b->sliding_window && a->tie_embeddings == b->tie_embeddings);
    assert_true((float)a->rope_theta == (float)b->rope_theta && (float)a->rms_eps == (float)b->rms_eps);
    assert_true(a->bos_id == b->bos_id && a->pad_id == b->pad_id && a->n_eos_ids == b->n_eos_ids);
    assert_memory_equal(a->eos_ids, b->eos_ids, (size_t)a->n_eos_ids * sizeof *a->eos_ids);
}

/* What is written again is the same, byte for byte, so nothing was lost in reading. */
static void there_and_back(const char *model)
{
    static hg_source s;
    static hg_manifest manifest;
    package_path folder = package_tiny_path(model);
    hg_gguf_builder first, second;
    assert_int_equal(hg_source_open(&s, &(hg_source_paths){.model = folder.text}, NULL), HG_STATUS_OK);
    put_all(&first, &s.parts, &s.manifest);
    hg_gguf *g = open_builder(&first);
    hg_model_parts got = {.sets = {[HG_PART_VQGAN] = s.parts.sets[HG_PART_VQGAN]}};
    assert_int_equal(hg_package_get_manifest(g, &manifest, NULL), HG_STATUS_OK);
    assert_int_equal(hg_package_get_decoder(g, "healthgpt", &got.decoder, NULL), HG_STATUS_OK);
    assert_int_equal(hg_package_get_generation(g, &got.generation, NULL), HG_STATUS_OK);
    assert_int_equal(hg_package_get_clip(g, &got.clip, &got.preprocessor, NULL), HG_STATUS_OK);
    if (got.sets[HG_PART_VQGAN] != NULL)
        assert_int_equal(hg_package_get_vqgan(g, &got.vqgan, NULL), HG_STATUS_OK);
    expect_same_decoder(&got.decoder, &s.parts.decoder);
    assert_int_equal(got.clip.activation, s.parts.clip.activation);
    assert_int_equal(got.clip.hidden, s.parts.clip.hidden);
    assert_string_equal(manifest.name, s.manifest.name);
    assert_int_equal(manifest.tasks, s.manifest.tasks);
    put_all(&second, &got, &manifest);
    assert_int_equal(second.bytes.size, first.bytes.size);
    assert_memory_equal(second.bytes.data, first.bytes.data, first.bytes.size);
    hg_gguf_builder_deinit(&second);
    close_builder(g, &first);
    hg_source_close(&s);
}

static void test_there_and_back(void **state)
{
    (void)state;
    there_and_back("m3");
    there_and_back("l14");
    there_and_back("xl32");
}

static const hg_decoder_config sound = {.family = HG_FAMILY_QWEN2,
                                        .n_layers = 2,
                                        .hidden = 64,
                                        .ffn = 96,
                                        .n_heads = 8,
                                        .n_kv_heads = 2,
                                        .head_dim = 8,
                                        .vocab = 100,
                                        .rope_theta = 1000000,
                                        .rms_eps = 1e-6F,
                                        .max_positions = 512,
                                        .bos_id = -1,
                                        .pad_id = -1};

static hg_status decoder_back(const hg_decoder_config *c, hg_error *err)
{
    hg_gguf_builder b;
    hg_decoder_config got;
    hg_gguf_builder_init(&b);
    hg_package_put_decoder(&b, c);
    hg_gguf *g = open_builder(&b);
    hg_status status = hg_package_get_decoder(g, "healthgpt", &got, err);
    if (status == HG_STATUS_OK)
        expect_same_decoder(&got, c);
    close_builder(g, &b);
    return status;
}

static void test_contradictions(void **state)
{
    (void)state;
    hg_error err = {HG_STATUS_OK, ""};
    hg_decoder_config c = sound;
    assert_int_equal(decoder_back(&c, &err), HG_STATUS_OK);
    c.n_kv_heads = 3;
    assert_int_equal(decoder_back(&c, &err), HG_STATUS_INPUT);
    c.n_kv_heads = 16;
    assert_int_equal(decoder_back(&c, &err), HG_STATUS_INPUT);
    c = sound;
    c.head_dim = 7;
    assert_int_equal(decoder_back(&c, &err), HG_STATUS_INPUT);
    c = sound;
    c.n_heads = c.n_kv_heads = HG_CONFIG_MAX_DIM; /* their product with the width */
    assert_int_equal(decoder_back(&c, &err), HG_STATUS_INPUT);
}

/* llama.cpp's keys, as its converter writes them for a Qwen2 model of two heads of 8. */
static hg_gguf *llama_keys(hg_gguf_builder *b, uint32_t key_length, uint32_t rope)
{
    hg_gguf_builder_init(b);
    hg_gguf_put_u32(b, "qwen2.block_count", 2);
    hg_gguf_put_u32(b, "qwen2.context_length", 512);
    hg_gguf_put_u32(b, "qwen2.embedding_length", 16);
    hg_gguf_put_u32(b, "qwen2.feed_forward_length", 48);
    hg_gguf_put_u32(b, "qwen2.attention.head_count", 2);
    hg_gguf_put_f32(b, "qwen2.attention.layer_norm_rms_epsilon", 1e-6F);
    if (key_length > 0)
        hg_gguf_put_u32(b, "qwen2.attention.key_length", key_length);
    if (rope > 0)
        hg_gguf_put_u32(b, "qwen2.rope.dimension_count", rope);
    return open_builder(b);
}

static void test_llama_keys(void **state)
{
    (void)state;
    static const struct {
        uint32_t key_length, rope;
        int64_t width; /* 0: refused */
    } cases[] = {{0, 0, 8}, {8, 0, 8}, {0, 8, 8}, {16, 16, 16}, {8, 4, 0}, {16, 8, 0}, {8, 16, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        hg_gguf_builder b;
        hg_decoder_config c;
        hg_gguf *g = llama_keys(&b, cases[i].key_length, cases[i].rope);
        hg_status status = hg_package_get_decoder(g, "qwen2", &c, NULL);
        assert_int_equal(status, cases[i].width > 0 ? HG_STATUS_OK : HG_STATUS_INPUT);
        if (status == HG_STATUS_OK) {
            assert_int_equal(c.head_dim, cases[i].width);
            assert_int_equal(c.n_kv_heads, 2); /* as many as heads when the key is missing */
            assert_true(c.rope_theta == 10000);
            assert_int_equal(c.sliding_window, 0);
        }
        close_builder(g, &b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_there_and_back),
                                       cmocka_unit_test(test_contradictions),
                                       cmocka_unit_test(test_llama_keys)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
