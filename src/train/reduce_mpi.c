/* SPDX-License-Identifier: Apache-2.0
 *
 * reduce_mpi.c: the transport over MPI. Failures that MPI reports are statuses; MPI is not asked for sums,
 * because the order of its additions is its own affair. Waiting is done asleep: MPI's own waiting keeps a
 * processor busy, which belongs to the backward pass.
 */
#include "train/reduce_transport.h"

#include <mpi.h>
#include <time.h>

/* Looks at a request before sleeping between looks, and how long (ns). */
#define MPI_LOOKS 50
#define MPI_SLEEP 50000

static hg_status mpi_check(int code, const char *what, hg_error *err)
{
    char text[MPI_MAX_ERROR_STRING] = "";
    int length = 0;
    if (code == MPI_SUCCESS)
        return HG_STATUS_OK;
    MPI_Error_string(code, text, &length);
    return hg_error_set(err, HG_STATUS_FAILED, "data-parallel training: %s: %s", what, text);
}

/* Waits for what `code` says was begun. */
static hg_status mpi_wait(int code, MPI_Request *request, const char *what, hg_error *err)
{
    int done = 0;
    for (int looks = 0; code == MPI_SUCCESS && !done; looks++) {
        if (looks > MPI_LOOKS)
            nanosleep(&(struct timespec){.tv_nsec = MPI_SLEEP}, NULL);
        code = MPI_Test(request, &done, MPI_STATUS_IGNORE);
    }
    return mpi_check(code, what, err);
}

static hg_status mpi_exchange(const float *send, float *receive, int n, hg_error *err)
{
    MPI_Request request = MPI_REQUEST_NULL;
    int code = MPI_Ialltoall(send, n, MPI_FLOAT, receive, n, MPI_FLOAT, MPI_COMM_WORLD, &request);
    return mpi_wait(code, &request, "exchange of gradients", err);
}

static hg_status mpi_collect(const void *mine, void *all, int bytes, hg_error *err)
{
    MPI_Request request = MPI_REQUEST_NULL;
    int code = MPI_Iallgather(mine, bytes, MPI_BYTE, all, bytes, MPI_BYTE, MPI_COMM_WORLD, &request);
    return mpi_wait(code, &request, "collection of results", err);
}

static hg_status mpi_broadcast(void *data, int bytes, int root, hg_error *err)
{
    MPI_Request request = MPI_REQUEST_NULL;
    int code = MPI_Ibcast(data, bytes, MPI_BYTE, root, MPI_COMM_WORLD, &request);
    return mpi_wait(code, &request, "broadcast", err);
}

static void mpi_finish(void)
{
    MPI_Finalize();
}

static void mpi_end_all(int exit_code)
{
    MPI_Abort(MPI_COMM_WORLD, exit_code);
}

hg_status hg_reduce_mpi_join(hg_reduce_transport *transport, hg_error *err)
{
    int provided = 0;
    hg_status status =
        mpi_check(MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &provided), "joining mpirun", err);
    if (status != HG_STATUS_OK)
        return status;
    *transport = (hg_reduce_transport){.any_thread = provided >= MPI_THREAD_SERIALIZED,
                                       .exchange = mpi_exchange,
                                       .collect = mpi_collect,
                                       .broadcast = mpi_broadcast,
                                       .finish = mpi_finish,
                                       .end_all = mpi_end_all};
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &transport->rank);
    MPI_Comm_size(MPI_COMM_WORLD, &transport->size);
    return HG_STATUS_OK;
}
