/* SPDX-License-Identifier: Apache-2.0
 *
 * parallel.c: OpenMP, because oneDNN uses the same pool: two pools would fight for the cores.
 *
 * Every worker has a run of neighbouring chunks and helps others when it is done. Neighbours lie side by side
 * in memory: who takes one after the other reads one long stream, which is half as fast again as a thread's
 * turns at a common queue.
 */
#include "base/parallel.h"

#include <omp.h>
#include <stdatomic.h>

#define PARALLEL_MAX_RUNS 64

/* A run of chunks; a cache line of its own. */
typedef struct parallel_run {
    _Alignas(64) atomic_llong next;
    int64_t end;
} parallel_run;

static void parallel_work(parallel_run *runs, int n_runs, int worker, hg_parallel_fn fn, void *arg)
{
    for (int i = 0; i < n_runs; i++) {
        parallel_run *run = &runs[(worker + i) % n_runs];
        for (;;) {
            int64_t index = atomic_fetch_add(&run->next, 1);
            if (index >= run->end)
                break;
            fn(arg, index, worker);
        }
    }
}

void hg_parallel_for(int n_threads, int64_t n_chunks, hg_parallel_fn fn, void *arg)
{
    if (n_threads <= 1 || n_chunks <= 1) {
        for (int64_t i = 0; i < n_chunks; i++)
            fn(arg, i, 0);
        return;
    }
    parallel_run runs[PARALLEL_MAX_RUNS];
    int n_runs = n_threads < PARALLEL_MAX_RUNS ? n_threads : PARALLEL_MAX_RUNS;
    for (int i = 0; i < n_runs; i++) {
        atomic_init(&runs[i].next, n_chunks / n_runs * i + (n_chunks % n_runs < i ? n_chunks % n_runs : i));
        runs[i].end = n_chunks / n_runs * (i + 1) + (n_chunks % n_runs < i + 1 ? n_chunks % n_runs : i + 1);
    }
#pragma omp parallel num_threads(n_threads)
    parallel_work(runs, n_runs, omp_get_thread_num(), fn, arg);
}

int hg_parallel_processors(void)
{
    int n = omp_get_num_procs();
    return n < 1 ? 1 : n;
}
