/* SPDX-License-Identifier: Apache-2.0
 *
 * random_model.c: writes a model folder in the released layout with random weights: `random_model
 * tiny|small|m3 FOLDER [SEED]`. "m3" has the full dimensions of HealthGPT-M3 (about 10 GB, 16 bits); "tiny"
 * is small enough for a demonstration, "small" for measuring what block-quantised types cost. What such a
 * model says means nothing; its manifest says so.
 */
#include "package/random_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    hg_random_shape shape;
    if (argc < 3 || argc > 4 || !hg_random_shape_find(argv[1], &shape)) {
        fprintf(stderr, "usage: random_model tiny|small|m3 FOLDER [SEED]\n");
        return HG_STATUS_USAGE;
    }
    char *end = "";
    uint64_t seed = argc == 4 ? strtoull(argv[3], &end, 10) : 1;
    if (*end != 0) {
        fprintf(stderr, "random_model: '%s' is no seed\n", argv[3]);
        return HG_STATUS_USAGE;
    }
    hg_error err = {HG_STATUS_OK, ""};
    hg_status status = hg_random_files_write(&shape, argv[2], seed, NULL, &err);
    if (status != HG_STATUS_OK)
        fprintf(stderr, "random_model: %s\n", err.text);
    else
        printf("%s: random weights, %.1f MB\n", argv[2], (double)hg_random_files_bytes(&shape) / 1e6);
    return (int)status;
}
