/* SPDX-License-Identifier: Apache-2.0
 *
 * eval_questions.c: records of questions, counted by groups. Beside each group's accuracy stands what answers
 * made without looking would reach: always the group's most common answer, and always the most common one to
 * this type of question. Both are taken from the same items, so they are as good as such answers can be.
 */
#include "eval/eval_run.h"

#include "base/memory.h"
#include "eval/answer_score.h"
#include "eval/interval.h"

#include <math.h>
#include <string.h>

#define GROUP_MAX 4096

typedef struct question_group {
    const char *by; /* static */
    char name[64];  /* of the kind `by` */
    size_t n, correct;
    hg_moments recall, f1;
    json_t *answers; /* by type of question, "" for all: how often each answer is the true one */
} question_group;

typedef struct question_groups {
    question_group *items;
    size_t n, capacity;
    bool failed;
} question_groups;

static question_group *find_group(question_groups *g, const char *by, const char *name)
{
    char cut[sizeof g->items->name];
    snprintf(cut, sizeof cut, "%s", name);
    for (size_t i = 0; i < g->n; i++) {
        if (strcmp(g->items[i].by, by) == 0 && strcmp(g->items[i].name, cut) == 0)
            return &g->items[i];
    }
    if (g->n == g->capacity) {
        size_t capacity = g->capacity == 0 ? 64 : 2 * g->capacity;
        question_group *items =
            capacity > GROUP_MAX ? NULL : hg_mem_resize(g->items, capacity, sizeof *items);
        if (items == NULL)
            return NULL;
        g->items = items;
        g->capacity = capacity;
    }
    question_group *group = &g->items[g->n++];
    *group = (question_group){.by = by, .answers = json_object()};
    memcpy(group->name, cut, sizeof cut);
    return group;
}

static const char *text_of(const json_t *record, const char *key)
{
    const char *text = json_string_value(json_object_get(record, key));
    return text == NULL ? "" : text;
}

/* The true answer as it is counted: of a choice the option's text, because letters say nothing. */
static void truth_key(char key[HG_ANSWER_BYTES], const json_t *record)
{
    const char *question = text_of(record, "question"), *truth = text_of(record, "truth");
    char letter = hg_answer_option(question, truth), option[HG_ANSWER_BYTES];
    size_t n;
    const char *text = letter != 0 ? hg_answer_option_text(question, letter, &n) : NULL;
    if (text != NULL && n < sizeof option) {
        memcpy(option, text, n);
        option[n] = 0;
        truth = option;
    }
    hg_answer_normalise(key, truth);
}

static void count_answer(json_t *answers, const char *type, const char *key)
{
    json_t *counts = json_object_get(answers, type);
    if (counts == NULL) {
        counts = json_object();
        if (json_object_set_new(answers, type, counts) != 0)
            return;
    }
    json_int_t before = json_integer_value(json_object_get(counts, key));
    json_object_set_new(counts, key, json_integer(before + 1));
}

static void add_to(question_groups *g, const char *by, const char *name, const json_t *record,
                   const char *key)
{
    question_group *group = name[0] != 0 ? find_group(g, by, name) : NULL;
    if (group == NULL) {
        g->failed = g->failed || name[0] != 0;
        return;
    }
    const json_t *scores = json_object_get(record, "scores");
    char type[256];
    snprintf(type, sizeof type, "type %.120s %.120s", text_of(record, "answer_type"),
             text_of(record, "question_type"));
    group->n++;
    group->correct += json_is_true(json_object_get(scores, "correct"));
    hg_moments_add(&group->recall, json_number_value(json_object_get(scores, "recall")));
    hg_moments_add(&group->f1, json_number_value(json_object_get(scores, "f1")));
    count_answer(group->answers, "", key);
    count_answer(group->answers, type, key);
}

static void add_record(question_groups *g, const json_t *record)
{
    char key[HG_ANSWER_BYTES], both[128];
    const char *type = text_of(record, "answer_type"), *wording = text_of(record, "wording");
    bool caption = strcmp(type, "CAPTION") == 0;
    bool listed = strcmp(type, "CLOSED") == 0 || strcmp(type, "CHOICE") == 0;
    truth_key(key, record);
    if (!caption)
        add_to(g, "all", "all but captions", record, key);
    if (listed)
        add_to(g, "all", "CLOSED and CHOICE", record, key);
    if (listed && wording[0] != 0) {
        snprintf(both, sizeof both, "CLOSED and CHOICE, %.60s", wording);
        add_to(g, "all", both, record, key);
    }
    add_to(g, "answer_type", type, record, key);
    if (caption) /* no other group mixes captions with answers */
        return;
    add_to(g, "question_type", text_of(record, "question_type"), record, key);
    add_to(g, "part", text_of(record, "part"), record, key);
    add_to(g, "modality", text_of(record, "modality"), record, key);
    add_to(g, "wording", wording, record, key);
}

/* The most common of counted answers. */
static size_t most_common(json_t *counts, const char **answer)
{
    const char *key;
    json_t *count;
    json_int_t most = 0;
    json_object_foreach(counts, key, count)
    {
        if (json_integer_value(count) <= most)
            continue;
        most = json_integer_value(count);
        *answer = key;
    }
    return (size_t)most;
}

static json_t *group_json(const question_group *group)
{
    const char *type, *answer = "", *unused = "";
    json_t *counts;
    size_t by_type = 0, majority = most_common(json_object_get(group->answers, ""), &answer);
    json_object_foreach(group->answers, type, counts)
    {
        if (type[0] != 0)
            by_type += most_common(counts, &unused);
    }
    hg_interval accuracy = hg_interval_share(group->correct, group->n);
    return json_pack("{s:s, s:s, s:I, s:I, s:f, s:f, s:f, s:f, s:s, s:f, s:f, s:f}", "by", group->by, "name",
                     group->name, "n", (json_int_t)group->n, "correct", (json_int_t)group->correct,
                     "accuracy", accuracy.value, "low", accuracy.low, "high", accuracy.high, "majority",
                     (double)majority / (double)group->n, "majority_answer", answer, "majority_by_type",
                     (double)by_type / (double)group->n, "recall", group->recall.mean, "f1", group->f1.mean);
}

/* Groups of a kind stand together, in the order of this list. */
static json_t *groups_json(const question_groups *g)
{
    static const char *const kinds[] = {"all", "answer_type", "question_type", "part", "modality", "wording"};
    json_t *list = json_array();
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        for (size_t i = 0; i < g->n; i++) {
            if (strcmp(g->items[i].by, kinds[k]) == 0)
                json_array_append_new(list, group_json(&g->items[i]));
        }
    }
    return list;
}

/* Questions whether something is wrong, of a type, whose true answer is no: how many were answered yes. */
static json_t *invented_json(const json_t *records, const char *only_type)
{
    size_t n = 0, yes = 0, unread = 0, i;
    json_t *record;
    json_array_foreach(records, i, record)
    {
        const char *type = text_of(record, "question_type"), *truth = text_of(record, "truth");
        bool wanted = only_type != NULL ? strcmp(type, only_type) == 0
                                        : strcmp(type, "abnormality") == 0 || strcmp(type, "presence") == 0;
        if (!wanted || json_object_get(record, "scores") == NULL ||
            hg_answer_kind_of(text_of(record, "question"), truth) != HG_ANSWER_KIND_YES_NO ||
            hg_answer_yes_no(truth) != 'n')
            continue;
        n++;
        yes += text_of(record, "read")[0] == 'y';
        unread += text_of(record, "read")[0] == 0;
    }
    if (n == 0)
        return json_null();
    hg_interval rate = hg_interval_share(yes, n);
    return json_pack("{s:I, s:I, s:I, s:f, s:f, s:f}", "n", (json_int_t)n, "answered_yes", (json_int_t)yes,
                     "unread", (json_int_t)unread, "rate", rate.value, "low", rate.low, "high", rate.high);
}

json_t *hg_eval_questions(const json_t *records)
{
    question_groups g = {0};
    size_t i, n = 0, cut = 0;
    json_t *record, *out = NULL;
    json_array_foreach(records, i, record)
    {
        if (strcmp(text_of(record, "task"), "comprehension") != 0 ||
            json_object_get(record, "scores") == NULL)
            continue;
        n++;
        cut += strcmp(text_of(record, "stop"), "length") == 0;
        add_record(&g, record);
    }
    if (!g.failed)
        out = json_pack("{s:I, s:I, s:o, s:{s:o, s:o, s:o}}", "n", (json_int_t)n, "cut_short",
                        (json_int_t)cut, "groups", groups_json(&g), "invented_lesions", "all",
                        invented_json(records, NULL), "abnormality", invented_json(records, "abnormality"),
                        "presence", invented_json(records, "presence"));
    for (i = 0; i < g.n; i++)
        json_decref(g.items[i].answers);
    hg_mem_free(g.items);
    return out;
}
