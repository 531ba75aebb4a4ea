/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor_types.h: which type a tensor gets in a package. What a tensor is for decides: the many linear layers
 * of the language model bear rough types, embeddings, heads, plug-ins and pictures want finer ones, and
 * vectors stay f32.
 */
#ifndef HG_PACKAGE_TENSOR_TYPES_H
#define HG_PACKAGE_TENSOR_TYPES_H

#include "model/model_parts.h"

#include <healthgpt/package.h>

typedef enum hg_tensor_role {
    HG_TENSOR_ROLE_VECTOR,    /* norms, biases, positions: always f32 */
    HG_TENSOR_ROLE_LINEAR,    /* linear layers of the language model */
    HG_TENSOR_ROLE_EMBED,     /* embeddings of either task */
    HG_TENSOR_ROLE_HEAD,      /* output matrices of either task */
    HG_TENSOR_ROLE_HLORA,     /* A and B of the plug-ins */
    HG_TENSOR_ROLE_ROUTER,    /* routers of the plug-ins */
    HG_TENSOR_ROLE_PROJECTOR, /* from image features to embeddings */
    HG_TENSOR_ROLE_CLIP,      /* the image encoder */
    HG_TENSOR_ROLE_VQGAN      /* the picture decoder */
} hg_tensor_role;

#define HG_TENSOR_ROLE_COUNT 9

/* A type, or none of them: as it is stored. */
typedef struct hg_wanted_type {
    bool keep;
    hg_dtype dtype;
} hg_wanted_type;

typedef struct hg_tensor_types {
    hg_wanted_type main; /* what was asked for */
    hg_wanted_type wanted[HG_TENSOR_ROLE_COUNT];
} hg_tensor_types;

/* HG_STATUS_USAGE for a name that is no type, or a type that the role cannot have. */
hg_status hg_tensor_types_init(hg_tensor_types *t, const hg_package_types *names,
                               hg_error *err) HG_MUST_CHECK;

hg_tensor_role hg_tensor_role_get(hg_part part, const char *released, const hg_tensor *tensor);

/* The type of a tensor. A 16-bit tensor stays as it is when the other 16-bit type is wanted: that would only
 * lose digits. Rows that do not fill the wanted type's blocks get q8_0, and if they do not fill those, f16;
 * *fallback is set then. */
hg_dtype hg_tensor_types_choose(const hg_tensor_types *t, hg_tensor_role role, const hg_tensor *tensor,
                                bool *fallback);

#endif
