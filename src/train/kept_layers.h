/* SPDX-License-Identifier: Apache-2.0
 *
 * kept_layers.h: decoder layers whose activations are kept from the forward pass until their gradient is due,
 * as far as memory is left; the others are computed again then. The same operations on the same numbers
 * either way: what is kept shows in no bit of the result.
 *
 * Several samples may go through a layer together (`rows`): here they are one of as many positions.
 *
 * How much a layer takes is measured while the first samples are computed, of which nothing is kept; so is
 * what the process takes besides.
 */
#ifndef HG_TRAIN_KEPT_LAYERS_H
#define HG_TRAIN_KEPT_LAYERS_H

#include "model/decoder.h"

typedef struct hg_kept_layers {
    size_t memory;                  /* bytes that the process may take; 0: nothing is kept */
    int64_t max_positions;          /* of samples that go together */
    int64_t n_layers;               /* of the decoder */
    int64_t measured;               /* positions of the samples that were measured; 0: none has been */
    size_t value_bytes, grad_bytes; /* of its layer's activations and their gradients */
    size_t rest_bytes;              /* of this process besides, at that length */
    hg_arena values, grads;         /* of one block each; gradients of all layers share theirs */
} hg_kept_layers;

/* A layer on its way: forward, then backward. */
typedef struct hg_kept_layer {
    hg_tape tape;
    hg_tensor *y; /* its output; NULL: the layer is not kept */
    size_t grad_bytes;
} hg_kept_layer;

/* `memory`, in bytes: for the whole process. */
void hg_kept_layers_init(hg_kept_layers *k, size_t memory, int64_t max_positions, int64_t n_layers);
void hg_kept_layers_deinit(hg_kept_layers *k);

/* Whether a sample is to be measured: after the backward pass has left its layers, one of them goes through
 * hg_kept_layers_measure. */
bool hg_kept_layers_wants_measure(const hg_kept_layers *k);

/* Layers of a sample of n_positions that fit. */
int64_t hg_kept_layers_count(const hg_kept_layers *k, int64_t n_positions);

/* One layer forward, kept in `to`; x has a gradient. Failures stick to the context. */
void hg_kept_layers_forward(hg_kept_layers *k, hg_ctx *ctx, hg_decoder *d, const hg_plugin *plugin,
                            const hg_decoder_rows *rows, int64_t layer, hg_tensor *x, hg_kept_layer *to);

/* Zeroes the layer's gradients, which are y's, too: to be called before that is set. */
void hg_kept_layers_zero_gradients(hg_kept_layers *k, hg_ctx *ctx, const hg_kept_layer *layer);

/* All that was kept is gone. */
void hg_kept_layers_reset(hg_kept_layers *k);

/* One layer forward in memory of its own, to see how much that is; n_positions is x's. Ends the measuring
 * when it went well. */
void hg_kept_layers_measure(hg_kept_layers *k, hg_ctx *ctx, hg_decoder *d, const hg_plugin *plugin,
                            const hg_decoder_rows *rows, int64_t layer, hg_tensor *x);

#endif
