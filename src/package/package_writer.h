/* SPDX-License-Identifier: Apache-2.0
 *
 * package_writer.h: a source as one file.
 */
#ifndef HG_PACKAGE_PACKAGE_WRITER_H
#define HG_PACKAGE_PACKAGE_WRITER_H

#include "package/source.h"
#include "package/tensor_types.h"

typedef struct hg_package_options {
    const char *out;
    const hg_tensor_types *types;
    const char
        *base_file; /* the plain name of a GGUF file with the language model, which is left out; NULL: in */
    const hg_provenance *provenance;
    size_t n_provenance;
    int n_threads;
    const hg_progress *progress;
} hg_package_options;

/* The source must have been loaded once, which checks its shapes. */
hg_status hg_package_write(const hg_source *s, const hg_package_options *o, hg_convert_result *result,
                           hg_error *err) HG_MUST_CHECK;

#endif
