/* SPDX-License-Identifier: Apache-2.0
 *
 * package.h: one file for a whole model: made from released files, requantised, taken apart again, checked.
 */
#ifndef HEALTHGPT_PACKAGE_H
#define HEALTHGPT_PACKAGE_H

#include <healthgpt/progress.h>
#include <healthgpt/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Types of weights by name: "f32", "f16", "bf16", "q8_0", "q6_k", "q4_0", "q4_k", and "keep": each tensor as
 * it is. NULL: what suits `type`. */
typedef struct hg_package_types {
    const char *type;  /* of the decoder's linear layers, and what the others follow; NULL: "q4_k" */
    const char *embed; /* of the embeddings */
    const char *head;  /* of the output matrices */
    const char *hlora; /* of the plug-ins' low-rank matrices */
    const char *clip;  /* of the image encoder and the projectors */
    const char *vqgan; /* of the picture decoder: f32, f16, bf16 or keep */
} hg_package_types;

/* Where the parts come from. A model, single parts, or a model with some parts from elsewhere. */
typedef struct hg_convert_request {
    const char *model;              /* a folder of released files, or a package; NULL: only the parts below */
    const char *base;               /* folder of the language model, or llama.cpp's GGUF file of one */
    const char *clip;               /* folder */
    const char *com, *gen, *fusion; /* files */
    const char *vqgan;              /* folder */
    const char *out;                /* the package; ends in .gguf */
    hg_package_types types;
    bool adapters_only; /* leave the language model out: `base` is a GGUF file that will lie beside `out` */
    bool for_training;  /* parts of a task that lacks others go in, too; no plug-in need be there */
    bool no_hashes;     /* do not read the released files once more for their SHA-256 */
    const char *name, *license, *description, *intended_use; /* NULL: as the model says */
    const char
        *tasks;    /* drawing tasks the generation plug-in was trained for, with commas; NULL: as it says */
    int n_threads; /* 0: every processor */
    hg_progress progress; /* stages "hashing" and "writing", in megabytes */
} hg_convert_request;

typedef struct hg_convert_result {
    uint64_t file_bytes;
    size_t n_tensors;
    size_t n_by_part[6]; /* base, clip, com, gen, fusion, vqgan */
    size_t n_fallback;   /* tensors whose rows do not fit the type's blocks and got another */
    size_t n_left_out;   /* tensors of the released files that no model uses */
} hg_convert_result;

/* Writes a package, tensor by tensor: the memory needed does not grow with the model. Everything that a task
 * needs is checked first: names, counts, shapes, the disk's space. The file gets its name when it is
 * complete; what an interrupted run left behind is removed by the next. HG_STATUS_USAGE for unknown types and
 * the like. */
HG_API hg_status hg_model_convert(const hg_convert_request *request, hg_convert_result *result,
                                  hg_error *err) HG_MUST_CHECK;

typedef struct hg_export_request {
    const char *model;    /* a package or a folder */
    const char *part;     /* "com", "gen", "fusion", "clip", "vqgan", "base" */
    const char *out;      /* .safetensors, or .bin for PyTorch */
    const char *type;     /* "f32", "f16", "bf16"; NULL: as stored, blocks as f16 */
    int n_threads;        /* 0: every processor */
    hg_progress progress; /* stage "writing", in megabytes */
} hg_export_request;

/* Writes one part with its released names, for PyTorch and for training on. */
HG_API hg_status hg_model_export(const hg_export_request *request, size_t *n_tensors,
                                 hg_error *err) HG_MUST_CHECK;

typedef struct hg_check_request {
    const char *path;                               /* a package, a folder, or a file of tensors */
    int n_threads;                                  /* 0: every processor */
    void (*on_bad)(void *user, const char *tensor); /* gets each bad tensor's name; NULL: nobody listens */
    void *on_bad_user;
    hg_progress progress; /* stage "checking", in megabytes */
} hg_check_request;

typedef struct hg_check_result {
    size_t n_tensors; /* looked at */
    size_t n_bad;     /* of those, how many hold infinities or NaNs, block scales included */
    size_t n_skipped; /* of types that this program does not know or that no weights have */
} hg_check_result;

/* Reads all weights and looks for numbers that are none. When there are such, the text of `err` names the
 * first tensor and HG_STATUS_INPUT is returned; *result is then filled as well. */
HG_API hg_status hg_model_check(const hg_check_request *request, hg_check_result *result,
                                hg_error *err) HG_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
