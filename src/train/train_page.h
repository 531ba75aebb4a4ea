/* SPDX-License-Identifier: Apache-2.0
 *
 * train_page.h: a training log as a page with curves: one file, no script, nothing from the network.
 */
#ifndef HG_TRAIN_TRAIN_PAGE_H
#define HG_TRAIN_TRAIN_PAGE_H

#include "base/error.h"

/* Reads log.jsonl at `log` and replaces the page at `page`. A log that has only begun, or whose last line is
 * cut short, gives a page with what there is. Of notes the page shows how many there are of each kind, not
 * their text, which may name files of patients. */
hg_status hg_train_page_write(const char *log, const char *page, const char *title,
                              hg_error *err) HG_MUST_CHECK;

#endif
