/* SPDX-License-Identifier: Apache-2.0
 *
 * decoder.h: the frozen language model: Phi-3, phi-4 and Qwen2.5 from one description. A plug-in, chosen per
 * call, adds its H-LoRA to every linear layer.
 */
#ifndef HG_MODEL_DECODER_H
#define HG_MODEL_DECODER_H

#include "model/kv_cache.h"
#include "model/plugin.h"
#include "model/slots.h"

typedef struct hg_decoder_layer {
    hg_tensor input_norm;            /* (H) */
    hg_tensor post_norm;             /* (H): before the feed-forward part */
    hg_tensor weight[HG_SLOT_COUNT]; /* (out, in); data NULL where the family has no such slot */
    hg_tensor bias[HG_SLOT_COUNT];   /* (out); data NULL where there is none */
} hg_decoder_layer;

typedef struct hg_decoder {
    hg_decoder_config config;
    hg_decoder_layer *layers;
    hg_tensor norm;  /* (H) */
    hg_tensor embed; /* (V, H): the base model's own embedding */
    hg_tensor head;  /* (V, H): the base model's own head; equal to embed when tied */
} hg_decoder;

/* Reads a Hugging Face checkpoint of the config's family. Matrices stay mapped. */
hg_status hg_decoder_load(hg_decoder *d, const hg_decoder_config *config, const hg_tensor_set *source,
                          hg_arena *arena, hg_error *err) HG_MUST_CHECK;

/* Runs all layers over embeddings x (T, H) and returns the hidden states (T, H) after the last layer and
 * before the final norm. With a cache, the T positions follow those in it and are appended; without one they
 * start at 0. plugin may be NULL (the base model alone). Without a tape, memory for one layer is used at a
 * time. */
hg_tensor *hg_decoder_forward(hg_ctx *ctx, hg_decoder *d, const hg_plugin *plugin, hg_kv_cache *cache,
                              hg_tensor *x);

/* Who is told, on the calling thread, how many layers are done, where a layer may take seconds; false asks to
 * stop. */
typedef struct hg_decoder_watch {
    bool (*done)(void *user, int64_t n_layers);
    void *user;
} hg_decoder_watch;

/* The same, watched. When it is stopped it fails with HG_STATUS_FAILED and "cancelled", and the cache has as
 * many positions as before. A single position is not worth watching: nobody is told. */
hg_tensor *hg_decoder_forward_watched(hg_ctx *ctx, hg_decoder *d, const hg_plugin *plugin, hg_kv_cache *cache,
                                      hg_tensor *x, const hg_decoder_watch *watch);

/* How a layer attends; `segments` may be NULL. */
hg_attention hg_decoder_attention(const hg_decoder_config *c, const hg_segments *segments);

/* One layer of the above; `layer` counts from 0. */
hg_tensor *hg_decoder_layer_forward(hg_ctx *ctx, hg_decoder *d, const hg_plugin *plugin, hg_kv_cache *cache,
                                    int64_t layer, hg_tensor *x);

/* Rows of several texts, one after the other; with a tape, this lives until its backward. */
typedef struct hg_decoder_rows {
    hg_segments segments;  /* each attends to its prefix and itself alone */
    const int32_t *wanted; /* (n_wanted), ascending: the rows whose results are wanted; NULL: all */
    int64_t n_wanted;
} hg_decoder_rows;

/* One layer without a cache, for such rows; what is wanted of it, (n_wanted, H). The rows that are not wanted
 * are read by attention and go no further. */
hg_tensor *hg_decoder_layer_forward_rows(hg_ctx *ctx, hg_decoder *d, const hg_plugin *plugin,
                                         const hg_decoder_rows *rows, int64_t layer, hg_tensor *x);

/* A text that goes on. */
typedef struct hg_decoder_text {
    const hg_plugin *plugin; /* may be NULL */
    hg_kv_cache *cache;      /* its own */
} hg_decoder_text;

/* So many texts go on together, at most: as many rows as products read weights for as they are stored. */
#define HG_DECODER_TEXTS 4

/* hg_decoder_forward for one more position of each of T texts, x (T, H): weights are read once for all of
 * them, with the bits of one text after the other. Texts of one plug-in should be neighbours: its weights,
 * too, are then read once. Not with a tape. When it fails, no cache has counted a position in. */
hg_tensor *hg_decoder_forward_texts(hg_ctx *ctx, hg_decoder *d, const hg_decoder_text *texts, hg_tensor *x);

/* Logits (T, rows of head) of hidden states x (T, H): final norm, then `head` (V', H). */
hg_tensor *hg_decoder_logits(hg_ctx *ctx, hg_decoder *d, hg_tensor *head, hg_tensor *x);

#endif
