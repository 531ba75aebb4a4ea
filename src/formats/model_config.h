/* SPDX-License-Identifier: Apache-2.0
 *
 * model_config.h: the settings files that lie beside released weights, as checked structs. Every number is
 * range checked here, so users of the structs need not check again. Each reader has two forms: `_parse` takes
 * the text of the file, `_read` the folder that holds it (the error then begins with the path).
 */
#ifndef HG_FORMATS_MODEL_CONFIG_H
#define HG_FORMATS_MODEL_CONFIG_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HG_CONFIG_MAX_IDS 8
#define HG_CONFIG_MAX_LEVELS 8
#define HG_CONFIG_TEXT_BYTES 64
#define HG_CONFIG_PROMPT_BYTES 2048
#define HG_CONFIG_NOTE_BYTES 1024

typedef enum hg_family {
    HG_FAMILY_PHI3, /* Phi-3 and phi-4: fused qkv and gate_up, no biases */
    HG_FAMILY_QWEN2 /* Qwen2.5: separate projections, biases on q, k and v */
} hg_family;

const char *hg_family_name(hg_family family); /* "phi3", "qwen2" */

/* config.json of the base model. */
typedef struct hg_decoder_config {
    hg_family family;
    int64_t n_layers;
    int64_t hidden;
    int64_t n_heads;
    int64_t n_kv_heads; /* divides n_heads */
    int64_t head_dim;   /* even */
    int64_t ffn;
    int64_t vocab; /* rows of the embedding */
    double rope_theta;
    float rms_eps;
    int64_t sliding_window; /* 0: none */
    int64_t max_positions;
    bool tie_embeddings;
    int32_t bos_id; /* -1: none; the first when the file has a list */
    int32_t pad_id; /* -1: none */
    int32_t eos_ids[HG_CONFIG_MAX_IDS];
    int n_eos_ids;
} hg_decoder_config;

hg_status hg_decoder_config_parse(hg_decoder_config *out, const char *text, size_t bytes,
                                  hg_error *err) HG_MUST_CHECK;
hg_status hg_decoder_config_read(hg_decoder_config *out, const char *folder, hg_error *err) HG_MUST_CHECK;

/* generation_config.json; what it leaves out has transformers' default. */
typedef struct hg_generation_config {
    int32_t stop_ids[HG_CONFIG_MAX_IDS];
    int n_stop_ids;
    float repetition_penalty; /* 1: none */
    bool do_sample;
    float temperature; /* 1 */
    int32_t top_k;     /* 0: no limit; default 50 */
    float top_p;       /* 1 */
} hg_generation_config;

/* `decoder` gives the stop ids when the file names none. */
hg_status hg_generation_config_parse(hg_generation_config *out, const hg_decoder_config *decoder,
                                     const char *text, size_t bytes, hg_error *err) HG_MUST_CHECK;

/* All defaults when the folder has no such file. */
hg_status hg_generation_config_read(hg_generation_config *out, const hg_decoder_config *decoder,
                                    const char *folder, hg_error *err) HG_MUST_CHECK;

typedef enum hg_clip_activation { HG_CLIP_QUICK_GELU, HG_CLIP_GELU } hg_clip_activation;

/* The vision tower of CLIP's config.json. */
typedef struct hg_clip_config {
    int64_t hidden;
    int64_t n_layers;
    int64_t n_heads; /* divides hidden */
    int64_t mlp;
    int64_t image_size; /* pixels; a multiple of patch */
    int64_t patch;
    float eps;
    hg_clip_activation activation;
} hg_clip_config;

hg_status hg_clip_config_parse(hg_clip_config *out, const char *text, size_t bytes,
                               hg_error *err) HG_MUST_CHECK;
hg_status hg_clip_config_read(hg_clip_config *out, const char *folder, hg_error *err) HG_MUST_CHECK;

/* preprocessor_config.json of CLIP. */
typedef struct hg_preprocessor_config {
    int64_t size; /* shortest edge after resizing */
    int64_t crop; /* side of the centre crop */
    float mean[3];
    float std[3];
    float rescale; /* pixel values are multiplied by it: 1/255 */
    int resample;  /* Pillow's number: 0 nearest, 1 lanczos, 2 bilinear, 3 bicubic */
} hg_preprocessor_config;

hg_status hg_preprocessor_config_parse(hg_preprocessor_config *out, const char *text, size_t bytes,
                                       hg_error *err) HG_MUST_CHECK;
hg_status hg_preprocessor_config_read(hg_preprocessor_config *out, const char *folder,
                                      hg_error *err) HG_MUST_CHECK;

/* model.yaml of the VQGAN; only taming's GumbelVQ. */
typedef struct hg_vqgan_config {
    int64_t embed_dim;
    int64_t n_embed;
    int64_t z_channels;
    int64_t resolution;
    int64_t in_channels;
    int64_t out_ch;
    int64_t ch;
    int64_t ch_mult[HG_CONFIG_MAX_LEVELS];
    int n_levels;
    int64_t n_res_blocks;
    int64_t attn_resolutions[HG_CONFIG_MAX_LEVELS];
    int n_attn_resolutions;
    int64_t n_groups; /* of the group norms: 32, or ddconfig's norm_groups */
} hg_vqgan_config;

/* Whether levels, channels and norm groups of numbers that are in range fit together; `what` begins the
 * error. */
hg_status hg_vqgan_config_check(const hg_vqgan_config *c, const char *what, hg_error *err) HG_MUST_CHECK;

hg_status hg_vqgan_config_parse(hg_vqgan_config *out, const char *text, size_t bytes,
                                hg_error *err) HG_MUST_CHECK;
hg_status hg_vqgan_config_read(hg_vqgan_config *out, const char *folder, hg_error *err) HG_MUST_CHECK;

/* Bits of hg_manifest_plugin.tasks. */
enum {
    HG_MANIFEST_RECONSTRUCT = 1,
    HG_MANIFEST_SUPER_RESOLUTION = 2,
    HG_MANIFEST_CT_TO_MRI = 4,
    HG_MANIFEST_MRI_TO_CT = 8,
    HG_MANIFEST_REPORT_TO_CXR = 16
};

#define HG_MANIFEST_TASK_COUNT 5

/* What a plug-in's H-LoRA was trained with and cannot be read off its shapes alone. */
typedef struct hg_manifest_plugin {
    double hlora_alpha; /* 0: not stated; the rule is alpha = 2 r */
    int hlora_experts;  /* 0: not stated; the router's rows tell */
    int vision_layers;  /* layers of the image encoder that are run; 0: not stated; the task's usual ones */
} hg_manifest_plugin;

/* healthgpt.json, the optional manifest beside the parts of a model. */
typedef struct hg_manifest {
    char name[HG_CONFIG_TEXT_BYTES]; /* "" when not stated, as the other texts */
    bool random_weights;             /* written for tests of speed and size; answers mean nothing */
    hg_manifest_plugin com;
    bool com_fused; /* comprehension, too, reads and speaks with the fusion layer's embedding and head */
    hg_manifest_plugin gen;
    bool has_tasks; /* "tasks" was stated */
    unsigned tasks; /* drawing tasks that the generation plug-in was trained for */
    char template_name[HG_CONFIG_TEXT_BYTES];
    char system_prompt[HG_CONFIG_PROMPT_BYTES];
    bool has_system_prompt;
    char license[HG_CONFIG_TEXT_BYTES]; /* of the weights: an SPDX name or a few words */
    char description[HG_CONFIG_NOTE_BYTES];
    char intended_use[HG_CONFIG_NOTE_BYTES];
} hg_manifest;

/* Between a task's name ("ct-to-mri") and its bit; false and NULL when there is none. */
bool hg_manifest_find_task(const char *name, unsigned *bit);
const char *hg_manifest_task_name(unsigned bit);

hg_status hg_manifest_parse(hg_manifest *out, const char *text, size_t bytes, hg_error *err) HG_MUST_CHECK;

/* Nothing stated (all zero) when the folder has no such file. */
hg_status hg_manifest_read(hg_manifest *out, const char *folder, hg_error *err) HG_MUST_CHECK;

#endif
