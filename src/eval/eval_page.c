/* SPDX-License-Identifier: Apache-2.0
 *
 * eval_page.c: an evaluation as one HTML file without scripts and without links: the tables of result.json,
 * and sample pictures, which lie in the file itself. Samples are chosen by their place in the list, never by
 * their scores: the first drawings of each task and part, the first right and the first wrong answers.
 */
#include "eval/eval_run.h"

#include "base/file.h"
#include "data/set_page.h"
#include "image/fit.h"
#include "image/image_writer.h"

#include <stdarg.h>
#include <string.h>

enum {
    SAMPLE_SIDE = 256,   /* pixels; larger pictures are made smaller */
    SAMPLE_DRAWINGS = 2, /* of a task and part */
    SAMPLE_ANSWERS = 10  /* right ones, and as many wrong ones */
};
#define SAMPLE_MAX_BYTES ((size_t)1 << 20)
#define SAMPLES_MAX_BYTES ((size_t)8 << 20) /* of the page; samples that come later are left out */

static const char page_style[] =
    "<style>td,th{text-align:right;border-bottom:1px solid #ccc;padding:2px 8px}td:first-child,"
    "td:nth-child(2),th:first-child,th:nth-child(2){text-align:left}.sample{margin:1em 0}.sample figure{"
    "width:170px}.sample p{margin:0;white-space:pre-wrap}</style>\n";

static void push(hg_set_page *page, const char *format, ...) HG_PRINTF(2, 3);
static void push(hg_set_page *page, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    hg_set_page_html(page, text);
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "" : text;
}

static double number_of(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static void push_cell(hg_set_page *page, const char *text)
{
    hg_set_page_html(page, "<td>");
    hg_set_page_text(page, text);
}

/* ---- tables ---- */

static void push_settings(hg_set_page *page, const json_t *result)
{
    json_t *settings = json_object_get(result, "settings"), *skipped = json_object_get(result, "skipped");
    json_t *model = json_object_get(settings, "model"), *task;
    const char *key;
    hg_set_page_html(page, "<p>Model ");
    hg_set_page_text(page, text_of(model, "name"));
    hg_set_page_html(page, json_is_true(json_object_get(model, "random_weights"))
                               ? " (random weights: figures mean nothing), list "
                               : ", list ");
    hg_set_page_text(page, text_of(settings, "list"));
    push(page, " (SHA-256 %s): %lld of %lld items evaluated, of these %lld failed.</p>\n",
         text_of(settings, "list_sha256"), (long long)number_of(result, "n"),
         (long long)number_of(settings, "items_in_list"), (long long)number_of(result, "failed"));
    if (json_object_get(settings, "instead") != NULL)
        push(page, "<p>Every picture was replaced by one that shows nothing (%s).</p>\n",
             text_of(settings, "instead"));
    json_object_foreach(skipped, key, task)
    {
        push(page, "<p>Skipped %lld items of ", (long long)number_of(task, "n"));
        hg_set_page_text(page, key);
        hg_set_page_html(page, ": ");
        hg_set_page_text(page, text_of(task, "why"));
        hg_set_page_html(page, "</p>\n");
    }
}

static void push_invented(hg_set_page *page, const json_t *questions)
{
    json_t *invented = json_object_get(questions, "invented_lesions"), *rate;
    const char *key;
    json_object_foreach(invented, key, rate)
    {
        if (json_is_object(rate))
            push(page,
                 "<p>Invented lesions (%s): %.1f %% (%.1f to %.1f) of %lld questions whose true answer is "
                 "No.</p>\n",
                 key, 100 * number_of(rate, "rate"), 100 * number_of(rate, "low"),
                 100 * number_of(rate, "high"), (long long)number_of(rate, "n"));
    }
}

static void push_questions(hg_set_page *page, const json_t *questions)
{
    json_t *group;
    size_t i;
    if (number_of(questions, "n") == 0)
        return;
    hg_set_page_heading(page, "Questions");
    hg_set_page_html(page,
                     "<table><tr><th>group<th><th>n<th>accuracy %<th>95 % interval<th>most common answer "
                     "%<th>the same by type %<th>word recall<th>word F1\n");
    json_array_foreach(json_object_get(questions, "groups"), i, group)
    {
        hg_set_page_html(page, "<tr>");
        push_cell(page, text_of(group, "by"));
        push_cell(page, text_of(group, "name"));
        push(page, "<td>%lld<td>%.1f<td>%.1f to %.1f<td>%.1f<td>%.1f<td>%.3f<td>%.3f\n",
             (long long)number_of(group, "n"), 100 * number_of(group, "accuracy"),
             100 * number_of(group, "low"), 100 * number_of(group, "high"),
             100 * number_of(group, "majority"), 100 * number_of(group, "majority_by_type"),
             number_of(group, "recall"), number_of(group, "f1"));
    }
    hg_set_page_html(page, "</table>\n");
    push_invented(page, questions);
}

static void push_mean(hg_set_page *page, const json_t *mean, int digits)
{
    if (!json_is_number(json_object_get(mean, "mean")))
        hg_set_page_html(page, "<td>-");
    else if (!json_is_number(json_object_get(mean, "low")))
        push(page, "<td>%.*f", digits, number_of(mean, "mean"));
    else
        push(page, "<td>%.*f (%.*f to %.*f)", digits, number_of(mean, "mean"), digits, number_of(mean, "low"),
             digits, number_of(mean, "high"));
}

static void push_drawings(hg_set_page *page, const json_t *drawings)
{
    static const char *const methods[] = {"drawn", "input", "ceiling"};
    json_t *group;
    size_t i;
    if (number_of(drawings, "n") == 0)
        return;
    hg_set_page_heading(page, "Drawings");
    hg_set_page_html(
        page,
        "<p>Means with 95 % intervals. drawn: the model's picture; input: what it was given, as large as the "
        "target; ceiling: the target through the picture autoencoder and back.</p>\n"
        "<table><tr><th>task<th>part<th>n<th>picture<th>SSIM<th>PSNR dB<th>MAE\n");
    json_array_foreach(json_object_get(drawings, "groups"), i, group)
    {
        for (size_t k = 0; k < 3; k++) {
            json_t *method = json_object_get(group, methods[k]);
            if (!json_is_object(method))
                continue;
            hg_set_page_html(page, "<tr>");
            push_cell(page, text_of(group, "task"));
            push_cell(page, text_of(group, "part")[0] != 0 ? text_of(group, "part") : "all");
            push(page, "<td>%lld<td>%s", (long long)number_of(group, "n"), methods[k]);
            push_mean(page, json_object_get(method, "ssim"), 4);
            push_mean(page, json_object_get(method, "psnr"), 2);
            push_mean(page, json_object_get(method, "mae"), 2);
            hg_set_page_html(page, "\n");
        }
    }
    hg_set_page_html(page, "</table>\n");
}

/* ---- pictures ---- */

static void push_base64(hg_set_page *page, const uint8_t *bytes, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        uint32_t word = (uint32_t)bytes[i] << 16 | (uint32_t)(i + 1 < n ? bytes[i + 1] : 0) << 8 |
                        (uint32_t)(i + 2 < n ? bytes[i + 2] : 0);
        char four[5] = {digits[word >> 18], digits[word >> 12 & 63], i + 1 < n ? digits[word >> 6 & 63] : '=',
                        i + 2 < n ? digits[word & 63] : '=', 0};
        hg_set_page_html(page, four);
    }
}

/* The picture as a PNG file, no larger than a sample should be. */
static hg_status encode(hg_buffer *file, const hg_image *image, hg_error *err)
{
    hg_image shown;
    hg_image_init(&shown);
    int longer = image->width > image->height ? image->width : image->height;
    int width = longer > SAMPLE_SIDE ? image->width * SAMPLE_SIDE / longer : image->width;
    int height = longer > SAMPLE_SIDE ? image->height * SAMPLE_SIDE / longer : image->height;
    hg_status status = hg_image_fit(&shown, image, width > 0 ? width : 1, height > 0 ? height : 1, err);
    if (status == HG_STATUS_OK)
        status = hg_image_encode(file, &shown, HG_IMAGE_TYPE_PNG, NULL, err);
    hg_image_deinit(&shown);
    return status;
}

/* A picture that cannot be read any more is left out: the figures stand without it. */
static void push_picture(hg_set_page *page, const char *path, const char *caption)
{
    hg_image *image;
    hg_buffer file;
    hg_error unused;
    if (path == NULL || hg_image_open(&image, path, &unused) != HG_STATUS_OK)
        return;
    hg_buffer_init(&file, SAMPLE_MAX_BYTES);
    if (encode(&file, image, &unused) == HG_STATUS_OK) {
        push(page, "<figure><img alt=\"%s\" src=\"data:image/png;base64,", caption);
        push_base64(page, file.data, file.size);
        push(page, "\"><figcaption>%s</figcaption></figure>\n", caption);
    }
    hg_buffer_deinit(&file);
    hg_image_close(image);
}

static void push_line(hg_set_page *page, const char *what, const char *text)
{
    push(page, "<p><b>%s</b> ", what);
    hg_set_page_text(page, text);
    hg_set_page_html(page, "</p>\n");
}

static void push_drawn_text(hg_set_page *page, const json_t *record)
{
    static const char *const methods[] = {"drawn", "input", "ceiling"};
    push_line(page, text_of(record, "task"), text_of(record, "id"));
    push_line(page, "asked", text_of(record, "question"));
    for (size_t k = 0; k < 3; k++) {
        const json_t *s = json_object_get(json_object_get(record, "scores"), methods[k]);
        if (s == NULL)
            continue;
        push(page, "<p>%s: SSIM %.4f, MAE %.2f, PSNR ", methods[k], number_of(s, "ssim"),
             number_of(s, "mae"));
        if (json_is_number(json_object_get(s, "psnr")))
            push(page, "%.2f dB</p>\n", number_of(s, "psnr"));
        else
            push(page, "infinite</p>\n");
    }
}

static void push_sample(hg_set_page *page, const hg_eval_run *run, const json_t *record)
{
    hg_llava_item item;
    hg_error unused;
    char drawn[HG_PATH_BYTES];
    size_t index = (size_t)json_integer_value(json_object_get(record, "index"));
    if (page->body.size > SAMPLES_MAX_BYTES || hg_llava_read(run->set, index, &item, &unused) != HG_STATUS_OK)
        return;
    hg_set_page_html(page, "<div class=\"sample\">\n");
    if (item.n_images > 0 && run->request->instead == NULL)
        push_picture(page, item.images[0], "input");
    if (item.draws) {
        if (hg_path_join(drawn, run->request->out, text_of(record, "answer"), &unused) == HG_STATUS_OK)
            push_picture(page, drawn, "drawn (synthetic)");
        push_picture(page, item.target_image, "truth");
        push_drawn_text(page, record);
    } else {
        push_line(page, "question", text_of(record, "question"));
        push_line(page, "truth", text_of(record, "truth"));
        push_line(page, "answer", text_of(record, "answer"));
    }
    hg_set_page_html(page, "</div>\n");
    hg_llava_item_deinit(&item);
}

/* Whether fewer than the wanted drawings of its task and part stand before this record. */
static bool is_early(const json_t *records, size_t at)
{
    const json_t *record = json_array_get(records, at);
    int before = 0;
    for (size_t i = 0; i < at && before < SAMPLE_DRAWINGS; i++) {
        const json_t *other = json_array_get(records, i);
        before += json_object_get(other, "scores") != NULL &&
                  strcmp(text_of(other, "task"), text_of(record, "task")) == 0 &&
                  strcmp(text_of(other, "part"), text_of(record, "part")) == 0;
    }
    return before < SAMPLE_DRAWINGS;
}

static void push_drawn_samples(hg_set_page *page, const hg_eval_run *run)
{
    json_t *record;
    size_t i;
    json_array_foreach(run->records, i, record)
    {
        if (json_object_get(json_object_get(record, "scores"), "drawn") != NULL && is_early(run->records, i))
            push_sample(page, run, record);
    }
}

static void push_answer_samples(hg_set_page *page, const hg_eval_run *run, bool correct)
{
    json_t *record;
    size_t i;
    int n = 0;
    json_array_foreach(run->records, i, record)
    {
        const json_t *right = json_object_get(json_object_get(record, "scores"), "correct");
        if (n == SAMPLE_ANSWERS || right == NULL || json_is_true(right) != correct)
            continue;
        if (n++ == 0)
            hg_set_page_heading(page, correct ? "The first right answers" : "The first wrong answers");
        push_sample(page, run, record);
    }
}

hg_status hg_eval_page_write(const hg_eval_run *run, const json_t *result, hg_error *err)
{
    hg_set_page page;
    hg_set_page_init(&page, "Evaluation",
                     "Made by healthgpt eval set. Drawn pictures are synthetic and not for diagnosis.");
    hg_set_page_html(&page, page_style);
    push_settings(&page, result);
    push_questions(&page, json_object_get(result, "comprehension"));
    push_drawings(&page, json_object_get(result, "drawing"));
    if (number_of(json_object_get(result, "drawing"), "n") > 0) {
        hg_set_page_heading(&page, "The first drawings of each task and part");
        push_drawn_samples(&page, run);
    }
    push_answer_samples(&page, run, true);
    push_answer_samples(&page, run, false);
    hg_status status = hg_set_page_write(&page, run->request->out, err);
    hg_set_page_deinit(&page);
    return status;
}
