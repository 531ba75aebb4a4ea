/* SPDX-License-Identifier: Apache-2.0
 *
 * inspect_card.c: the card. What cannot be read is left out; a task is only called possible when the model
 * could be opened for it.
 */
#include "engine/inspect_card.h"

#include "engine/draw_tasks.h"

#include <stdio.h>
#include <string.h>

#define CARD_POSITIONS 2048 /* a question about an image and a long answer */

/* ---- the language model ---- */

static void card_put_base(json_t *card, const hg_decoder_config *c)
{
    char family[160];
    if (c->n_layers <= 0)
        return;
    snprintf(family, sizeof family,
             "%s, %lld layers, hidden %lld, %lld heads (%lld for keys), vocabulary %lld",
             hg_family_name(c->family), (long long)c->n_layers, (long long)c->hidden, (long long)c->n_heads,
             (long long)c->n_kv_heads, (long long)c->vocab);
    json_object_set_new(card, "family", json_string(family));
    json_object_set_new(card, "base",
                        json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "family",
                                  hg_family_name(c->family), "layers", (json_int_t)c->n_layers, "hidden",
                                  (json_int_t)c->hidden, "heads", (json_int_t)c->n_heads, "kv_heads",
                                  (json_int_t)c->n_kv_heads, "head_dim", (json_int_t)c->head_dim, "ffn",
                                  (json_int_t)c->ffn, "vocabulary", (json_int_t)c->vocab, "context",
                                  (json_int_t)c->max_positions));
}

/* ---- memory ---- */

static json_t *card_cache(const hg_decoder_config *c, hg_dtype type, int64_t positions, uint64_t weights)
{
    size_t bytes = hg_kv_cache_bytes(type, c->n_layers, c->n_kv_heads, c->head_dim, positions);
    return json_pack("{s:I, s:s, s:I, s:I}", "positions", (json_int_t)positions, "type", hg_dtype_name(type),
                     "bytes", (json_int_t)bytes, "total", (json_int_t)(bytes + weights));
}

/* Weights and KV cache; the memory of a step comes on top and is small beside them. */
static void card_put_memory(json_t *card, const hg_inspected *m, uint64_t weights)
{
    const hg_decoder_config *c = &m->source.parts.decoder;
    if (c->n_layers <= 0)
        return;
    int64_t full = m->model != NULL ? hg_session_max_positions(m->model) : c->max_positions;
    const int64_t positions[] = {full < CARD_POSITIONS ? full : CARD_POSITIONS, full};
    const hg_dtype types[] = {HG_DTYPE_F32, HG_DTYPE_F16};
    json_t *caches = json_array();
    for (size_t i = full > CARD_POSITIONS ? 0 : 1; i < 2; i++) {
        for (size_t k = 0; k < 2; k++)
            json_array_append_new(caches, card_cache(c, types[k], positions[i], weights));
    }
    json_object_set_new(card, "memory",
                        json_pack("{s:I, s:o}", "weights", (json_int_t)weights, "with_kv_cache", caches));
}

/* ---- tasks ---- */

static json_t *card_task(const char *name, const char *why_not)
{
    json_t *task = json_pack("{s:s}", "name", name);
    hg_inspect_put_text(task, "why_not", why_not);
    return task;
}

/* Why the parts do not allow a task; "" when they do. */
static void why_not_possible(const hg_inspected *m, const char *missing, char *why, size_t bytes)
{
    if (missing[0] != 0)
        snprintf(why, bytes, "missing: %s", missing);
    else
        snprintf(why, bytes, "%s", m->model != NULL ? "" : "the model cannot be opened");
}

static json_t *card_tasks(const hg_inspected *m)
{
    const hg_manifest *manifest = &m->source.manifest;
    const char *untrained =
        manifest->has_tasks
            ? "the generation plug-in was not trained for it"
            : "the generation plug-in was not trained for it, as far as is known: it does not "
              "say what it was trained for, so it is taken to reconstruct only";
    char why[HG_ERROR_TEXT_BYTES + 32];
    json_t *tasks = json_array();
    why_not_possible(m, m->source.missing_for_ask, why, sizeof why);
    json_array_append_new(tasks, card_task("ask", why));
    why_not_possible(m, m->source.missing_for_draw, why, sizeof why);
    for (int i = 0; i < HG_DRAW_TASK_COUNT; i++) {
        bool trained = hg_draw_task_is_trained(manifest, (hg_draw_task)i);
        json_array_append_new(
            tasks, card_task(hg_draw_task_name((hg_draw_task)i), why[0] != 0 || trained ? why : untrained));
    }
    return tasks;
}

/* ---- what only an opened model tells ---- */

static void card_put_plugins(json_t *card, const hg_model *model)
{
    const hg_manifest *manifest = &model->source.manifest;
    const struct {
        const char *name;
        hg_task task;
        double alpha;
    } plugins[] = {{"com", HG_TASK_COMPREHENSION, manifest->com.hlora_alpha},
                   {"gen", HG_TASK_GENERATION, manifest->gen.hlora_alpha}};
    json_t *list = json_object();
    for (size_t i = 0; i < 2; i++) {
        const hg_task_parts *t = &model->weights.tasks[plugins[i].task];
        if (!t->present)
            continue;
        double alpha = plugins[i].alpha > 0 ? plugins[i].alpha : 2 * (double)t->plugin.rank;
        json_object_set_new(list, plugins[i].name,
                            json_pack("{s:I, s:f, s:I}", "rank", (json_int_t)t->plugin.rank, "alpha", alpha,
                                      "experts", (json_int_t)t->plugin.n_experts));
    }
    json_object_set_new(card, "plugins", list);
}

static void card_put_pictures(json_t *card, const hg_healthgpt *weights)
{
    const hg_vqgan *vq = &weights->vqgan;
    if (weights->tasks[HG_TASK_GENERATION].present)
        json_object_set_new(card, "pictures",
                            json_pack("{s:I, s:I, s:I}", "size", (json_int_t)vq->config.resolution, "codes",
                                      (json_int_t)hg_vqgan_n_codes(vq), "codebook",
                                      (json_int_t)vq->config.n_embed));
}

static void card_put_opened(json_t *card, const hg_model *model)
{
    const hg_source *s = &model->source;
    json_t *provenance = json_array();
    json_object_set_new(card, "chat_template", json_string(hg_chat_kind_name(s->chat)));
    card_put_plugins(card, model);
    card_put_pictures(card, &model->weights);
    for (size_t i = 0; i < s->n_provenance; i++) {
        const hg_provenance *p = &s->provenance[i];
        json_array_append_new(provenance,
                              json_pack("{s:o, s:o, s:o}", "part", hg_inspect_text(p->part), "file",
                                        hg_inspect_text(p->name), "sha256", hg_inspect_text(p->sha256)));
    }
    json_object_set_new(card, "provenance", provenance);
}

/* ---- all of it ---- */

static void card_put_notes(json_t *card, const hg_manifest *m)
{
    hg_inspect_put_text(card, "name", m->name);
    hg_inspect_put_text(card, "license", m->license);
    hg_inspect_put_text(card, "description", m->description);
    hg_inspect_put_text(card, "intended_use", m->intended_use);
    json_object_set_new(card, "random_weights", json_boolean(m->random_weights));
    json_object_set_new(card, "tasks_declared", json_boolean(m->has_tasks));
}

static void card_put_problems(json_t *card, const hg_inspected *m)
{
    const hg_part_problems *p = &m->problems;
    json_t *list = json_array();
    const char *const texts[] = {p->manifest, p->settings, m->problem};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        bool said = i > 0 && strcmp(texts[i], texts[i - 1]) == 0;
        if (texts[i][0] != 0 && !said)
            json_array_append_new(list, hg_inspect_text(texts[i]));
    }
    json_object_set_new(card, "problems", list);
}

json_t *hg_inspect_card(const hg_inspected *m, bool with_tensors)
{
    const hg_source *s = &m->source;
    hg_inspect_sizes sizes = {.n_tensors = 0};
    bool adapters = m->problems.base_file[0] != 0;
    json_t *card = json_pack("{s:o, s:s}", "path", hg_inspect_text(m->path), "format",
                             adapters        ? "adapter package"
                             : s->is_package ? "package"
                                             : "folder");
    card_put_notes(card, &s->manifest);
    card_put_base(card, &s->parts.decoder);
    hg_inspect_put_text(card, "base_file", m->problems.base_file);
    json_object_set_new(card, "parts", hg_inspect_parts(s, &m->problems, with_tensors, &sizes));
    hg_inspect_put_sizes(card, &sizes);
    if (s->package != NULL)
        json_object_set_new(card, "file_bytes", json_integer((json_int_t)hg_tensor_file_bytes(s->package)));
    card_put_memory(card, m, sizes.total);
    json_object_set_new(card, "tasks", card_tasks(m));
    if (m->model != NULL)
        card_put_opened(card, m->model);
    card_put_problems(card, m);
    return card;
}
