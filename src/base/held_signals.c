/* SPDX-License-Identifier: Apache-2.0
 *
 * held_signals.c: the thread's signal mask.
 */
#include "base/held_signals.h"

#include <stddef.h>

hg_held_signals hg_held_signals_begin(void)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    hg_held_signals held;
    sigset_t all;
    sigfillset(&all);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigdelset(&all, faults[i]);
    pthread_sigmask(SIG_BLOCK, &all, &held.before);
    return held;
}

void hg_held_signals_release(const hg_held_signals *held)
{
    pthread_sigmask(SIG_SETMASK, &held->before, NULL);
}
