/* SPDX-License-Identifier: Apache-2.0
 *
 * pretrain_settings.h: the settings of a run as numbers, with the defaults of the stage until they are set.
 */
#ifndef HG_PRETRAIN_PRETRAIN_SETTINGS_H
#define HG_PRETRAIN_PRETRAIN_SETTINGS_H

#include "base/error.h"
#include "base/file.h"

#include <healthgpt/pretrain.h>

#define HG_PRETRAIN_LIST_BYTES 64
#define HG_PRETRAIN_SYSTEM_BYTES 256

typedef enum hg_pretrain_precision { HG_PRETRAIN_F32, HG_PRETRAIN_BF16 } hg_pretrain_precision;
typedef enum hg_pretrain_quantiser { HG_PRETRAIN_COSINE, HG_PRETRAIN_GUMBEL } hg_pretrain_quantiser;

struct hg_pretrain_settings {
    hg_pretrain_stage stage;
    char data[HG_PATH_BYTES], validation[HG_PATH_BYTES], images[HG_PATH_BYTES], out[HG_PATH_BYTES];
    char tokenizer[HG_PATH_BYTES], facts[HG_PATH_BYTES], system[HG_PRETRAIN_SYSTEM_BYTES];
    char cpu[16];                                      /* "": the best */
    int64_t threads, seed, resume, finish, save_every; /* threads 0: all */
    int64_t steps;                                     /* 0: as many as the epochs have */
    double epochs;
    int64_t batch, shards;
    double lr, weight_decay, beta1, beta2, epsilon, clip, warmup;
    int64_t schedule; /* hg_schedule_kind */
    int64_t type;     /* 0 f32, 1 f16, 2 bf16: of the written files */
    int64_t holdout;  /* items held back where there is no validation file */
    int64_t flip;     /* mirror pictures at random */

    int64_t size;                                                  /* pixels a side */
    int64_t channels, blocks, groups, codes, code_dim, z_channels; /* the autoencoder */
    char multipliers[HG_PRETRAIN_LIST_BYTES], attention[HG_PRETRAIN_LIST_BYTES];
    double l1, l2, edge, commitment, codebook, kl, temperature;
    int64_t quantiser, restart_every, precision;
    double restart_until; /* part of the steps */

    int64_t layers, hidden, heads, kv_heads, ffn, length, positions, patch;
    double rope_theta, noise, shift, balance;
    int64_t vocabulary;
};

/* Whether everything that the stage cannot do without is set. */
hg_status hg_pretrain_settings_check(const hg_pretrain_settings *s, hg_error *err) HG_MUST_CHECK;

/* The settings that decide what a run computes, as text: for the checkpoint. */
void hg_pretrain_settings_format(const hg_pretrain_settings *s, char *out, size_t bytes);

/* "1,2,4" as numbers of 1 to 65536; how many, or -1 when it is no such list of at most `max`. */
int hg_pretrain_list(const char *text, int64_t *out, int max);

#endif
