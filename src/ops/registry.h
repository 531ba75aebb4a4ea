/* SPDX-License-Identifier: Apache-2.0
 *
 * registry.h: the list of operations. Each op_<name>.c defines its entry `hg_op_<name>_entry`.
 */
#ifndef HG_OPS_REGISTRY_H
#define HG_OPS_REGISTRY_H

#include "ops/tape.h"

#include <stddef.h>

#define HG_OP(name) extern const hg_op hg_op_##name##_entry;
#include "ops/registry.def"
#undef HG_OP

size_t hg_registry_count(void);
const hg_op *hg_registry_get(size_t index);

#endif
