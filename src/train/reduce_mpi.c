/* SPDX-License-Identifier: Apache-2.0
 *
 * reduce_mpi.c: the transport over MPI, on the thread that joined. Failures that MPI reports are statuses;
 * MPI is not asked for sums, because the order of its additions is its own affair.
 */
#include "train/reduce_transport.h"

#include <mpi.h>

static hg_status mpi_check(int code, const char *what, hg_error *err)
{
    char text[MPI_MAX_ERROR_STRING] = "";
    int length = 0;
    if (code == MPI_SUCCESS)
        return HG_STATUS_OK;
    MPI_Error_string(code, text, &length);
    return hg_error_set(err, HG_STATUS_FAILED, "data-parallel training: %s: %s", what, text);
}

static hg_status mpi_exchange(const float *send, float *receive, int n, hg_error *err)
{
    return mpi_check(MPI_Alltoall(send, n, MPI_FLOAT, receive, n, MPI_FLOAT, MPI_COMM_WORLD),
                     "exchange of gradients", err);
}

static hg_status mpi_collect(const void *mine, void *all, int bytes, hg_error *err)
{
    return mpi_check(MPI_Allgather(mine, bytes, MPI_BYTE, all, bytes, MPI_BYTE, MPI_COMM_WORLD),
                     "collection of results", err);
}

static hg_status mpi_broadcast(void *data, int bytes, hg_error *err)
{
    return mpi_check(MPI_Bcast(data, bytes, MPI_BYTE, 0, MPI_COMM_WORLD), "broadcast", err);
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
        mpi_check(MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided), "joining mpirun", err);
    if (status != HG_STATUS_OK)
        return status;
    *transport = (hg_reduce_transport){.exchange = mpi_exchange,
                                       .collect = mpi_collect,
                                       .broadcast = mpi_broadcast,
                                       .finish = mpi_finish,
                                       .end_all = mpi_end_all};
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &transport->rank);
    MPI_Comm_size(MPI_COMM_WORLD, &transport->size);
    return HG_STATUS_OK;
}
