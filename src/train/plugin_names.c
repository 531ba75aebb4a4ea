/* SPDX-License-Identifier: Apache-2.0
 *
 * plugin_names.c: the walk over a plug-in.
 */
#include "train/plugin_names.h"

#include <stdio.h>

#define PREFIX "base_model.model.model."

static hg_status visit_slot(hg_adapter_kind kind, hg_hlora *h, int64_t layer, hg_slot slot,
                            hg_plugin_visitor visit, void *user, hg_error *err)
{
    const char *const parts[] = {"lora_route", "lora_A", "lora_B"};
    hg_tensor *const tensors[] = {&h->router, &h->a, &h->b};
    hg_status status = HG_STATUS_OK;
    for (int i = kind == HG_ADAPTER_LORA ? 1 : 0; i < 3 && status == HG_STATUS_OK; i++) {
        char name[HG_WEIGHT_NAME_BYTES];
        snprintf(name, sizeof name, PREFIX "layers.%lld.%s.%s.weight", (long long)layer, hg_slot_path(slot),
                 parts[i]);
        status = visit(user, name, tensors[i], err);
    }
    return status;
}

hg_status hg_plugin_visit(hg_plugin *plugin, const hg_decoder_config *config, hg_plugin_visitor visit,
                          void *user, hg_error *err)
{
    hg_status status = HG_STATUS_OK;
    for (int64_t layer = 0; layer < plugin->n_layers; layer++) {
        for (int slot = 0; slot < HG_SLOT_COUNT && status == HG_STATUS_OK; slot++) {
            if (hg_slot_exists(config, (hg_slot)slot))
                status = visit_slot(plugin->kind, hg_plugin_get(plugin, layer, (hg_slot)slot), layer,
                                    (hg_slot)slot, visit, user, err);
        }
    }
    static const char *const names[] = {PREFIX "mm_projector.0.weight", PREFIX "mm_projector.0.bias",
                                        PREFIX "mm_projector.2.weight", PREFIX "mm_projector.2.bias"};
    hg_projector *p = &plugin->projector;
    hg_tensor *const tensors[] = {&p->w0, &p->b0, &p->w2, &p->b2};
    for (int i = 0; i < 4 && status == HG_STATUS_OK; i++)
        status = visit(user, names[i], tensors[i], err);
    return status;
}
