/* SPDX-License-Identifier: Apache-2.0
 *
 * set_check.c: looks through the lists of a set: every item as training reads it, its images, its codes, rows
 * that are there twice or contradict each other, and patients or images that are in more than one list.
 */
#include "base/file.h"
#include "base/memory.h"
#include "data/llava_json.h"
#include "data/name_table.h"
#include "data/phantom_random.h"
#include "image/image_ahead.h"

#include <healthgpt/data.h>
#include <healthgpt/image.h>

#include <stdio.h>
#include <string.h>

typedef struct check {
    const hg_data_check_request *request;
    hg_data_check_result *result;
    hg_name_table images;    /* paths */
    hg_name_table questions; /* image and question */
    hg_name_table patients;
    uint8_t *image_state; /* by number: 1 good, 2 bad; 0 not looked at */
    uint8_t *image_lists; /* the lists that it is in, a bit each */
    uint64_t *answers;    /* by question: hash of its answer */
    uint8_t *patient_lists;
    size_t n_image_state, n_answers, n_patient_lists;
    int list;
    size_t n_codes; /* of the first item with codes */
    hg_image_ahead ahead;
} check;

static void tell(check *c, size_t *count, const char *text)
{
    ++*count;
    c->result->n_problems++;
    if (c->request->on_problem != NULL)
        c->request->on_problem(c->request->on_problem_user, text);
}

/* Grows an array of `size` bytes a member so that it has member `i`, zeroed. */
static hg_status ensure(void **array, size_t *n, size_t i, size_t size, hg_error *err)
{
    if (i < *n)
        return HG_STATUS_OK;
    size_t grown = 2 * i + 256;
    uint8_t *bytes = hg_mem_resize(*array, grown, size);
    if (bytes == NULL)
        return hg_error_memory(err, grown * size, "what was seen");
    memset(bytes + *n * size, 0, (grown - *n) * size);
    *array = bytes;
    *n = grown;
    return HG_STATUS_OK;
}

static hg_status take_any(const void *user, const hg_image *image, uint8_t *out, hg_error *err)
{
    (void)user, (void)image, (void)out, (void)err;
    return HG_STATUS_OK;
}

static hg_status expect_image(check *c, const char *path, hg_error *err)
{
    if (hg_name_table_has(&c->images, path) || !hg_file_exists(path))
        return HG_STATUS_OK;
    return hg_image_ahead_push(&c->ahead, path, err);
}

/* Has the images of the next items decoded together that were not looked at yet. */
static hg_status expect_items(check *c, const hg_llava_set *set, size_t first, hg_error *err)
{
    hg_status status = HG_STATUS_OK;
    size_t n = hg_llava_n_items(set);
    for (size_t i = first; i < n && i < first + HG_LLAVA_AHEAD && status == HG_STATUS_OK; i++) {
        hg_llava_item item;
        if (hg_llava_read(set, i, &item, NULL) != HG_STATUS_OK)
            continue; /* it is told of when it is checked */
        for (size_t k = 0; k < item.n_images && status == HG_STATUS_OK; k++)
            status = expect_image(c, item.images[k], err);
        if (item.target_image != NULL && status == HG_STATUS_OK)
            status = expect_image(c, item.target_image, err);
        hg_llava_item_deinit(&item);
    }
    return status == HG_STATUS_OK ? hg_image_ahead_read(&c->ahead, take_any, NULL, err) : status;
}

static bool image_is_good(const check *c, const char *path, hg_error *why)
{
    hg_image *image;
    if (!hg_file_exists(path)) {
        hg_error_set(why, HG_STATUS_INPUT, "%s: no such file", path);
        return false;
    }
    if (!c->request->decode)
        return true;
    const hg_image_ahead_item *ahead = hg_image_ahead_find(&c->ahead, path);
    if (ahead != NULL) {
        *why = ahead->why;
        return ahead->status == HG_STATUS_OK;
    }
    if (hg_image_open(&image, path, why) != HG_STATUS_OK)
        return false;
    hg_image_close(image);
    return true;
}

static hg_status check_image(check *c, const char *path, const char *where, hg_error *err)
{
    size_t number;
    void *states = c->image_state, *lists = c->image_lists;
    size_t n_lists = c->n_image_state;
    hg_error why;
    char text[HG_ERROR_TEXT_BYTES];
    hg_status status = hg_name_table_get(&c->images, path, &number, NULL, err);
    if (status == HG_STATUS_OK)
        status = ensure(&lists, &n_lists, number, 1, err);
    c->image_lists = lists;
    if (status == HG_STATUS_OK)
        status = ensure(&states, &c->n_image_state, number, 1, err);
    c->image_state = states;
    if (status != HG_STATUS_OK)
        return status;
    c->image_lists[number] |= (uint8_t)(1 << c->list);
    if (c->image_state[number] != 0)
        return HG_STATUS_OK; /* told once */
    c->image_state[number] = image_is_good(c, path, &why) ? 1 : 2;
    if (c->image_state[number] == 2) {
        snprintf(text, sizeof text, "%.100s: %.380s", where, why.text);
        tell(c, &c->result->n_bad_images, text);
    }
    return HG_STATUS_OK;
}

static uint64_t hash_text(uint64_t h, const char *text)
{
    for (; *text != 0; text++)
        h = hg_phantom_hash(h, (unsigned char)*text);
    return hg_phantom_hash(h, 256);
}

/* The same question about the same images: with the same answer it is there twice, with another it
 * contradicts. */
static hg_status check_repeated(check *c, const hg_llava_item *item, const char *where, hg_error *err)
{
    uint64_t q = 1, a = 2;
    char key[32], text[HG_ERROR_TEXT_BYTES];
    size_t number;
    bool added;
    void *answers = c->answers;
    for (size_t i = 0; i < item->n_images; i++)
        q = hash_text(q, item->images[i]);
    for (size_t i = 0; i < item->n_turns; i++) {
        q = hash_text(q, item->turns[i].question);
        a = hash_text(a, item->turns[i].answer);
    }
    a = hash_text(a, item->target_image == NULL ? "" : item->target_image);
    for (size_t i = 0; i < item->n_codes; i++)
        a = hg_phantom_hash(a, (uint64_t)item->codes[i]);
    snprintf(key, sizeof key, "%016llx", (unsigned long long)q);
    hg_status status = hg_name_table_get(&c->questions, key, &number, &added, err);
    if (status == HG_STATUS_OK)
        status = ensure(&answers, &c->n_answers, number, sizeof *c->answers, err);
    c->answers = answers;
    if (status != HG_STATUS_OK)
        return status;
    if (added) {
        c->answers[number] = a;
    } else if (c->answers[number] == a) {
        snprintf(text, sizeof text, "%.200s: the same question and answer were there before", where);
        tell(c, &c->result->n_repeated, text);
    } else if (!item->draws) {
        c->result->n_contradicting++; /* captions in other words are usual: counted, not told */
    }
    return HG_STATUS_OK;
}

static void check_codes(check *c, const hg_llava_item *item, const char *where)
{
    char text[HG_ERROR_TEXT_BYTES];
    size_t wanted = c->request->n_codes > 0 ? (size_t)c->request->n_codes : c->n_codes;
    if (item->n_codes == 0)
        return;
    if (c->n_codes == 0)
        c->n_codes = item->n_codes;
    if (wanted > 0 && item->n_codes != wanted) {
        snprintf(text, sizeof text, "%.200s: %zu picture codes, %zu are wanted", where, item->n_codes,
                 wanted);
        tell(c, &c->result->n_bad_codes, text);
    }
}

/* Which lists the item's patient is in. */
static hg_status note_patient(check *c, const hg_llava_set *set, size_t i, hg_error *err)
{
    json_t *json;
    size_t number;
    void *lists = c->patient_lists;
    hg_status status = hg_llava_parse(set, i, &json, err);
    if (status != HG_STATUS_OK)
        return status;
    const char *patient = json_string_value(json_object_get(json, "patient"));
    if (patient != NULL) {
        status = hg_name_table_get(&c->patients, patient, &number, NULL, err);
        if (status == HG_STATUS_OK)
            status = ensure(&lists, &c->n_patient_lists, number, 1, err);
        c->patient_lists = lists;
        if (status == HG_STATUS_OK)
            c->patient_lists[number] |= (uint8_t)(1 << c->list);
    }
    json_decref(json);
    return status;
}

static void count_item(check *c, const hg_llava_item *item)
{
    hg_data_check_result *r = c->result;
    r->n_items++;
    r->n_draw += item->draws;
    r->n_text_only += item->n_images == 0 && !item->draws;
    r->n_several_images += item->n_images > 1;
    r->n_questions += item->draws ? 0 : item->n_turns;
    for (size_t i = 0; i < item->n_turns; i++)
        r->answer_bytes += strlen(item->turns[i].answer);
}

static hg_status check_item(check *c, const hg_llava_set *set, size_t i, hg_error *err)
{
    hg_llava_item item;
    hg_error why;
    char where[240];
    hg_status status = hg_llava_read(set, i, &item, &why);
    if (status == HG_STATUS_INPUT) {
        c->result->n_items++;
        tell(c, &c->result->n_bad_items, why.text);
        return HG_STATUS_OK;
    }
    if (status != HG_STATUS_OK)
        return hg_error_set(err, status, "%s", why.text);
    snprintf(where, sizeof where, "%.180s:%lld: item %zu", hg_llava_path(set), (long long)item.line, i + 1);
    count_item(c, &item);
    check_codes(c, &item, where);
    for (size_t k = 0; k < item.n_images && status == HG_STATUS_OK; k++)
        status = check_image(c, item.images[k], where, err);
    if (status == HG_STATUS_OK && item.target_image != NULL)
        status = check_image(c, item.target_image, where, err);
    if (status == HG_STATUS_OK)
        status = check_repeated(c, &item, where, err);
    if (status == HG_STATUS_OK)
        status = note_patient(c, set, i, err);
    hg_llava_item_deinit(&item);
    return status;
}

static hg_status check_list(check *c, const char *path, hg_error *err)
{
    hg_llava_set *set;
    const hg_progress *p = &c->request->progress;
    hg_status status = hg_llava_open(&set, path, c->request->images, err);
    if (status != HG_STATUS_OK)
        return status;
    size_t n = hg_llava_n_items(set);
    for (size_t i = 0; i < n && status == HG_STATUS_OK; i++) {
        if (c->request->decode && i % HG_LLAVA_AHEAD == 0)
            status = expect_items(c, set, i, err);
        if (status == HG_STATUS_OK)
            status = check_item(c, set, i, err);
        if (status == HG_STATUS_OK && i % 64 == 0 && p->report != NULL &&
            !p->report(p->user, "checking", (int64_t)i, (int64_t)n))
            status = hg_error_set(err, HG_STATUS_FAILED, "cancelled");
    }
    hg_llava_close(set);
    return status;
}

/* What is in more than one list. */
static void check_leaks(check *c)
{
    char text[HG_ERROR_TEXT_BYTES];
    for (size_t i = 0; i < c->patients.n; i++) {
        if ((c->patient_lists[i] & (c->patient_lists[i] - 1)) == 0)
            continue;
        snprintf(text, sizeof text, "patient '%.200s' is in more than one list", c->patients.names[i]);
        tell(c, &c->result->n_shared_patients, text);
    }
    for (size_t i = 0; i < c->images.n; i++) {
        if ((c->image_lists[i] & (c->image_lists[i] - 1)) == 0)
            continue;
        snprintf(text, sizeof text, "%.400s is in more than one list", c->images.names[i]);
        tell(c, &c->result->n_shared_images, text);
    }
    c->result->n_patients = c->patients.n;
    c->result->n_images = c->images.n;
}

hg_status hg_data_check(const hg_data_check_request *request, hg_data_check_result *result, hg_error *err)
{
    check c = {.request = request, .result = result};
    *result = (hg_data_check_result){0};
    if (request->n_files < 1 || request->n_files > 8)
        return hg_error_set(err, HG_STATUS_USAGE, "%d lists; 1 to 8 can be checked together",
                            request->n_files);
    hg_name_table_init(&c.images);
    hg_name_table_init(&c.questions);
    hg_name_table_init(&c.patients);
    hg_image_ahead_init(&c.ahead, 0);
    hg_status status = HG_STATUS_OK;
    for (c.list = 0; c.list < request->n_files && status == HG_STATUS_OK; c.list++)
        status = check_list(&c, request->files[c.list], err);
    if (status == HG_STATUS_OK)
        check_leaks(&c);
    hg_name_table_deinit(&c.images);
    hg_name_table_deinit(&c.questions);
    hg_name_table_deinit(&c.patients);
    hg_image_ahead_deinit(&c.ahead);
    hg_mem_free(c.image_state);
    hg_mem_free(c.image_lists);
    hg_mem_free(c.answers);
    hg_mem_free(c.patient_lists);
    if (status == HG_STATUS_OK && result->n_problems > 0)
        return hg_error_set(err, HG_STATUS_INPUT, "%zu problems", result->n_problems);
    return status;
}
