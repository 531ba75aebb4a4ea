/* SPDX-License-Identifier: Apache-2.0
 *
 * reduce_transport.h: how bytes travel between the processes; reduce.c does the arithmetic.
 */
#ifndef HG_TRAIN_REDUCE_TRANSPORT_H
#define HG_TRAIN_REDUCE_TRANSPORT_H

#include "base/error.h"

#include <stdbool.h>

typedef struct hg_reduce_transport {
    int rank, size;
    bool any_thread; /* calls may come from another thread than the one that joined, one at a time */
    /* Part r of `send` (size parts of n floats) to rank r; part r of `receive` comes from rank r. */
    hg_status (*exchange)(const float *send, float *receive, int n, hg_error *err);
    /* `bytes` bytes of each rank, in the order of ranks, to all. */
    hg_status (*collect)(const void *mine, void *all, int bytes, hg_error *err);
    /* The bytes of rank `root` to all. */
    hg_status (*broadcast)(void *data, int bytes, int root, hg_error *err);
    void (*finish)(void);
    void (*end_all)(int exit_code);
} hg_reduce_transport;

/* Joins the processes that mpirun started; only in builds with MPI. */
hg_status hg_reduce_mpi_join(hg_reduce_transport *transport, hg_error *err) HG_MUST_CHECK;

#endif
