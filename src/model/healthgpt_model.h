/* SPDX-License-Identifier: Apache-2.0
 *
 * healthgpt_model.h: the whole model: one frozen decoder and one image encoder, and per task a plug-in, an
 * embedding, a head and the depth at which the image encoder is read. Both tasks are resident at once;
 * nothing is reloaded to change the task.
 */
#ifndef HG_MODEL_HEALTHGPT_MODEL_H
#define HG_MODEL_HEALTHGPT_MODEL_H

#include "model/clip.h"
#include "model/decoder.h"
#include "model/model_parts.h"
#include "model/vqgan_maps.h"

typedef enum hg_task { HG_TASK_COMPREHENSION, HG_TASK_GENERATION } hg_task;

#define HG_TASK_COUNT 2

typedef struct hg_task_parts {
    bool present;
    hg_plugin plugin;
    hg_tensor embed;     /* (V', H) */
    hg_tensor head;      /* (V', H): comprehension only has the rows of real tokens */
    int64_t clip_layers; /* how many CLIP layers are run (hg_task_clip_layers) */
} hg_task_parts;

typedef struct hg_healthgpt {
    hg_arena arena; /* converted vectors and the layers' tables */
    hg_decoder decoder;
    hg_generation_config generation;
    hg_clip clip;
    hg_preprocessor_config preprocessor;
    hg_task_parts tasks[HG_TASK_COUNT];
    hg_vqgan vqgan; /* when the generation task is present */
    hg_vqgan_maps
        *maps[2];   /* by hg_vqgan_way; NULL, as after loading: the plain way. Closed with the model */
    void *repacked; /* where matrices lie that are read for every token (repack.h); NULL: in their files */
    size_t repacked_bytes;
    hg_prefetch cache_prefetch; /* how a query reads keys and values, which are streams as weights are */
} hg_healthgpt;

/* How many layers of the image encoder a task runs: what the manifest says, else all but one for
 * comprehension and one for generation. */
hg_status hg_task_clip_layers(int64_t *out, const hg_model_parts *parts, hg_task task, int64_t n_layers,
                              hg_error *err) HG_MUST_CHECK;

/* Puts the model together and checks that its parts are complete and belong together. The parts are borrowed
 * and must outlive the model; those of a task that are absent leave the task out. On failure nothing is left
 * open. */
hg_status hg_healthgpt_load(hg_healthgpt *m, const hg_model_parts *parts, hg_error *err) HG_MUST_CHECK;

/* Leaves the parts open. */
void hg_healthgpt_close(hg_healthgpt *m);

/* hg_vqgan_decode and hg_vqgan_encode, the fast way where there are maps. */
hg_tensor *hg_healthgpt_draw(hg_ctx *ctx, hg_healthgpt *m, const int32_t *codes);
bool hg_healthgpt_encode(hg_ctx *ctx, hg_healthgpt *m, hg_tensor *picture, int32_t *codes);

/* Tensors that a part of this model consists of; 0 for a part that is absent. CLIP's last norm, which nothing
 * here uses, is not counted. */
size_t hg_healthgpt_n_tensors(const hg_healthgpt *m, hg_part part);

/* Picture tokens that follow the tokenizer's own: <start_index>, the codes, <end_index>, <pixel_newline>. */
#define HG_PICTURE_EXTRA_TOKENS 3

/* Image embeddings (patches, H) of one image for a task: CLIP to the task's depth, then its projector.
 * `pixels` (3, S, S). */
hg_tensor *hg_healthgpt_see(hg_ctx *ctx, hg_healthgpt *m, hg_task task, hg_tensor *pixels);

#endif
