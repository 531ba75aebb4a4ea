/* SPDX-License-Identifier: Apache-2.0
 *
 * set_writer.c: the lists of a data set.
 */
#include "data/set_writer.h"

#include "base/file.h"
#include "base/memory.h"
#include "data/phantom_random.h"

#include <stdio.h>
#include <string.h>

static const char *const split_names[HG_SPLIT_COUNT] = {"train", "val", "test"};

const char *hg_split_name(hg_split split)
{
    return split_names[split];
}

hg_split hg_split_by_name(uint64_t seed, const char *name, double val, double test)
{
    uint64_t h = seed;
    for (const char *c = name; *c != 0; c++)
        h = hg_phantom_hash(h, (unsigned char)*c);
    const double place = (double)(h >> 11) * 0x1p-53;
    if (place < val)
        return HG_SPLIT_VAL;
    return place < val + test ? HG_SPLIT_TEST : HG_SPLIT_TRAIN;
}

hg_split hg_split_of(uint64_t seed, uint64_t k)
{
    uint64_t h = hg_phantom_hash(seed, k / 10);
    uint64_t val = h % 10, test = (val + 1 + h / 10 % 9) % 10;
    if (k % 10 == val)
        return HG_SPLIT_VAL;
    return k % 10 == test ? HG_SPLIT_TEST : HG_SPLIT_TRAIN;
}

static hg_status open_file(hg_file_writer *file, const char *folder, const char *name, hg_error *err)
{
    char path[HG_PATH_BYTES];
    hg_status status = hg_path_join(path, folder, name, err);
    return status == HG_STATUS_OK ? hg_file_writer_open(file, path, err) : status;
}

hg_status hg_set_writer_open(hg_set_writer *w, const char *folder, bool phantoms, hg_error *err)
{
    char path[HG_PATH_BYTES];
    *w = (hg_set_writer){.truth = {.fd = -1}, .texts = {.fd = -1}};
    for (int i = 0; i < HG_SPLIT_COUNT; i++)
        w->lists[i].fd = -1;
    snprintf(w->folder, sizeof w->folder, "%s", folder);
    hg_status status = hg_path_join(path, folder, "images", err);
    if (status == HG_STATUS_OK)
        status = hg_folder_create(path, err);
    if (status == HG_STATUS_OK && phantoms)
        status = open_file(&w->truth, folder, "truth.jsonl", err);
    if (status == HG_STATUS_OK && phantoms)
        status = open_file(&w->texts, folder, "texts.jsonl", err);
    for (int i = 0; i < HG_SPLIT_COUNT && status == HG_STATUS_OK; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s.json", split_names[i]);
        status = open_file(&w->lists[i], folder, name, err);
        if (status == HG_STATUS_OK)
            status = hg_file_writer_write(&w->lists[i], "[\n", 2, err);
    }
    if (status != HG_STATUS_OK)
        hg_set_writer_abandon(w);
    return status;
}

/* Lines get commas between them: before each but the first of the list. */
hg_status hg_set_writer_push(hg_set_writer *w, hg_split split, const hg_buffer *lines, hg_error *err)
{
    const char *at = hg_buffer_text(lines), *end = at + lines->size;
    hg_status status = HG_STATUS_OK;
    while (at < end && status == HG_STATUS_OK) {
        const char *next = memchr(at, '\n', (size_t)(end - at));
        size_t n = next == NULL ? (size_t)(end - at) : (size_t)(next - at);
        if (w->n_items[split] > 0)
            status = hg_file_writer_write(&w->lists[split], ",\n", 2, err);
        if (status == HG_STATUS_OK)
            status = hg_file_writer_write(&w->lists[split], at, n, err);
        w->n_items[split]++;
        at += n + 1;
    }
    return status;
}

static hg_status push_lines(hg_file_writer *file, const hg_buffer *lines, hg_error *err)
{
    return lines->size == 0 ? HG_STATUS_OK : hg_file_writer_write(file, lines->data, lines->size, err);
}

hg_status hg_set_writer_push_truth(hg_set_writer *w, const hg_buffer *lines, hg_error *err)
{
    return push_lines(&w->truth, lines, err);
}

hg_status hg_set_writer_push_texts(hg_set_writer *w, const hg_buffer *lines, hg_error *err)
{
    return push_lines(&w->texts, lines, err);
}

hg_status hg_set_writer_commit(hg_set_writer *w, hg_error *err)
{
    hg_status status = w->truth.fd < 0 ? HG_STATUS_OK : hg_file_writer_commit(&w->truth, err);
    if (status == HG_STATUS_OK && w->texts.fd >= 0)
        status = hg_file_writer_commit(&w->texts, err);
    for (int i = 0; i < HG_SPLIT_COUNT && status == HG_STATUS_OK; i++) {
        status = hg_file_writer_write(&w->lists[i], "\n]\n", 3, err);
        if (status == HG_STATUS_OK)
            status = hg_file_writer_commit(&w->lists[i], err);
    }
    if (status != HG_STATUS_OK)
        hg_set_writer_abandon(w);
    return status;
}

void hg_set_writer_abandon(hg_set_writer *w)
{
    hg_file_writer_abandon(&w->truth);
    hg_file_writer_abandon(&w->texts);
    for (int i = 0; i < HG_SPLIT_COUNT; i++)
        hg_file_writer_abandon(&w->lists[i]);
}

static json_t *conversation(const char *image, const char *question, const char *answer)
{
    size_t n = strlen(question) + 16;
    char *text = hg_mem_alloc(n);
    if (text == NULL)
        return NULL;
    snprintf(text, n, "%s%s", image == NULL ? "" : "<image>\n", question);
    json_t *turns =
        json_pack("[{s:s, s:s}, {s:s, s:s}]", "from", "human", "value", text, "from", "gpt", "value", answer);
    hg_mem_free(text);
    return turns;
}

json_t *hg_item_ask(const char *id, const char *image, const char *question, const char *answer)
{
    return json_pack("{s:s, s:s*, s:o, s:s}", "id", id, "image", image, "conversations",
                     conversation(image, question, answer), "task", "comprehension");
}

json_t *hg_item_draw(const char *id, const char *image, const char *target, const char *instruction)
{
    return json_pack("{s:s, s:s*, s:s, s:o}", "id", id, "image", image, "target_image", target,
                     "conversations", conversation(image, instruction, ""));
}

hg_status hg_line_push(hg_buffer *lines, json_t *object, hg_error *err)
{
    char *text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(6));
    bool good = text != NULL && hg_buffer_push_text(lines, text) && hg_buffer_push_text(lines, "\n");
    hg_mem_free(text);
    json_decref(object);
    return good ? HG_STATUS_OK : hg_error_memory(err, lines->size, "items");
}
