/* SPDX-License-Identifier: Apache-2.0
 *
 * confine.h: takes from a child process what it does not need: files, network, programs, time and memory
 * without end.
 */
#ifndef HG_IMAGE_CONFINE_H
#define HG_IMAGE_CONFINE_H

#include "image/sandbox.h"

#include <stdbool.h>

/* From here on this process can compute, allocate, map and size the file `fd` up to `file_bytes`, and read
 * the one file that the limits name. `space`: bytes of address space that it has now, 0 when that is not
 * known; then memory is not limited. False when the system cannot do all of it. */
bool hg_confine(const hg_sandbox_limits *limits, int fd, size_t file_bytes, size_t space);

#endif
