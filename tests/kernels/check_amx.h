/* SPDX-License-Identifier: Apache-2.0
 *
 * check_amx.h: the part of check_kernels for AMX with tiles in plain C, which runs on every processor.
 */
#ifndef HG_TESTS_CHECK_AMX_H
#define HG_TESTS_CHECK_AMX_H

#include "base/rng.h"

/* The emulated tiles themselves, on shapes of all kinds, against the sums that they stand for. */
void check_amx_tiles(hg_rng *rng);

/* The kernels of the AMX tier with them. */
void check_amx_kernels(hg_rng *rng);

/* A processor whose products are wrong is found out and not used. */
void check_amx_trial(void);

#endif
