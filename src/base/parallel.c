/* SPDX-License-Identifier: Apache-2.0
 *
 * parallel.c: OpenMP, because oneDNN uses the same pool: two pools would fight for the cores.
 */
#include "base/parallel.h"

#include <omp.h>

void hg_parallel_for(int n_threads, int64_t n_chunks, hg_parallel_fn fn, void *arg)
{
    if (n_threads <= 1 || n_chunks <= 1) {
        for (int64_t i = 0; i < n_chunks; i++)
            fn(arg, i, 0);
        return;
    }
#pragma omp parallel for num_threads(n_threads) schedule(dynamic, 1)
    for (int64_t i = 0; i < n_chunks; i++)
        fn(arg, i, omp_get_thread_num());
}

int hg_parallel_processors(void)
{
    int n = omp_get_num_procs();
    return n < 1 ? 1 : n;
}
