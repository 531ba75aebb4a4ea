/* SPDX-License-Identifier: Apache-2.0
 *
 * plugin.h: the adapters of one task: a low-rank pair and a router for every adapted linear layer of the
 * decoder, and the task's projector. They are H-LoRA in all releases; LoRA (no router) and MoELoRA (experts
 * apart) can be trained and used in its place. Several plug-ins can be resident beside one frozen decoder;
 * the request chooses.
 */
#ifndef HG_MODEL_PLUGIN_H
#define HG_MODEL_PLUGIN_H

#include "base/arena.h"
#include "model/projector.h"
#include "model/slots.h"
#include "model/weights.h"
#include "ops/ops.h"

/* Gives the dropout mask of a slot for `n_rows` rows (see hg_op_hlora), which lives until the backward of the
 * layer; the same each time that the layer is computed. NULL: none. */
typedef const hg_real *(*hg_plugin_mask_fn)(void *user, hg_ctx *ctx, int64_t layer, hg_slot slot,
                                            int64_t n_rows);

typedef struct hg_plugin {
    int64_t n_layers;
    hg_adapter_kind kind;
    int64_t rank;      /* over all experts */
    int64_t n_experts; /* 1 for LoRA */
    hg_hlora *slots;   /* (n_layers, HG_SLOT_COUNT); unused slots are zero */
    hg_projector projector;
    hg_plugin_mask_fn mask; /* NULL: no dropout, as always outside training */
    void *mask_user;
} hg_plugin;

/* Reads a released adapter file (names `base_model.model.model.layers.<i>.<module>.lora_A.weight` and so on).
 * The kind of adapter follows from the first adapted layer: LoRA has no `lora_route`, and MoELoRA's `lora_B`
 * is (experts · out, rank / experts). Rank and number of experts follow from the shapes and must be the same
 * in every layer; `alpha` is the adapter's alpha (0: twice the rank, as in all releases), so the scale is
 * alpha / (rank / experts). A tensor that belongs to no layer is an error, because it means that the file is
 * for another model. `vision_width` is the width of the image features. The matrices stay in `source`,
 * vectors are converted into `arena`; both must outlive the plug-in. */
hg_status hg_plugin_load(hg_plugin *plugin, const hg_tensor_set *source, const hg_decoder_config *config,
                         int64_t vision_width, double alpha, hg_arena *arena, hg_error *err) HG_MUST_CHECK;

/* Tensors of an adapted linear layer: 2 for LoRA, 3 for the others. */
size_t hg_plugin_tensors_per_slot(hg_adapter_kind kind);

/* Shape of B of a slot with `out` outputs. */
void hg_plugin_b_shape(hg_adapter_kind kind, int64_t rank, int64_t n_experts, int64_t out, int64_t shape[2]);

/* The adapter of a slot. */
hg_hlora *hg_plugin_get(const hg_plugin *plugin, int64_t layer, hg_slot slot);

#endif
