/* SPDX-License-Identifier: Apache-2.0
 *
 * set_page.c: HTML by appending text.
 */
#include "data/set_page.h"

#include "base/file.h"

#define PAGE_MAX_BYTES ((size_t)16 << 20)

static const char style[] =
    "body{font:14px sans-serif;margin:2em;background:#fff;color:#111}"
    "figure{display:inline-block;vertical-align:top;width:340px;margin:6px}"
    "img{width:164px;image-rendering:pixelated;background:#000;margin:1px}"
    "figcaption{white-space:pre-wrap;font-size:12px}"
    "table{border-collapse:collapse;margin:1em 0;display:inline-table;vertical-align:top;"
    "margin-right:2em}td{border-bottom:1px solid #ccc;padding:2px 8px}"
    "td:last-child{text-align:right}";

static void push(hg_set_page *page, const char *text)
{
    page->failed = !hg_buffer_push_text(&page->body, text) || page->failed;
}

static void push_escaped(hg_set_page *page, const char *text)
{
    for (; *text != 0; text++) {
        const char *as = *text == '&'   ? "&amp;"
                         : *text == '<' ? "&lt;"
                         : *text == '>' ? "&gt;"
                         : *text == '"' ? "&quot;"
                                        : NULL;
        if (as != NULL)
            push(page, as);
        else
            page->failed = !hg_buffer_push(&page->body, text, 1) || page->failed;
    }
}

/* <tag>text</tag> */
static void push_element(hg_set_page *page, const char *tag, const char *text)
{
    page->failed = !hg_buffer_push_format(&page->body, "<%s>", tag) || page->failed;
    push_escaped(page, text);
    page->failed = !hg_buffer_push_format(&page->body, "</%s>\n", tag) || page->failed;
}

void hg_set_page_init(hg_set_page *page, const char *title, const char *note)
{
    hg_buffer_init(&page->body, PAGE_MAX_BYTES);
    page->failed = false;
    push(page, "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\">\n");
    push_element(page, "title", title);
    push_element(page, "style", style);
    push_element(page, "h1", title);
    push_element(page, "p", note);
}

void hg_set_page_deinit(hg_set_page *page)
{
    hg_buffer_deinit(&page->body);
}

void hg_set_page_heading(hg_set_page *page, const char *text)
{
    push_element(page, "h2", text);
}

void hg_set_page_table_begin(hg_set_page *page, const char *what)
{
    push(page, "<table><tr><td><b>");
    push_escaped(page, what);
    push(page, "</b><td>\n");
}

void hg_set_page_table_row(hg_set_page *page, const char *name, size_t n)
{
    push(page, "<tr><td>");
    push_escaped(page, name);
    page->failed = !hg_buffer_push_format(&page->body, "<td>%zu\n", n) || page->failed;
}

void hg_set_page_table_end(hg_set_page *page)
{
    push(page, "</table>\n");
}

static void push_image(hg_set_page *page, const char *path)
{
    if (path == NULL)
        return;
    push(page, "<img loading=\"lazy\" alt=\"\" src=\"");
    push_escaped(page, path);
    push(page, "\">");
}

void hg_set_page_sample(hg_set_page *page, const char *image, const char *target, const char *text)
{
    push(page, "<figure>");
    push_image(page, image);
    push_image(page, target);
    push_element(page, "figcaption", text);
    push(page, "</figure>\n");
}

void hg_set_page_html(hg_set_page *page, const char *html)
{
    push(page, html);
}

void hg_set_page_text(hg_set_page *page, const char *text)
{
    push_escaped(page, text);
}

hg_status hg_set_page_write(hg_set_page *page, const char *folder, hg_error *err)
{
    char path[HG_PATH_BYTES];
    push(page, "</html>\n");
    if (page->failed)
        return hg_error_memory(err, page->body.size, "the overview page");
    hg_status status = hg_path_join(path, folder, "index.html", err);
    return status == HG_STATUS_OK ? hg_file_write(path, page->body.data, page->body.size, err) : status;
}
