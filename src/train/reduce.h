/* SPDX-License-Identifier: Apache-2.0
 *
 * reduce.h: data-parallel training: the processes that `mpirun -n N healthgpt train` starts, their sums and
 * copies. All processes make the same calls in the same order; each call returns when all have made it.
 *
 * Sums are added in the order of the ranks, so they are those of one process that adds the parts one after
 * the other, bit by bit, however the data travel. A process that dies ends the run: mpirun ends the others.
 * One process alone needs no mpirun, and its calls do nothing.
 */
#ifndef HG_TRAIN_REDUCE_H
#define HG_TRAIN_REDUCE_H

#include "base/error.h"
#include "train/param.h"

#include <stdbool.h>

typedef struct hg_reduce hg_reduce;

/* Whether mpirun says that it started several processes. */
bool hg_reduce_is_launched(void);

/* Joins the others when mpirun started this process (HG_STATUS_USAGE when this build cannot); alone
 * otherwise. Once a process. */
hg_status hg_reduce_open(hg_reduce **reduce, hg_error *err) HG_MUST_CHECK;

/* The regular end, which waits for the others: not after an error of this process alone, which ends by
 * hg_reduce_abort or by exiting with a code other than 0. May be given NULL. */
void hg_reduce_close(hg_reduce *reduce);

/* The end after an error of this process alone: ends all processes at once, and does not return when there
 * are others. Frees nothing. */
void hg_reduce_abort(hg_reduce *reduce, int exit_code);

int hg_reduce_get_rank(const hg_reduce *reduce); /* 0 .. size - 1; rank 0 writes files */
int hg_reduce_get_size(const hg_reduce *reduce);

/* Every gradient becomes the sum over all processes, whose lists have the same sizes. */
hg_status hg_reduce_sum_gradients(hg_reduce *reduce, hg_param *params, size_t n_params,
                                  hg_error *err) HG_MUST_CHECK;

/* The same for n numbers: losses, counts, flags. */
hg_status hg_reduce_sum(hg_reduce *reduce, double *values, size_t n, hg_error *err) HG_MUST_CHECK;

/* The bytes of rank `root` to all. */
hg_status hg_reduce_broadcast(hg_reduce *reduce, void *data, size_t bytes, int root,
                              hg_error *err) HG_MUST_CHECK;

/* One outcome for all: the first rank's that failed, with its text, or HG_STATUS_OK. Every rank calls it
 * behind work that may fail on one of them alone. */
hg_status hg_reduce_agree(hg_reduce *reduce, hg_status status, hg_error *err) HG_MUST_CHECK;

/* Threads for this process: the processors that it may run on, shared with the other processes on the same
 * machine that may run on the same ones. */
hg_status hg_reduce_share_threads(hg_reduce *reduce, int *n_threads, hg_error *err) HG_MUST_CHECK;

/* Whether another thread may make the calls, while this one makes none. */
bool hg_reduce_is_threaded(const hg_reduce *reduce);

#endif
