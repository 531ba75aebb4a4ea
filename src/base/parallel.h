/* SPDX-License-Identifier: Apache-2.0
 *
 * parallel.h: the one place that starts threads. Work is cut into chunks whose borders do not depend on the
 * number of threads, and every chunk writes its own results, so results are the same for any thread count.
 */
#ifndef HG_BASE_PARALLEL_H
#define HG_BASE_PARALLEL_H

#include <stdint.h>

/* Does chunk `index`; `worker` in 0..n_threads-1 names the thread, for scratch memory. */
typedef void (*hg_parallel_fn)(void *arg, int64_t index, int worker);

/* Calls fn for index 0..n_chunks-1, each once, in any order, on at most n_threads threads (the caller's among
 * them). */
void hg_parallel_for(int n_threads, int64_t n_chunks, hg_parallel_fn fn, void *arg);

/* Processors this process may run on, at least 1. */
int hg_parallel_processors(void);

#endif
