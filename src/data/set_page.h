/* SPDX-License-Identifier: Apache-2.0
 *
 * set_page.h: the overview of a data set: one HTML page of counts and sample pictures, without scripts.
 */
#ifndef HG_DATA_SET_PAGE_H
#define HG_DATA_SET_PAGE_H

#include "base/buffer.h"

typedef struct hg_set_page {
    hg_buffer body;
    bool failed; /* memory was short somewhere */
} hg_set_page;

/* `title` and all other texts are plain; what HTML would read is escaped. */
void hg_set_page_init(hg_set_page *page, const char *title, const char *note);
void hg_set_page_deinit(hg_set_page *page);

void hg_set_page_heading(hg_set_page *page, const char *text);

/* A table of counts: begin, rows, end. */
void hg_set_page_table_begin(hg_set_page *page, const char *what);
void hg_set_page_table_row(hg_set_page *page, const char *name, size_t n);
void hg_set_page_table_end(hg_set_page *page);

/* A sample: a picture (path relative to the page; NULL: none), its target (may be NULL) and a text. */
void hg_set_page_sample(hg_set_page *page, const char *image, const char *target, const char *text);

/* For pages that need more: HTML as it is, and text with what HTML would read escaped. */
void hg_set_page_html(hg_set_page *page, const char *html);
void hg_set_page_text(hg_set_page *page, const char *text);

/* Writes FOLDER/index.html. */
hg_status hg_set_page_write(hg_set_page *page, const char *folder, hg_error *err) HG_MUST_CHECK;

#endif
