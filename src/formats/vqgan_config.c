/* SPDX-License-Identifier: Apache-2.0
 *
 * vqgan_config.c: model.yaml of the VQGAN. libyaml gives events; each scalar is looked up by its path
 * ("model. params.ddconfig.ch") in one table, so the file's other parts (losses, schedules) pass by. Anchors
 * and aliases are refused: a few of them could stand for gigabytes.
 */
#include "formats/config_text.h"
#include "formats/model_config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define MAX_BYTES ((size_t)1 << 20)
#define MAX_DEPTH 16
#define MAX_EVENTS 10000
#define KEY_BYTES 64
#define N_FIELDS 11

/* One open mapping or sequence. */
typedef struct yaml_level {
    bool is_list;
    bool has_key;        /* a mapping whose next node is the value of `key` */
    char key[KEY_BYTES]; /* "" when too long: matches no path */
} yaml_level;

/* A number or a list of numbers that the file may state. */
typedef struct vqgan_field {
    const char *path;
    int64_t maximum;
    int64_t *values;
    int *n; /* of a list; NULL for a single number */
    bool optional;
    bool seen;
} vqgan_field;

typedef struct vqgan_reader {
    hg_vqgan_config *out;
    const char *what;
    hg_error *err;
    yaml_level levels[MAX_DEPTH];
    int depth;
    int n_events;
    int n_documents;
    bool is_gumbel;
    vqgan_field fields[N_FIELDS];
} vqgan_reader;

static void reader_init(vqgan_reader *r, hg_vqgan_config *c, const char *what, hg_error *err)
{
    *r = (vqgan_reader){.out = c, .what = what, .err = err};
    const vqgan_field fields[N_FIELDS] = {
        {.path = "model.params.embed_dim", .maximum = 65536, .values = &c->embed_dim},
        {.path = "model.params.n_embed", .maximum = HG_CONFIG_MAX_DIM, .values = &c->n_embed},
        {.path = "model.params.ddconfig.z_channels", .maximum = 65536, .values = &c->z_channels},
        {.path = "model.params.ddconfig.resolution", .maximum = 16384, .values = &c->resolution},
        {.path = "model.params.ddconfig.in_channels", .maximum = 64, .values = &c->in_channels},
        {.path = "model.params.ddconfig.out_ch", .maximum = 64, .values = &c->out_ch},
        {.path = "model.params.ddconfig.ch", .maximum = 65536, .values = &c->ch},
        {.path = "model.params.ddconfig.num_res_blocks", .maximum = 64, .values = &c->n_res_blocks},
        {.path = "model.params.ddconfig.norm_groups",
         .maximum = 65536,
         .values = &c->n_groups,
         .optional = true},
        {.path = "model.params.ddconfig.ch_mult", .maximum = 1024, .values = c->ch_mult, .n = &c->n_levels},
        {.path = "model.params.ddconfig.attn_resolutions",
         .maximum = 16384,
         .values = c->attn_resolutions,
         .n = &c->n_attn_resolutions},
    };
    memcpy(r->fields, fields, sizeof fields);
}

/* The path of the node that comes next; a list's items have the path of the list. */
static void reader_path(const vqgan_reader *r, char *path, size_t capacity)
{
    size_t used = 0;
    path[0] = 0;
    for (int i = 0; i < r->depth; i++) {
        if (r->levels[i].is_list)
            continue;
        int n = snprintf(path + used, capacity - used, "%s%s", used == 0 ? "" : ".", r->levels[i].key);
        if (n < 0 || (size_t)n >= capacity - used) {
            path[0] = 0;
            return;
        }
        used += (size_t)n;
    }
}

static hg_status set_number(vqgan_reader *r, vqgan_field *f, const char *text)
{
    bool in_list = r->levels[r->depth - 1].is_list;
    if (in_list != (f->n != NULL) || (f->n == NULL && f->seen))
        return hg_error_set(r->err, HG_STATUS_INPUT,
                            "%s: %s is stated twice, or a list where it should not be", r->what, f->path);
    if (f->n != NULL && *f->n == HG_CONFIG_MAX_LEVELS)
        return hg_error_set(r->err, HG_STATUS_INPUT, "%s: %s has more than %d numbers", r->what, f->path,
                            HG_CONFIG_MAX_LEVELS);
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != 0 || number < 1 || number > f->maximum)
        return hg_error_set(r->err, HG_STATUS_INPUT, "%s: %s is '%.40s', expected 1 to %lld", r->what,
                            f->path, text, (long long)f->maximum);
    f->values[f->n == NULL ? 0 : (*f->n)++] = number;
    f->seen = true;
    return HG_STATUS_OK;
}

/* Settings that are no numbers: the kind of model, and switches with one supported position. */
static hg_status set_word(vqgan_reader *r, const char *path, const char *text)
{
    static const struct {
        const char *path;
        const char *value;
    } fixed[] = {{"model.params.ddconfig.double_z", "false"},
                 {"model.params.ddconfig.resamp_with_conv", "true"},
                 {"model.params.ddconfig.give_pre_end", "false"}};
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        /* taming writes these as false or False. */
        if (strcmp(path, fixed[i].path) == 0 &&
            (strlen(text) != strlen(fixed[i].value) || strcmp(text + 1, fixed[i].value + 1) != 0))
            return hg_error_set(r->err, HG_STATUS_INPUT, "%s: %s '%.40s' is not supported (%s is)", r->what,
                                path, text, fixed[i].value);
    }
    if (strcmp(path, "model.target") != 0)
        return HG_STATUS_OK;
    const char *dot = strrchr(text, '.');
    if (strcmp(dot == NULL ? text : dot + 1, "GumbelVQ") != 0)
        return hg_error_set(r->err, HG_STATUS_INPUT, "%s: target '%.100s' is not supported (GumbelVQ is)",
                            r->what, text);
    r->is_gumbel = true;
    return HG_STATUS_OK;
}

static hg_status read_scalar_value(vqgan_reader *r, const char *text)
{
    char path[MAX_DEPTH * KEY_BYTES];
    reader_path(r, path, sizeof path);
    for (size_t i = 0; i < N_FIELDS; i++) {
        if (strcmp(r->fields[i].path, path) == 0)
            return set_number(r, &r->fields[i], text);
    }
    return set_word(r, path, text);
}

/* A node has ended: the mapping around it waits for a key again. */
static void end_node(vqgan_reader *r)
{
    if (r->depth > 0)
        r->levels[r->depth - 1].has_key = false;
}

static hg_status read_scalar(vqgan_reader *r, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t bytes = event->data.scalar.length;
    if (event->data.scalar.anchor != NULL || memchr(text, 0, bytes) != NULL)
        return hg_error_set(r->err, HG_STATUS_INPUT, "%s: line %zu: anchors and zero bytes are not allowed",
                            r->what, event->start_mark.line + 1);
    yaml_level *level = r->depth == 0 ? NULL : &r->levels[r->depth - 1];
    if (level != NULL && !level->is_list && !level->has_key) {
        level->has_key = true;
        level->key[0] = 0;
        if (bytes < KEY_BYTES)
            memcpy(level->key, text, bytes + 1);
        return HG_STATUS_OK;
    }
    hg_status status = level == NULL ? HG_STATUS_OK : read_scalar_value(r, text);
    end_node(r);
    return status;
}

static hg_status open_level(vqgan_reader *r, bool is_list, const yaml_char_t *anchor,
                            const yaml_event_t *event)
{
    size_t line = event->start_mark.line + 1;
    if (anchor != NULL)
        return hg_error_set(r->err, HG_STATUS_INPUT, "%s: line %zu: anchors are not allowed", r->what, line);
    if (r->depth == MAX_DEPTH)
        return hg_error_set(r->err, HG_STATUS_INPUT, "%s: line %zu: nested deeper than %d", r->what, line,
                            MAX_DEPTH);
    if (r->depth > 0 && !r->levels[r->depth - 1].is_list && !r->levels[r->depth - 1].has_key)
        return hg_error_set(r->err, HG_STATUS_INPUT, "%s: line %zu: a key that is not plain text", r->what,
                            line);
    r->levels[r->depth++] = (yaml_level){.is_list = is_list};
    return HG_STATUS_OK;
}

static hg_status read_event(vqgan_reader *r, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return hg_error_set(r->err, HG_STATUS_INPUT, "%s: line %zu: aliases are not allowed", r->what,
                            event->start_mark.line + 1);
    case YAML_DOCUMENT_START_EVENT:
        if (r->n_documents++ > 0)
            return hg_error_set(r->err, HG_STATUS_INPUT, "%s: more than one document", r->what);
        return HG_STATUS_OK;
    case YAML_SCALAR_EVENT:
        return read_scalar(r, event);
    case YAML_SEQUENCE_START_EVENT:
        return open_level(r, true, event->data.sequence_start.anchor, event);
    case YAML_MAPPING_START_EVENT:
        return open_level(r, false, event->data.mapping_start.anchor, event);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        r->depth--;
        end_node(r);
        return HG_STATUS_OK;
    default:
        return HG_STATUS_OK;
    }
}

static hg_status read_events(vqgan_reader *r, yaml_parser_t *parser)
{
    for (bool done = false; !done;) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event))
            return hg_error_set(r->err, HG_STATUS_INPUT, "%s: not valid YAML: line %zu: %s", r->what,
                                parser->problem_mark.line + 1,
                                parser->problem == NULL ? "out of memory" : parser->problem);
        done = event.type == YAML_STREAM_END_EVENT;
        hg_status status = read_event(r, &event);
        yaml_event_delete(&event);
        if (status == HG_STATUS_OK && ++r->n_events > MAX_EVENTS)
            status = hg_error_set(r->err, HG_STATUS_INPUT, "%s: more than %d items", r->what, MAX_EVENTS);
        if (status != HG_STATUS_OK)
            return status;
    }
    return HG_STATUS_OK;
}

static hg_status check_complete(const vqgan_reader *r)
{
    if (!r->is_gumbel)
        return hg_error_set(r->err, HG_STATUS_INPUT, "%s: model.target is missing", r->what);
    for (size_t i = 0; i < N_FIELDS; i++) {
        const vqgan_field *f = &r->fields[i];
        /* A list of attention resolutions may be empty. */
        if (!f->seen && !f->optional && f->values != r->out->attn_resolutions)
            return hg_error_set(r->err, HG_STATUS_INPUT, "%s: %s is missing", r->what, f->path);
    }
    return HG_STATUS_OK;
}

hg_status hg_vqgan_config_check(const hg_vqgan_config *c, const char *what, hg_error *err)
{
    if (c->resolution % ((int64_t)1 << (c->n_levels - 1)) != 0)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: resolution %lld cannot be halved %d times", what,
                            (long long)c->resolution, c->n_levels - 1);
    for (int i = 0; i < c->n_levels; i++) {
        int64_t channels = c->ch * c->ch_mult[i];
        if (channels > HG_CONFIG_MAX_DIM || channels % c->n_groups != 0)
            return hg_error_set(
                err, HG_STATUS_INPUT,
                "%s: level %d has %lld channels, expected a multiple of the %lld norm groups up to "
                "%lld",
                what, i, (long long)channels, (long long)c->n_groups, (long long)HG_CONFIG_MAX_DIM);
    }
    if (c->ch % c->n_groups != 0)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: ch %lld is no multiple of the %lld norm groups", what,
                            (long long)c->ch, (long long)c->n_groups);
    return HG_STATUS_OK;
}

static hg_status vqgan_parse(hg_vqgan_config *out, const char *what, const char *text, size_t bytes,
                             hg_error *err)
{
    if (bytes > MAX_BYTES)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: %zu bytes, at most %zu are read", what, bytes,
                            MAX_BYTES);
    hg_vqgan_config c = {.n_groups = 32};
    vqgan_reader r;
    reader_init(&r, &c, what, err);
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return hg_error_memory(err, sizeof parser, "a YAML parser");
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, bytes);
    hg_status status = read_events(&r, &parser);
    yaml_parser_delete(&parser);
    if (status == HG_STATUS_OK)
        status = check_complete(&r);
    if (status == HG_STATUS_OK)
        status = hg_vqgan_config_check(&c, what, err);
    if (status == HG_STATUS_OK)
        *out = c;
    return status;
}

hg_status hg_vqgan_config_parse(hg_vqgan_config *out, const char *text, size_t bytes, hg_error *err)
{
    return vqgan_parse(out, "model.yaml", text, bytes, err);
}

hg_status hg_vqgan_config_read(hg_vqgan_config *out, const char *folder, hg_error *err)
{
    hg_buffer text;
    char path[HG_PATH_BYTES];
    hg_status status = hg_config_text_read(&text, path, folder, "model.yaml", NULL, err);
    if (status == HG_STATUS_OK)
        status = vqgan_parse(out, path, hg_buffer_text(&text), text.size, err);
    hg_buffer_deinit(&text);
    return status;
}
