/* SPDX-License-Identifier: Apache-2.0
 *
 * source.h: a model wherever it lies: a folder of released files, one package, an adapter package beside its
 * base, or parts named one by one. Opening, converting, exporting and inspecting all begin with a source.
 */
#ifndef HG_PACKAGE_SOURCE_H
#define HG_PACKAGE_SOURCE_H

#include "model/model_parts.h"
#include "package/folder_parts.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

/* What to open: a model, or single parts, or a model with some parts from elsewhere. NULL or "": not given.
 */
typedef struct hg_source_paths {
    const char *model; /* a folder or a package */
    const char *base;  /* a folder, or llama.cpp's GGUF file of a Phi-3 or Qwen2 model */
    const char *clip;
    const char *com, *gen, *fusion; /* files */
    const char *vqgan;              /* a folder */
    bool keep_incomplete;           /* parts of a task that lacks others are opened as well, for training */
} hg_source_paths;

/* Where a package's tensors once came from. */
typedef struct hg_provenance {
    char part[16];  /* "base", "clip", ... */
    char name[256]; /* of the file, without its folder */
    char sha256[65];
    uint64_t bytes;
} hg_provenance;

typedef struct hg_source {
    hg_model_parts parts;
    hg_manifest manifest;
    hg_tokenizer *tokenizer; /* without picture tokens */
    hg_chat_kind chat;
    char *chat_template; /* the base model's own (Jinja), for other programs; NULL: not known */
    bool is_package;
    char missing_for_ask[HG_ERROR_TEXT_BYTES]; /* in words; "" when nothing is */
    char missing_for_draw[HG_ERROR_TEXT_BYTES];
    hg_provenance *provenance; /* of a package */
    size_t n_provenance;
    hg_tensor_file *package, *base_file; /* what `parts` are views of; NULL when they are not */
    hg_parts *folder;                    /* the paths found, of a folder; NULL for a package */
} hg_source;

/* Opens whatever parts are there; a task whose parts are incomplete is left out of `parts`, a part that is
 * there but bad is an error. HG_STATUS_INPUT when there is neither a base model nor an image encoder. */
hg_status hg_source_open(hg_source *s, const hg_source_paths *paths, hg_error *err) HG_MUST_CHECK;
void hg_source_close(hg_source *s);

/* Which of a model's files of weights are kept in memory, in bytes. */
typedef struct hg_source_locked {
    uint64_t bytes;  /* of all files */
    uint64_t locked; /* of those that are */
    int reason;      /* errno of the last one that could not be; 0: all are */
} hg_source_locked;

/* Reads the files of the source's weights into memory and keeps them there until it is closed, as far as the
 * system allows it. */
hg_source_locked hg_source_lock(const hg_source *s);

/* Moves the memory of the source's weights to huge pages, as far as wanted and possible (see
 * hg_file_map_use_huge); nobody may read them meanwhile. */
void hg_source_use_huge(hg_source *s, hg_huge_use *use);

/* Whether a path is a package of ours, complete or adapters only: looks at the content. */
bool hg_source_is_package(const char *path);

/* What the manifest says of plug-ins does not hold for those that `paths` put in their place. */
void hg_source_forget_replaced(hg_source *s, const hg_source_paths *paths);

/* The inside of opening: each fills the source from one kind of place. */
hg_status hg_source_open_folder(hg_source *s, const hg_source_paths *paths, hg_error *err) HG_MUST_CHECK;
hg_status hg_source_open_package(hg_source *s, const char *path, hg_error *err) HG_MUST_CHECK;

/* Settings, tensors and tokenizer of llama.cpp's GGUF file of a base model. */
hg_status hg_source_open_llama_base(hg_source *s, const char *path, hg_error *err) HG_MUST_CHECK;

/* The tensors of `part` in `file` under their released names; `NULL` in `s->parts.sets` when there are none.
 */
hg_status hg_source_take_part(hg_source *s, const hg_tensor_file *file, hg_part part,
                              hg_error *err) HG_MUST_CHECK;

/* The template that the manifest names, or that the tokenizer's tokens are for; `label` begins the error. */
hg_status hg_source_choose_chat(hg_source *s, const char *label, hg_error *err) HG_MUST_CHECK;

#endif
