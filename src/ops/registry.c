/* SPDX-License-Identifier: Apache-2.0
 *
 * registry.c: the table made from registry.def.
 */
#include "ops/registry.h"

static const hg_op *const registry_ops[] = {
#define HG_OP(name) &hg_op_##name##_entry,
#include "ops/registry.def"
#undef HG_OP
};

size_t hg_registry_count(void)
{
    return sizeof registry_ops / sizeof *registry_ops;
}

const hg_op *hg_registry_get(size_t index)
{
    return registry_ops[index];
}
