/* SPDX-License-Identifier: Apache-2.0
 *
 * param.c: cuts a list of parameters into pieces and hands them to threads in rounds, so that the results of
 * a round fit the stack.
 */
#include "train/param.h"

#include "base/parallel.h"

/* Elements a piece: 64 KiB each of value, gradient and moments stay in a second-level cache. */
#define PIECE 16384
#define ROUND 1024

typedef struct param_piece {
    const hg_param *param;
    int64_t begin, count;
    double result;
} param_piece;

typedef struct param_round {
    hg_param_fn fn;
    void *arg;
    int64_t n_pieces;
    param_piece pieces[ROUND];
} param_round;

static void round_piece(void *arg, int64_t index, int worker)
{
    (void)worker;
    param_round *round = arg;
    param_piece *p = &round->pieces[index];
    p->result = round->fn(round->arg, p->param, p->begin, p->count);
}

static double round_run(param_round *round, int n_threads)
{
    double sum = 0;
    hg_parallel_for(n_threads, round->n_pieces, round_piece, round);
    for (int64_t i = 0; i < round->n_pieces; i++)
        sum += round->pieces[i].result;
    round->n_pieces = 0;
    return sum;
}

double hg_param_sum(const hg_param *params, size_t n_params, int n_threads, hg_param_fn fn, void *arg)
{
    param_round round = {.fn = fn, .arg = arg};
    double sum = 0;
    for (size_t i = 0; i < n_params; i++) {
        for (int64_t begin = 0; begin < params[i].n; begin += PIECE) {
            int64_t left = params[i].n - begin;
            if (round.n_pieces == ROUND)
                sum += round_run(&round, n_threads);
            round.pieces[round.n_pieces++] = (param_piece){&params[i], begin, left < PIECE ? left : PIECE, 0};
        }
    }
    return sum + round_run(&round, n_threads);
}
