/* SPDX-License-Identifier: Apache-2.0
 *
 * tiff_log.h: what libtiff says while it reads or writes, kept instead of printed.
 */
#ifndef HG_IMAGE_TIFF_LOG_H
#define HG_IMAGE_TIFF_LOG_H

#include <tiffio.h>

typedef struct hg_tiff_log {
    char text[160]; /* the first error since it was cleared; "" for none */
} hg_tiff_log;

/* Errors of what is opened with these options go to the log, which must live as long; warnings nowhere. */
void hg_tiff_log_connect(hg_tiff_log *log, TIFFOpenOptions *options);

#endif
