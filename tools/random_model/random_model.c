/* SPDX-License-Identifier: Apache-2.0
 *
 * random_model.c: writes a model folder in the released layout with random weights: `random_model
 * tiny|small|m3 FOLDER [SEED]`. "m3" has the full dimensions of HealthGPT-M3 (about 10 GB, 16 bits); "tiny"
 * is small enough for a demonstration, "small" for measuring what block-quantised types cost. What such a
 * model says means nothing; its manifest says so.
 */
#include "random_files.h"

#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static random_shape shape_m3(void)
{
    random_shape s = {
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

static random_shape shape_tiny(void)
{
    random_shape s = shape_m3();
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
static random_shape shape_small(void)
{
    random_shape s = shape_tiny();
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

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        random_shape (*shape)(void);
    } sizes[] = {{"tiny", shape_tiny}, {"small", shape_small}, {"m3", shape_m3}};
    size_t size = 0;
    while (argc >= 3 && size < 3 && strcmp(argv[1], sizes[size].name) != 0)
        size++;
    if (argc < 3 || argc > 4 || size == 3) {
        fprintf(stderr, "usage: random_model tiny|small|m3 FOLDER [SEED]\n");
        return HG_STATUS_USAGE;
    }
    random_shape shape = sizes[size].shape();
    char *end = "";
    uint64_t seed = argc == 4 ? strtoull(argv[3], &end, 10) : 1;
    if (*end != 0) {
        fprintf(stderr, "random_model: '%s' is no seed\n", argv[3]);
        return HG_STATUS_USAGE;
    }
    hg_error err = {HG_STATUS_OK, ""};
    hg_status status = random_files_write(&shape, argv[2], seed, &err);
    if (status != HG_STATUS_OK)
        fprintf(stderr, "random_model: %s\n", err.text);
    return (int)status;
}
