/* SPDX-License-Identifier: Apache-2.0
 *
 * parallel.c: OpenMP, because oneDNN uses the same pool: two pools would fight for the cores.
 *
 * Every worker has a run of neighbouring chunks and helps others when it is done. Neighbours lie side by side
 * in memory: who takes one after the other reads one long stream, which is half as fast again as a thread's
 * turns at a common queue.
 */
#include "base/parallel.h"

#include <assert.h>
#include <omp.h>
#include <sched.h>

#define PARALLEL_MAX_RUNS 64

/* A run of chunks; a cache line of its own. */
typedef struct parallel_run {
    _Alignas(64) atomic_llong next;
    int64_t end;
} parallel_run;

typedef struct parallel_runs {
    parallel_run runs[PARALLEL_MAX_RUNS];
    _Alignas(64) atomic_llong left; /* chunks that are not done; for who waits, and not always up to date */
    int n;
} parallel_runs;

static void parallel_split(parallel_runs *r, int n_threads, int64_t n_chunks)
{
    r->n = n_threads < PARALLEL_MAX_RUNS ? n_threads : PARALLEL_MAX_RUNS;
    atomic_init(&r->left, n_chunks);
    const int64_t each = n_chunks / r->n, more = n_chunks % r->n; /* the first `more` runs have one more */
    for (int i = 0; i < r->n; i++) {
        atomic_init(&r->runs[i].next, each * i + (more < i ? more : i));
        r->runs[i].end = each * (i + 1) + (more < i + 1 ? more : i + 1);
    }
}

/* A part of what is left of a run is taken at once: many at first, at last one at a time. Each taking is a
 * locked instruction, before which all reading of memory comes to an end. */
#define PARALLEL_SHARE 4

/* Takes chunks; returns how many, from *first on. */
static int64_t parallel_take(parallel_run *run, int64_t *first)
{
    const int64_t left = run->end - atomic_load_explicit(&run->next, memory_order_relaxed);
    if (left <= 0)
        return 0;
    const int64_t count = left < 2 * PARALLEL_SHARE ? 1 : left / PARALLEL_SHARE;
    *first = atomic_fetch_add(&run->next, count);
    return *first + count <= run->end ? count : run->end - *first; /* others may have taken of it meanwhile */
}

/* Returns how many chunks this thread did. */
static int64_t parallel_work(parallel_runs *r, int worker, hg_parallel_fn fn, void *arg)
{
    int64_t done = 0;
    for (int i = 0; i < r->n; i++) {
        parallel_run *run = &r->runs[(worker + i) % r->n];
        for (int64_t first, count; (count = parallel_take(run, &first)) > 0; done += count) {
            for (int64_t index = first; index < first + count; index++)
                fn(arg, index, worker);
        }
    }
    return done;
}

static void parallel_serial(int64_t n_chunks, hg_parallel_fn fn, void *arg)
{
    for (int64_t i = 0; i < n_chunks; i++)
        fn(arg, i, 0);
}

void hg_parallel_for(int n_threads, int64_t n_chunks, hg_parallel_fn fn, void *arg)
{
    if (n_threads <= 1 || n_chunks <= 1) {
        parallel_serial(n_chunks, fn, arg);
        return;
    }
    parallel_runs runs;
    parallel_split(&runs, n_threads, n_chunks);
#pragma omp parallel num_threads(n_threads)
    (void)parallel_work(&runs, omp_get_thread_num(), fn, arg);
}

/* Looks this often before it lets other threads have the processor. */
#define PARALLEL_SPINS 2000

void hg_parallel_wait(atomic_llong *left)
{
    for (int i = 0; atomic_load_explicit(left, memory_order_acquire) != 0; i++) {
        if (i > PARALLEL_SPINS)
            sched_yield();
    }
}

/* Part p on this thread. */
static void parallel_part(parallel_runs *runs, int n_parts, const hg_parallel_part *parts, int p)
{
    const hg_parallel_part *part = &parts[p];
    const int worker = omp_get_thread_num();
    if (part->after && p > 0)
        hg_parallel_wait(&runs[p - 1].left);
    if (part->n_chunks == HG_PARALLEL_EACH) {
        part->fn(part->arg, worker, worker);
        return;
    }
    const int64_t done = parallel_work(&runs[p], worker, part->fn, part->arg);
    if (p + 1 < n_parts && parts[p + 1].after && done > 0)
        atomic_fetch_sub_explicit(&runs[p].left, done, memory_order_acq_rel);
}

void hg_parallel_for_parts(int n_threads, int n_parts, const hg_parallel_part *parts)
{
    assert(n_parts <= HG_PARALLEL_PARTS);
    if (n_threads <= 1) {
        for (int p = 0; p < n_parts; p++)
            parallel_serial(parts[p].n_chunks == HG_PARALLEL_EACH ? 1 : parts[p].n_chunks, parts[p].fn,
                            parts[p].arg);
        return;
    }
    parallel_runs runs[HG_PARALLEL_PARTS];
    for (int p = 0; p < n_parts; p++) {
        assert(p == 0 || !parts[p].after || parts[p - 1].n_chunks != HG_PARALLEL_EACH);
        parallel_split(&runs[p], n_threads, parts[p].n_chunks == HG_PARALLEL_EACH ? 0 : parts[p].n_chunks);
    }
#pragma omp parallel num_threads(n_threads)
    for (int p = 0; p < n_parts; p++)
        parallel_part(runs, n_parts, parts, p);
}

int hg_parallel_processors(void)
{
    int n = omp_get_num_procs();
    return n < 1 ? 1 : n;
}
