/* SPDX-License-Identifier: Apache-2.0
 *
 * tiff_log.c: libtiff's handlers of errors and warnings.
 */
#include "image/tiff_log.h"

#include <healthgpt/status.h>
#include <stdio.h>

static int tiff_log_error(TIFF *tiff, void *user, const char *module, const char *format, va_list args)
    HG_PRINTF(4, 0);

static int tiff_log_error(TIFF *tiff, void *user, const char *module, const char *format, va_list args)
{
    hg_tiff_log *log = user;
    (void)tiff;
    (void)module;
    if (log->text[0] == 0)
        vsnprintf(log->text, sizeof log->text, format, args);
    return 1;
}

static int tiff_log_warning(TIFF *tiff, void *user, const char *module, const char *format, va_list args)
    HG_PRINTF(4, 0);

static int tiff_log_warning(TIFF *tiff, void *user, const char *module, const char *format, va_list args)
{
    (void)tiff;
    (void)user;
    (void)module;
    (void)format;
    (void)args;
    return 1;
}

void hg_tiff_log_connect(hg_tiff_log *log, TIFFOpenOptions *options)
{
    TIFFOpenOptionsSetErrorHandlerExtR(options, tiff_log_error, log);
    TIFFOpenOptionsSetWarningHandlerExtR(options, tiff_log_warning, log);
}
