/* SPDX-License-Identifier: Apache-2.0
 *
 * held_signals.h: a stretch of work in which no signal interrupts this thread. For code that cannot be
 * interrupted on its own stack: a handler's frame is written below the stack pointer.
 */
#ifndef HG_BASE_HELD_SIGNALS_H
#define HG_BASE_HELD_SIGNALS_H

#include <signal.h>

/* What was held before. */
typedef struct hg_held_signals {
    sigset_t before;
} hg_held_signals;

/* Signals wait until hg_held_signals_release, or go to another thread. Those that a fault of the thread
 * itself raises do not wait. Two system calls a pair; pairs may lie within each other. */
hg_held_signals hg_held_signals_begin(void);
void hg_held_signals_release(const hg_held_signals *held);

#endif
