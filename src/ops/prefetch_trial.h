/* SPDX-License-Identifier: Apache-2.0
 *
 * prefetch_trial.h: which way of asking for interleaved weights (tensor/prefetch.h) is fastest here.
 *
 * Processors differ in it by a third of the speed, and in both directions: one keeps up with a stream by
 * itself and only loses by being asked, another stops at the end of every page. So the ways are tried on the
 * weights themselves, on one thread: where several share memory that is short, all ways look alike.
 */
#ifndef HG_OPS_PREFETCH_TRIAL_H
#define HG_OPS_PREFETCH_TRIAL_H

#include "ops/context.h"

/* Sets `prefetch` of n matrices: of those that are interleaved to the fastest for their type, of all others,
 * and of types that are so few here that a cache might hold them, to that of the type that most are of. Where
 * that, too, is so few, or memory is short, nothing is tried, and nothing set. Takes some hundredths of a
 * second. */
void hg_prefetch_choose(const hg_kernels *kernels, size_t n, hg_tensor *const *matrices);

#endif
