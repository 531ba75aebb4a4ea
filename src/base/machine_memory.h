/* SPDX-License-Identifier: Apache-2.0
 *
 * machine_memory.h: how much memory there is, and how much of it this process has.
 */
#ifndef HG_BASE_MACHINE_MEMORY_H
#define HG_BASE_MACHINE_MEMORY_H

#include <stddef.h>

/* Bytes of the machine's memory; 0 when that cannot be learnt. */
size_t hg_machine_memory_total(void);

/* Bytes that this process has in memory now, mapped files among them; 0 when that cannot be learnt. */
size_t hg_machine_memory_used(void);

#endif
