/* SPDX-License-Identifier: Apache-2.0
 *
 * llava_json.c: one pass over the mapped file finds the top-level objects by counting braces outside strings;
 * then each object is parsed on its own, bounded in size.
 */
#include "data/llava_json.h"

#include "base/file.h"
#include "base/file_map.h"
#include "base/memory.h"
#include "formats/json_file.h"

#include <string.h>

#define LLAVA_MAX_ITEM_BYTES ((size_t)4 << 20)
#define LLAVA_MAX_TURNS ((size_t)4096)
#define LLAVA_MAX_CODES ((size_t)1 << 16)

typedef struct llava_place {
    size_t begin, end;
    int64_t line;
} llava_place;

struct hg_llava_set {
    hg_file_map map;
    char path[HG_PATH_BYTES];
    char folder[HG_PATH_BYTES];
    llava_place *places;
    size_t n, capacity;
    uint64_t fingerprint;
};

/* ---- finding the items ---- */

static hg_status push_place(hg_llava_set *set, llava_place place, hg_error *err)
{
    if (set->n == set->capacity) {
        size_t capacity = set->capacity == 0 ? 256 : 2 * set->capacity;
        llava_place *places = hg_mem_resize(set->places, capacity, sizeof *places);
        if (places == NULL)
            return hg_error_memory(err, capacity * sizeof *places, "the list of items");
        set->places = places;
        set->capacity = capacity;
    }
    set->places[set->n++] = place;
    return HG_STATUS_OK;
}

/* Where the reading of the file stands. */
typedef struct llava_scan {
    int depth; /* of objects and arrays within the current item */
    bool in_string, escaped;
    llava_place item;
    int64_t line;
} llava_scan;

/* A byte inside an item; true when it ends the item. */
static bool scan_inside(llava_scan *s, char c)
{
    if (s->in_string) {
        if (s->escaped)
            s->escaped = false;
        else if (c == '\\')
            s->escaped = true;
        else if (c == '"')
            s->in_string = false;
        return false;
    }
    if (c == '"')
        s->in_string = true;
    else if (c == '{' || c == '[')
        s->depth++;
    else if (c == '}' || c == ']')
        s->depth--;
    return s->depth == 0;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static hg_status find_items(hg_llava_set *set, hg_error *err)
{
    const char *text = (const char *)set->map.data;
    llava_scan s = {.line = 1};
    for (size_t i = 0; i < set->map.size; i++) {
        char c = text[i];
        if (c == '\n')
            s.line++;
        if (s.depth > 0) {
            if (!scan_inside(&s, c))
                continue;
            s.item.end = i + 1;
            hg_status status = push_place(set, s.item, err);
            if (status != HG_STATUS_OK)
                return status;
        } else if (c == '{') {
            s.depth = 1;
            s.item = (llava_place){.begin = i, .line = s.line};
        } else if (!is_space(c) && c != ',' && c != '[' && c != ']' && (unsigned char)c < 0x80) {
            return hg_error_set(err, HG_STATUS_INPUT, "%s:%lld: '%c' where an item should begin", set->path,
                                (long long)s.line, c);
        }
    }
    if (s.depth > 0)
        return hg_error_set(err, HG_STATUS_INPUT, "%s:%lld: this item does not end", set->path,
                            (long long)s.item.line);
    if (set->n == 0)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: no items", set->path);
    return HG_STATUS_OK;
}

static uint64_t fingerprint(const uint8_t *bytes, size_t n)
{
    uint64_t hash = 14695981039346656037U;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ bytes[i]) * 1099511628211U;
    return hash;
}

/* The folder of `path`, or `folder` when it is given. */
static hg_status choose_folder(hg_llava_set *set, const char *path, const char *folder, hg_error *err)
{
    size_t n = (size_t)(hg_path_name(path) - path);
    n -= n > 1; /* the slash */
    const char *from = folder != NULL ? folder : n == 0 ? "." : path;
    size_t bytes = folder != NULL || n == 0 ? strlen(from) : n;
    if (bytes >= sizeof set->folder || strlen(path) >= sizeof set->path)
        return hg_error_set(err, HG_STATUS_INPUT, "%.200s...: the path is too long", path);
    memcpy(set->folder, from, bytes);
    memcpy(set->path, path, strlen(path) + 1);
    return HG_STATUS_OK;
}

hg_status hg_llava_open(hg_llava_set **out, const char *path, const char *image_folder, hg_error *err)
{
    *out = NULL;
    hg_llava_set *set = hg_mem_array(1, sizeof *set);
    if (set == NULL)
        return hg_error_memory(err, sizeof *set, "training data");
    hg_status status = choose_folder(set, path, image_folder, err);
    if (status == HG_STATUS_OK)
        status = hg_file_map_open(&set->map, path, err);
    if (status == HG_STATUS_OK)
        status = find_items(set, err);
    if (status == HG_STATUS_OK) {
        set->fingerprint = fingerprint(set->map.data, set->map.size);
        *out = set;
    } else {
        hg_llava_close(set);
    }
    return status;
}

void hg_llava_close(hg_llava_set *set)
{
    if (set == NULL)
        return;
    hg_file_map_close(&set->map);
    hg_mem_free(set->places);
    hg_mem_free(set);
}

size_t hg_llava_n_items(const hg_llava_set *set)
{
    return set->n;
}

const char *hg_llava_path(const hg_llava_set *set)
{
    return set->path;
}

uint64_t hg_llava_fingerprint(const hg_llava_set *set)
{
    return set->fingerprint;
}

int64_t hg_llava_line(const hg_llava_set *set, size_t index)
{
    return set->places[index].line;
}

/* ---- one item ---- */

void hg_llava_item_deinit(hg_llava_item *item)
{
    for (size_t i = 0; i < item->n_images; i++)
        hg_mem_free(item->images[i]);
    for (size_t i = 0; i < item->n_turns; i++) {
        hg_mem_free(item->turns[i].question);
        hg_mem_free(item->turns[i].answer);
    }
    hg_mem_free(item->turns);
    hg_mem_free(item->target_image);
    hg_mem_free(item->codes);
    *item = (hg_llava_item){0};
}

hg_status hg_llava_image_path(const hg_llava_set *set, const char *name, char path[HG_PATH_BYTES],
                              hg_error *err)
{
    if (name[0] != '/' || strlen(name) >= HG_PATH_BYTES)
        return hg_path_join(path, set->folder, name, err);
    memcpy(path, name, strlen(name) + 1);
    return HG_STATUS_OK;
}

static hg_status resolve(const hg_llava_set *set, const char *name, char **out, hg_error *err)
{
    char path[HG_PATH_BYTES];
    hg_status status = hg_llava_image_path(set, name, path, err);
    if (status != HG_STATUS_OK)
        return status;
    *out = hg_mem_string(path);
    return *out != NULL ? HG_STATUS_OK : hg_error_memory(err, strlen(path), "an image's path");
}

static hg_status add_image(const hg_llava_set *set, hg_llava_item *item, const json_t *name, hg_error *err)
{
    const char *text = json_string_value(name);
    if (text == NULL || text[0] == 0)
        return hg_error_set(err, HG_STATUS_INPUT, "an image is no file name");
    if (item->n_images == HG_LLAVA_MAX_IMAGES)
        return hg_error_set(err, HG_STATUS_INPUT, "more than %d images", HG_LLAVA_MAX_IMAGES);
    hg_status status = resolve(set, text, &item->images[item->n_images], err);
    if (status == HG_STATUS_OK)
        item->n_images++;
    return status;
}

/* `image` or `images`: a name or a list of names. */
static hg_status read_images(const hg_llava_set *set, hg_llava_item *item, const json_t *json, hg_error *err)
{
    const json_t *images = json_object_get(json, "image");
    if (images == NULL)
        images = json_object_get(json, "images");
    if (images == NULL || json_is_null(images))
        return HG_STATUS_OK;
    if (!json_is_array(images))
        return add_image(set, item, images, err);
    hg_status status = HG_STATUS_OK;
    for (size_t i = 0; i < json_array_size(images) && status == HG_STATUS_OK; i++)
        status = add_image(set, item, json_array_get(images, i), err);
    return status;
}

/* Tags that would mean something the model must be told, or that stand for tokens of pictures. "<image>" is
 * counted and cut out, other text in angle brackets is text. */
static const char *find_unknown_tag(const char *text)
{
    static const char *const tags[] = {"<video>",       "<audio>",     "<image_", "<idx_",
                                       "<start_index>", "<end_index>", "<depth>", "<pixel_newline>"};
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        if (strstr(text, tags[i]) != NULL)
            return tags[i];
    }
    return NULL;
}

/* A copy of text[0..n) without white space at both ends. */
static char *copy_trimmed(const char *text, size_t n)
{
    while (n > 0 && is_space(text[0])) {
        text++;
        n--;
    }
    while (n > 0 && is_space(text[n - 1]))
        n--;
    return hg_mem_string_n(text, n);
}

/* The question without image tags, which are counted; each takes the newline behind it along. */
static char *cut_image_tags(const char *text, size_t *n_tags)
{
    static const char tag[] = "<image>";
    size_t n = 0;
    char *out = hg_mem_alloc(strlen(text) + 1);
    for (const char *at = text; out != NULL && *at != 0;) {
        if (strncmp(at, tag, sizeof tag - 1) != 0) {
            out[n++] = *at++;
            continue;
        }
        ++*n_tags;
        at += sizeof tag - 1;
        if (*at == '\n')
            at++;
    }
    char *trimmed = out == NULL ? NULL : copy_trimmed(out, n);
    hg_mem_free(out);
    return trimmed;
}

static const char *speaker_text(const json_t *turn, const char *first, const char *second, hg_error *err)
{
    const char *from = json_string_value(json_object_get(turn, "from"));
    const char *value = json_string_value(json_object_get(turn, "value"));
    if (from == NULL || (strcmp(from, first) != 0 && strcmp(from, second) != 0)) {
        hg_error_set(err, HG_STATUS_INPUT, "speaker '%.40s' where '%s' should be", from == NULL ? "" : from,
                     first);
        return NULL;
    }
    if (value == NULL)
        hg_error_set(err, HG_STATUS_INPUT, "what %s says is missing", first);
    return value;
}

/* "<start_index>", codes, "<end_index>"; the first and the last may be absent. */
static hg_status read_codes(hg_llava_item *item, const char *text, hg_error *err)
{
    static const char start[] = "<start_index>", end[] = "<end_index>", idx[] = "<idx_";
    item->codes = hg_mem_array(LLAVA_MAX_CODES, sizeof *item->codes);
    if (item->codes == NULL)
        return hg_error_memory(err, LLAVA_MAX_CODES * sizeof *item->codes, "picture codes");
    if (strncmp(text, start, sizeof start - 1) == 0)
        text += sizeof start - 1;
    while (*text != 0 && strcmp(text, end) != 0) {
        int32_t code = 0;
        size_t digits = 0;
        if (is_space(*text)) {
            text++;
            continue;
        }
        if (strncmp(text, idx, sizeof idx - 1) != 0 || item->n_codes == LLAVA_MAX_CODES)
            return hg_error_set(err, HG_STATUS_INPUT, "'%.12s' among picture codes", text);
        for (text += sizeof idx - 1; *text >= '0' && *text <= '9' && digits < 7; text++, digits++)
            code = 10 * code + (*text - '0');
        if (digits == 0 || *text != '>')
            return hg_error_set(err, HG_STATUS_INPUT, "picture code %zu is no number", item->n_codes);
        item->codes[item->n_codes++] = code;
        text++;
    }
    return HG_STATUS_OK;
}

static bool is_code_answer(const char *text)
{
    return strncmp(text, "<start_index>", 13) == 0 || strncmp(text, "<idx_", 5) == 0;
}

static hg_status read_answer(hg_llava_item *item, hg_llava_turn *turn, const char *text, hg_error *err)
{
    turn->answer = copy_trimmed(text, strlen(text));
    if (turn->answer == NULL)
        return hg_error_memory(err, strlen(text), "an answer");
    if (is_code_answer(turn->answer) && item->target_image == NULL) {
        hg_status status = read_codes(item, turn->answer, err);
        turn->answer[0] = 0;
        item->draws = true;
        return status;
    }
    if (item->draws)
        turn->answer[0] = 0; /* the picture is the answer, whatever stands there */
    else if (turn->answer[0] == 0)
        return hg_error_set(err, HG_STATUS_INPUT, "an empty answer");
    const char *tag = find_unknown_tag(turn->answer);
    return tag == NULL ? HG_STATUS_OK
                       : hg_error_set(err, HG_STATUS_INPUT, "tag '%s' in an answer is not known", tag);
}

static hg_status read_turn(hg_llava_item *item, const json_t *human, const json_t *gpt, size_t *n_tags,
                           hg_error *err)
{
    const char *question = speaker_text(human, "human", "user", err);
    const char *answer = question == NULL ? NULL : speaker_text(gpt, "gpt", "assistant", err);
    if (question == NULL || answer == NULL)
        return HG_STATUS_INPUT;
    hg_llava_turn *turn = &item->turns[item->n_turns++];
    turn->question = cut_image_tags(question, n_tags);
    if (turn->question == NULL)
        return hg_error_memory(err, strlen(question), "a question");
    const char *tag = find_unknown_tag(turn->question);
    if (tag != NULL)
        return hg_error_set(err, HG_STATUS_INPUT, "tag '%s' in a question is not known", tag);
    return read_answer(item, turn, answer, err);
}

static hg_status read_turns(hg_llava_item *item, const json_t *list, hg_error *err)
{
    size_t n = json_array_size(list), n_tags = 0;
    if (!json_is_array(list) || n == 0 || n % 2 != 0 || n / 2 > LLAVA_MAX_TURNS)
        return hg_error_set(err, HG_STATUS_INPUT, "no conversation of questions and answers");
    item->turns = hg_mem_array(n / 2, sizeof *item->turns);
    if (item->turns == NULL)
        return hg_error_memory(err, n / 2 * sizeof *item->turns, "a conversation");
    hg_status status = HG_STATUS_OK;
    for (size_t i = 0; i < n && status == HG_STATUS_OK; i += 2)
        status = read_turn(item, json_array_get(list, i), json_array_get(list, i + 1), &n_tags, err);
    if (status == HG_STATUS_OK && n_tags != 0 && n_tags != item->n_images)
        return hg_error_set(err, HG_STATUS_INPUT, "%zu image tags, but %zu images", n_tags, item->n_images);
    if (status == HG_STATUS_OK && item->draws && item->n_turns != 1)
        return hg_error_set(err, HG_STATUS_INPUT, "a picture is drawn after %zu questions, one is allowed",
                            item->n_turns);
    return status;
}

static hg_status read_item(const hg_llava_set *set, hg_llava_item *item, const json_t *json, hg_error *err)
{
    const json_t *target = json_object_get(json, "target_image");
    hg_status status = read_images(set, item, json, err);
    if (status == HG_STATUS_OK && target != NULL && !json_is_null(target)) {
        item->draws = true;
        status = json_is_string(target) ? resolve(set, json_string_value(target), &item->target_image, err)
                                        : hg_error_set(err, HG_STATUS_INPUT, "target_image is no file name");
    }
    return status == HG_STATUS_OK ? read_turns(item, json_object_get(json, "conversations"), err) : status;
}

static hg_status item_failed(const hg_llava_set *set, size_t index, hg_status status, hg_error *err)
{
    return hg_error_prefix(err, status, "%s:%lld: item %zu", set->path, (long long)set->places[index].line,
                           index + 1);
}

hg_status hg_llava_parse(const hg_llava_set *set, size_t index, json_t **out, hg_error *err)
{
    const llava_place *place = &set->places[index];
    hg_status status = hg_json_parse(out, "item", (const char *)set->map.data + place->begin,
                                     place->end - place->begin, LLAVA_MAX_ITEM_BYTES, err);
    return status == HG_STATUS_OK ? status : item_failed(set, index, status, err);
}

hg_status hg_llava_read(const hg_llava_set *set, size_t index, hg_llava_item *item, hg_error *err)
{
    json_t *json = NULL;
    *item = (hg_llava_item){.line = set->places[index].line};
    hg_status status = hg_llava_parse(set, index, &json, err);
    if (status != HG_STATUS_OK)
        return status;
    status = read_item(set, item, json, err);
    json_decref(json);
    if (status == HG_STATUS_OK)
        return status;
    hg_llava_item_deinit(item);
    return item_failed(set, index, status, err);
}

/* ---- all items ---- */

hg_status hg_llava_report(const hg_llava_set *set, const hg_llava_listener *listener, size_t done,
                          hg_error *err)
{
    if (listener == NULL || listener->progress == NULL ||
        listener->progress(listener->user, (int64_t)done, (int64_t)set->n))
        return HG_STATUS_OK;
    return hg_error_set(err, HG_STATUS_FAILED, "stopped while %s was read", set->path);
}

/* Items that have been read and not yet visited. */
typedef struct llava_window {
    hg_llava_item items[HG_LLAVA_AHEAD];
    hg_status status[HG_LLAVA_AHEAD]; /* how reading went */
    hg_error why[HG_LLAVA_AHEAD];
    size_t n;
} llava_window;

static hg_status window_fill(llava_window *w, const hg_llava_set *set, size_t first,
                             const hg_llava_visitor *visitor, hg_error *err)
{
    for (w->n = 0; w->n < HG_LLAVA_AHEAD && first + w->n < set->n; w->n++)
        w->status[w->n] = hg_llava_read(set, first + w->n, &w->items[w->n], &w->why[w->n]);
    return visitor->expect == NULL ? HG_STATUS_OK : visitor->expect(visitor->user, w->items, w->n, err);
}

static hg_status window_visit(llava_window *w, size_t i, const hg_llava_visitor *visitor, int64_t *n_bad,
                              hg_error *err)
{
    const hg_llava_listener *listener = visitor->listener;
    hg_error *why = &w->why[i];
    hg_status status = w->status[i];
    if (status == HG_STATUS_OK)
        status = visitor->visit(visitor->user, &w->items[i], why);
    if (status != HG_STATUS_OK && status != HG_STATUS_INPUT)
        return hg_error_set(err, status, "%s", why->text);
    if (status == HG_STATUS_OK)
        return status;
    ++*n_bad;
    if (listener != NULL && listener->note != NULL)
        listener->note(listener->user, why->text);
    return HG_STATUS_OK;
}

hg_status hg_llava_visit(const hg_llava_set *set, const hg_llava_visitor *visitor, int64_t *n_bad,
                         hg_error *err)
{
    hg_status status = HG_STATUS_OK;
    llava_window *w = hg_mem_array(1, sizeof *w);
    if (w == NULL)
        return hg_error_memory(err, sizeof *w, "items of training data");
    for (size_t first = 0; first < set->n && status == HG_STATUS_OK; first += w->n) {
        status = window_fill(w, set, first, visitor, err);
        for (size_t i = 0; i < w->n && status == HG_STATUS_OK; i++) {
            status = window_visit(w, i, visitor, n_bad, err);
            if (status == HG_STATUS_OK)
                status = hg_llava_report(set, visitor->listener, first + i + 1, err);
        }
        for (size_t i = 0; i < w->n; i++)
            hg_llava_item_deinit(&w->items[i]);
    }
    hg_mem_free(w);
    return status;
}
