/* SPDX-License-Identifier: Apache-2.0
 *
 * bandwidth.h: reading memory as fast as the machine can, for measurements.
 */
#ifndef HG_BASE_BANDWIDTH_H
#define HG_BASE_BANDWIDTH_H

#include <stddef.h>
#include <stdint.h>

/* Reads `bytes` once, front to back, one load a cache line, on n_threads threads in chunks of 1 MiB (what is
 * over is left out), each line asked for `ahead` bytes before it is read; 0: left to the processor. Returns
 * what depends on every line, so that no read can be left out. */
uint64_t hg_bandwidth_read(int n_threads, const void *memory, size_t bytes, size_t ahead);

/* The `ahead` that is fastest here, tried on one thread: where several share memory that is short, all look
 * alike. `bytes` should be more than the caches hold. */
size_t hg_bandwidth_ahead(const void *memory, size_t bytes);

#endif
