/* SPDX-License-Identifier: Apache-2.0
 *
 * random_shapes.c: the sizes of models of random weights.
 */
#include "package/random_files.h"

static hg_random_shape shape_m3(void)
{
    hg_random_shape s = {
        .decoder = {.family = HG_FAMILY_PHI3,
                    .n_layers = 32,
                    .hidden = 3072,
                    .n_heads = 32,
                    .n_kv_heads = 32,
                    .head_dim = 96,
                    .ffn = 8192,
                    .vocab = 32064,
                    .sliding_window = 2047,
                    .max_positions = 4096},
        .clip = {.hidden = 1024, .n_layers = 24, .n_heads = 16, .mlp = 4096, .image_size = 336, .patch = 14},
        .vqgan = {.embed_dim = 256,
                  .n_embed = 8192,
                  .z_channels = 256,
                  .resolution = 256,
                  .in_channels = 3,
                  .out_ch = 3,
                  .ch = 128,
                  .ch_mult = {1, 1, 2, 4},
                  .n_levels = 4,
                  .n_res_blocks = 2,
                  .attn_resolutions = {32},
                  .n_attn_resolutions = 1},
        .n_tokens = 32011,
        .com_rank = 64,
        .gen_rank = 256,
        .n_experts = 4,
    };
    return s;
}

static hg_random_shape shape_tiny(void)
{
    hg_random_shape s = shape_m3();
    s.decoder.n_layers = 4;
    s.decoder.hidden = 128;
    s.decoder.n_heads = s.decoder.n_kv_heads = 4;
    s.decoder.head_dim = 32;
    s.decoder.ffn = 256;
    s.decoder.vocab = 1024;
    s.clip.hidden = 64;
    s.clip.n_layers = 6;
    s.clip.n_heads = 4;
    s.clip.mlp = 128;
    s.vqgan.embed_dim = s.vqgan.z_channels = 32;
    s.vqgan.n_embed = 1024;
    s.vqgan.ch = 32;
    s.vqgan.n_res_blocks = 1;
    s.n_tokens = 1011;
    s.com_rank = 16;
    s.gen_rank = 32;
    return s;
}

/* Wide enough for blocks of 256. */
static hg_random_shape shape_small(void)
{
    hg_random_shape s = shape_tiny();
    s.decoder.n_layers = 8;
    s.decoder.hidden = 512;
    s.decoder.n_heads = s.decoder.n_kv_heads = 8;
    s.decoder.head_dim = 64;
    s.decoder.ffn = 1024;
    s.clip.hidden = 256;
    s.clip.mlp = 512;
    s.com_rank = 64;
    s.gen_rank = 256;
    return s;
}

bool hg_random_shape_find(const char *name, hg_random_shape *out)
{
    static const struct {
        const char *name;
        hg_random_shape (*shape)(void);
    } sizes[] = {{"tiny", shape_tiny}, {"small", shape_small}, {"m3", shape_m3}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (strcmp(name, sizes[i].name) != 0)
            continue;
        *out = sizes[i].shape();
        return true;
    }
    return false;
}
