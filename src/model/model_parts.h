/* SPDX-License-Identifier: Apache-2.0
 *
 * model_parts.h: what a model is put together from: the settings and the open weights of its parts, under the
 * names of the released files, wherever they lie (a folder of released files, one package).
 */
#ifndef HG_MODEL_MODEL_PARTS_H
#define HG_MODEL_MODEL_PARTS_H

#include "formats/model_config.h"
#include "formats/tensor_file.h"

typedef enum hg_part {
    HG_PART_BASE,   /* the language model */
    HG_PART_CLIP,   /* the image encoder */
    HG_PART_COM,    /* comprehension plug-in: H-LoRA and projector */
    HG_PART_GEN,    /* generation plug-in */
    HG_PART_FUSION, /* generation's embedding and head */
    HG_PART_VQGAN   /* the picture decoder */
} hg_part;

#define HG_PART_COUNT 6

/* "base", "clip", "com", "gen", "fusion", "vqgan". */
const char *hg_part_name(hg_part part);

typedef struct hg_model_parts {
    hg_tensor_set *sets[HG_PART_COUNT]; /* NULL: not there */
    hg_decoder_config decoder;
    hg_generation_config generation;
    hg_clip_config clip;
    hg_preprocessor_config preprocessor;
    hg_vqgan_config vqgan;
    double com_alpha, gen_alpha;  /* 0: twice the rank */
    int com_experts, gen_experts; /* what the manifest says; 0: nothing */
    int com_layers, gen_layers;   /* of the image encoder, as the manifest says; 0: nothing */
    bool com_fused;               /* comprehension uses the fusion layer's embedding and head */
    int64_t n_tokens;             /* of the tokenizer before picture tokens are added */
} hg_model_parts;

/* The steps of opening released files: settings and weights of the image encoder; all of generation. */
hg_status hg_model_parts_open_clip(hg_model_parts *p, const char *folder, hg_error *err) HG_MUST_CHECK;
hg_status hg_model_parts_open_generation(hg_model_parts *p, const char *gen, const char *fusion,
                                         const char *vqgan_folder, const char *vqgan_file,
                                         hg_error *err) HG_MUST_CHECK;
void hg_model_parts_close(hg_model_parts *parts);

#endif
