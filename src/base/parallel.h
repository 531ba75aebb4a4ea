/* SPDX-License-Identifier: Apache-2.0
 *
 * parallel.h: the one place that starts threads. Work is cut into chunks whose borders do not depend on the
 * number of threads, and every chunk writes its own results, so results are the same for any thread count.
 */
#ifndef HG_BASE_PARALLEL_H
#define HG_BASE_PARALLEL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Does chunk `index`; `worker` in 0..n_threads-1 names the thread, for scratch memory. */
typedef void (*hg_parallel_fn)(void *arg, int64_t index, int worker);

/* Calls fn for index 0..n_chunks-1, each once, in any order, on at most n_threads threads (the caller's among
 * them). */
void hg_parallel_for(int n_threads, int64_t n_chunks, hg_parallel_fn fn, void *arg);

/* Instead of a number of chunks: every thread does it once, for itself, with its own number as the index.
 * Nothing can be `after` it: a thread may be late for it until all parts are done. */
#define HG_PARALLEL_EACH ((int64_t)-1)

/* Some chunks of one kind. */
typedef struct hg_parallel_part {
    int64_t n_chunks; /* or HG_PARALLEL_EACH */
    hg_parallel_fn fn;
    void *arg;
    bool after; /* not before all chunks of the kind before are done, whose results can be read then */
} hg_parallel_part;

/* The most kinds of chunks that are done together. */
#define HG_PARALLEL_PARTS 20

/* Several kinds of chunks, with the threads woken once: all chunks of one kind are taken, by whatever thread,
 * before any of the next is. So a chunk may wait for those of kinds before its own (hg_parallel_wait), for no
 * longer than what a thread has taken lasts; those of the first may wait for nothing. */
void hg_parallel_for_parts(int n_threads, int n_parts, const hg_parallel_part *parts);

/* Returns when *left is 0; what was written before it became 0 (with release order) can be read then. */
void hg_parallel_wait(atomic_llong *left);

/* Processors this process may run on, at least 1. */
int hg_parallel_processors(void);

#endif
