/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_text.c: which questions a picture allows, and their answers. A question is only asked when its
 * answer is certain: a lesion that barely touches the slice is neither asked for nor denied.
 */
#include "data/phantom_text.h"

#include "data/phantom_wordings.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char *const modalities[] = {"CT", "MRI", "X-ray", "ultrasound", "microscopy"};
static const char *const modality_nouns[] = {"a CT image", "an MRI image", "an X-ray image",
                                             "an ultrasound image", "a microscopy image"};
static const char *const parts[] = {"head", "chest", "abdomen", "pelvis", "blood smear"};
static const char *const planes[] = {"axial", "coronal", "sagittal"};
static const char *const sequences[] = {"T1-weighted", "T2-weighted", "PD-weighted"};
static const char *const sides[] = {"left", "right"};

const char *hg_answer_type_name(hg_answer_type type)
{
    static const char *const names[] = {"OPEN", "CLOSED", "CHOICE", "CAPTION"};
    return names[type];
}

/* ---- putting words together ---- */

typedef struct text_words {
    const char *kind, *a_kind, *side, *modality, *a_modality, *organ, *is_organ, *counted;
} text_words;

typedef struct text_slot {
    const char *name, *value;
} text_slot;

/* out = wording with its {slots} filled. */
static void fill(char *out, size_t capacity, const char *wording, const text_words *w)
{
    const text_slot slots[] = {
        {"{kind}", w->kind},         {"{a kind}", w->a_kind},         {"{side}", w->side},
        {"{modality}", w->modality}, {"{a modality}", w->a_modality}, {"{organ}", w->organ},
        {"{Is organ}", w->is_organ}, {"{counted}", w->counted}};
    size_t n = 0;
    while (*wording != 0 && n + 1 < capacity) {
        size_t i = 0;
        while (i < sizeof slots / sizeof *slots &&
               strncmp(wording, slots[i].name, strlen(slots[i].name)) != 0)
            i++;
        if (i == sizeof slots / sizeof *slots) {
            out[n++] = *wording++;
            continue;
        }
        n += (size_t)snprintf(out + n, capacity - n, "%s", slots[i].value == NULL ? "" : slots[i].value);
        n = n < capacity ? n : capacity - 1;
        wording += strlen(slots[i].name);
    }
    out[n] = 0;
}

static void capitalise(char *text)
{
    text[0] = (char)toupper((unsigned char)text[0]);
}

/* "in the left frontal lobe", "on the left", "in the liver". */
static void say_place(char *out, size_t capacity, const hg_phantom_facts *f)
{
    bool sided = strcmp(f->side, "midline") != 0;
    if (f->organ == NULL || f->organ[0] == 0)
        snprintf(out, capacity, sided ? "on the %s" : "in the midline", f->side);
    else
        snprintf(out, capacity, "in the %s%s%s", sided ? f->side : "", sided ? " " : "", f->organ);
}

static void say_finding(char *out, size_t capacity, const hg_phantom_facts *f)
{
    const hg_lesion_words *w = hg_lesion_words_get(f->kind);
    char place[120];
    say_place(place, sizeof place, f);
    snprintf(out, capacity, "%s%s %s", w->article, w->noun, place);
}

static void say_modality(char *out, size_t capacity, const hg_phantom_facts *f)
{
    snprintf(out, capacity, "%s%s%s", f->sequence == NULL ? "" : f->sequence, f->sequence == NULL ? "" : " ",
             f->modality);
}

void hg_phantom_caption(char *out, size_t capacity, const hg_phantom_facts *f, hg_rng *rng)
{
    char modality[80], finding[200] = "";
    if (f->blank) {
        snprintf(out, capacity, "This picture shows nothing.");
        return;
    }
    const hg_lesion_words *w = hg_lesion_words_get(f->kind);
    say_modality(modality, sizeof modality, f);
    if (f->lesion == HG_SEEN_YES)
        say_finding(finding, sizeof finding, f);
    bool plane = f->plane != NULL;
    int form = hg_phantom_pick(rng, 3);
    const char *look = f->has_contrast ? w->look[f->contrast] : NULL;
    size_t n;
    if (form == 0)
        n = (size_t)snprintf(out, capacity, "%s%s%s of the %s.", plane ? f->plane : "", plane ? " " : "",
                             modality, f->part);
    else if (form == 1)
        n = (size_t)snprintf(out, capacity, "%s of the %s%s%s%s.", modality, f->part, plane ? " in the " : "",
                             plane ? f->plane : "", plane ? " plane" : "");
    else
        n = (size_t)snprintf(out, capacity, "This is %s %s%s%s of the %s.",
                             plane && strcmp(f->plane, "axial") == 0 ? "an" : "a", plane ? f->plane : "",
                             plane ? " " : "", modality, f->part);
    capitalise(out);
    if (f->window != NULL)
        n += (size_t)snprintf(out + n - 1, capacity - n, " (%s window).", f->window) - 1;
    if (f->count >= 0)
        n += (size_t)snprintf(out + n, capacity - n, " Number of %s: %d.", f->counted, f->count);
    if (f->lesion == HG_SEEN_NO)
        snprintf(out + n, capacity - n, " No abnormality is visible.");
    if (f->lesion != HG_SEEN_YES)
        return;
    n += (size_t)snprintf(out + n, capacity - n, " There is %s", finding);
    if (f->size_mm > 0)
        n += (size_t)snprintf(out + n, capacity - n, ", about %d mm", (int)(f->size_mm + 0.5f));
    snprintf(out + n, capacity - n, "%s%s.", look == NULL ? "" : ", which appears ",
             look == NULL ? "" : look);
}

/* What a report says of the lesion of a chest film. */
static void say_film(char *out, size_t capacity, const hg_phantom_facts *f, int form)
{
    if (f->kind == HG_LESION_EFFUSION && form == 0)
        snprintf(out, capacity, "There is a pleural effusion on the %s.", f->side);
    else if (f->kind == HG_LESION_EFFUSION)
        snprintf(out, capacity, "A %s pleural effusion blunts the costophrenic angle.", f->side);
    else if (f->kind == HG_LESION_PNEUMOTHORAX && form == 0)
        snprintf(out, capacity, "There is a pneumothorax on the %s.", f->side);
    else if (f->kind == HG_LESION_PNEUMOTHORAX)
        snprintf(out, capacity, "A %s pneumothorax is seen.", f->side);
    else if (f->kind == HG_LESION_PNEUMONIA)
        snprintf(out, capacity, "There is a consolidation in the %s %s, consistent with pneumonia.", f->side,
                 f->organ);
    else if (f->kind == HG_LESION_NODULE)
        snprintf(out, capacity, "There is a nodule of about %d mm in the %s %s.", (int)(f->size_mm + 0.5f),
                 f->side, f->organ);
    else
        snprintf(out, capacity, "The lungs are clear.");
}

void hg_phantom_report(char *out, size_t capacity, const hg_phantom_facts *f, hg_rng *rng)
{
    char finding[200];
    int form = hg_phantom_pick(rng, 2);
    bool ill = f->lesion == HG_SEEN_YES, large = ill && f->kind == HG_LESION_CARDIOMEGALY;
    const char *heart =
        large ? (form == 0 ? "The heart is enlarged." : "There is cardiomegaly.")
              : (form == 0 ? "The heart is of normal size." : "The cardiac silhouette is normal.");
    const char *none = ill && (f->kind == HG_LESION_EFFUSION || f->kind == HG_LESION_PNEUMOTHORAX)
                           ? ""
                           : " No pleural effusion or pneumothorax.";
    if (ill)
        say_film(finding, sizeof finding, f, form);
    else
        snprintf(finding, sizeof finding, "The lungs are clear.");
    snprintf(out, capacity, "Frontal chest X-ray. %s %s%s", heart, finding, none);
}

/* ---- which questions are allowed ---- */

static bool is_sided(const hg_phantom_facts *f)
{
    return f->lesion == HG_SEEN_YES && strcmp(f->side, "midline") != 0 &&
           (f->plane == NULL || strcmp(f->plane, "sagittal") != 0);
}

/* Of a picture that shows nothing. */
static bool allowed_blank(hg_phantom_topic t)
{
    return t == TOPIC_MODALITY || t == TOPIC_PART || t == TOPIC_ABNORMALITY || t == CLOSED_ABNORMAL ||
           t == CLOSED_KIND || t == CLOSED_MODALITY || t == CLOSED_ORGAN;
}

/* Whether it is certain of any organ that it is there or not. */
static bool knows_organs(const hg_phantom_facts *f)
{
    bool known = false;
    for (int i = 1; i < HG_ORGAN_COUNT; i++)
        known = known || f->organs[i] != HG_SEEN_UNSURE;
    return known && f->organs_known;
}

static bool allowed(hg_phantom_topic t, const hg_phantom_facts *f)
{
    if (f->blank)
        return allowed_blank(t);
    switch (t) {
    case TOPIC_SEQUENCE:
    case CHOICE_SEQUENCE:
        return f->sequence != NULL;
    case TOPIC_PLANE:
    case CHOICE_PLANE:
        return f->plane != NULL;
    case TOPIC_ABNORMALITY:
    case CLOSED_ABNORMAL:
        return f->kinds != NULL && f->lesion != HG_SEEN_UNSURE;
    case CLOSED_KIND:
        return f->kinds != NULL && f->lesion != HG_SEEN_UNSURE;
    case CHOICE_KIND:
        return f->kinds != NULL && f->lesion != HG_SEEN_UNSURE;
    case TOPIC_LOCATION:
        return f->lesion == HG_SEEN_YES && f->kinds != NULL;
    case TOPIC_SIZE:
        return f->lesion == HG_SEEN_YES && f->size_mm > 0;
    case CLOSED_SIDE:
    case CHOICE_SIDE:
        return is_sided(f);
    case TOPIC_COUNT_OF:
        return f->count >= 0;
    case TOPIC_ORGANS:
    case CLOSED_ORGAN:
        return knows_organs(f);
    default:
        return true;
    }
}

/* ---- answers ---- */

static void yes_no(hg_phantom_question *q, bool yes)
{
    snprintf(q->answer, sizeof q->answer, "%s", yes ? "Yes" : "No");
}

/* Text and options "A. ...", in an order of chance; the right one among `values` is `right`. */
static void set_choice(hg_phantom_question *q, const char *const *values, int n, const char *right,
                       hg_rng *rng)
{
    const char *options[4] = {right};
    int n_options = 1;
    for (int tries = 0; tries < 200 && n_options < 4 && n_options < n; tries++) {
        const char *value = values[hg_phantom_pick(rng, n)];
        bool twice = false;
        for (int i = 0; i < n_options; i++)
            twice = twice || strcmp(options[i], value) == 0;
        if (!twice)
            options[n_options++] = value;
    }
    int at = hg_phantom_pick(rng, n_options);
    options[0] = options[at];
    options[at] = right;
    size_t used = strlen(q->text);
    for (int i = 0; i < n_options; i++)
        used += (size_t)snprintf(q->text + used, sizeof q->text - used, "\n%c. %s", 'A' + i, options[i]);
    snprintf(q->text + used, sizeof q->text - used, "\nAnswer with one of the options.");
    snprintf(q->answer, sizeof q->answer, "%s", right);
    capitalise(q->answer);
}

static int n_kinds(const hg_lesion_kind *kinds)
{
    int n = 0;
    while (kinds[n] != HG_LESION_NONE)
        n++;
    return n;
}

/* Kind to ask for: the true one in half of the questions, else another. */
static hg_lesion_kind choose_kind(const hg_phantom_facts *f, hg_rng *rng)
{
    if (f->lesion == HG_SEEN_YES && hg_phantom_chance(rng, 0.75f))
        return f->kind;
    return f->kinds[hg_phantom_pick(rng, n_kinds(f->kinds))];
}

static int choose_organ(const hg_phantom_facts *f, hg_rng *rng)
{
    hg_seen want = hg_phantom_chance(rng, 0.5f) ? HG_SEEN_YES : HG_SEEN_NO;
    int fallback = 0;
    for (int tries = 0; tries < 400; tries++) {
        int i = 1 + hg_phantom_pick(rng, HG_ORGAN_COUNT - 1);
        if (f->organs[i] == want)
            return i;
        if (f->organs[i] != HG_SEEN_UNSURE)
            fallback = i;
    }
    return fallback;
}

static int index_of(const char *const *list, int n, const char *text)
{
    for (int i = 0; i < n; i++) {
        if (strcmp(list[i], text) == 0)
            return i;
    }
    return 0;
}

/* "lungs, heart, ribs", or "none". */
static void say_organs(char *out, size_t capacity, const hg_phantom_facts *f)
{
    size_t n = 0;
    snprintf(out, capacity, "none");
    for (int i = 1; i < HG_ORGAN_COUNT && n < capacity; i++) {
        if (f->organs[i] == HG_SEEN_YES)
            n += (size_t)snprintf(out + n, capacity - n, "%s%s", n > 0 ? ", " : "",
                                  hg_organ_words_get((hg_phantom_organ)i)->name);
    }
}

static void answer_open(hg_phantom_question *q, hg_phantom_topic t, const hg_phantom_facts *f)
{
    char place[160];
    switch (t) {
    case TOPIC_ORGANS:
        say_organs(q->answer, sizeof q->answer, f);
        break;
    case TOPIC_MODALITY:
        snprintf(q->answer, sizeof q->answer, "%s", f->modality);
        break;
    case TOPIC_SEQUENCE:
        snprintf(q->answer, sizeof q->answer, "%s", f->sequence);
        break;
    case TOPIC_PART:
        snprintf(q->answer, sizeof q->answer, "%s", f->part);
        break;
    case TOPIC_PLANE:
        snprintf(q->answer, sizeof q->answer, "%s", f->plane);
        break;
    case TOPIC_ABNORMALITY:
        if (f->lesion == HG_SEEN_YES)
            say_finding(q->answer, sizeof q->answer, f);
        else
            snprintf(q->answer, sizeof q->answer, "No abnormality is visible");
        break;
    case TOPIC_LOCATION:
        say_place(place, sizeof place, f);
        snprintf(q->answer, sizeof q->answer, "%s", place);
        break;
    case TOPIC_SIZE:
        snprintf(q->answer, sizeof q->answer, "About %d mm", (int)(f->size_mm + 0.5f));
        break;
    default:
        snprintf(q->answer, sizeof q->answer, "%d", f->count);
        break;
    }
    capitalise(q->answer);
}

static void ask_closed(hg_phantom_question *q, hg_phantom_topic t, const char *wording,
                       const hg_phantom_facts *f, hg_rng *rng)
{
    text_words w = {.kind = hg_lesion_words_get(f->kind)->noun};
    char a_kind[100];
    if (t == CLOSED_KIND) {
        hg_lesion_kind kind = choose_kind(f, rng);
        const hg_lesion_words *k = hg_lesion_words_get(kind);
        snprintf(a_kind, sizeof a_kind, "%s%s", k->article, k->noun);
        w.a_kind = a_kind;
        yes_no(q, f->lesion == HG_SEEN_YES && kind == f->kind);
    } else if (t == CLOSED_SIDE) {
        w.side = sides[hg_phantom_pick(rng, 2)];
        yes_no(q, strcmp(w.side, f->side) == 0);
    } else if (t == CLOSED_MODALITY) {
        int right = f->blank ? -1 : index_of(modalities, 5, f->modality);
        int asked = right >= 0 && hg_phantom_chance(rng, 0.4f) ? right : hg_phantom_pick(rng, 5);
        w.modality = modalities[asked];
        w.a_modality = modality_nouns[asked];
        yes_no(q, asked == right);
    } else if (t == CLOSED_ORGAN) {
        int i = choose_organ(f, rng);
        const hg_organ_words *o = hg_organ_words_get((hg_phantom_organ)i);
        w.organ = o->name;
        w.is_organ = strcmp(o->verb, "are") == 0 ? "Are" : "Is";
        yes_no(q, f->organs[i] == HG_SEEN_YES);
    } else {
        yes_no(q, f->lesion == HG_SEEN_YES);
    }
    fill(q->text, sizeof q->text, wording, &w);
}

static void ask_choice(hg_phantom_question *q, hg_phantom_topic t, const char *wording,
                       const hg_phantom_facts *f, hg_rng *rng)
{
    const hg_lesion_words *k = hg_lesion_words_get(f->kind);
    text_words w = {.kind = k->noun};
    static const char none[] = "no abnormality";
    const char *nouns[HG_LESION_COUNT] = {none};
    fill(q->text, sizeof q->text, wording, &w);
    if (t == CHOICE_KIND) {
        int n = n_kinds(f->kinds);
        for (int i = 0; i < n; i++)
            nouns[i + 1] = hg_lesion_words_get(f->kinds[i])->noun;
        set_choice(q, nouns, n + 1, f->lesion == HG_SEEN_YES ? k->noun : none, rng);
    } else if (t == CHOICE_SIDE) {
        set_choice(q, sides, 2, f->side, rng);
    } else if (t == CHOICE_MODALITY) {
        set_choice(q, modalities, 5, f->modality, rng);
    } else if (t == CHOICE_PART) {
        set_choice(q, parts, 5, f->part, rng);
    } else if (t == CHOICE_PLANE) {
        set_choice(q, planes, 3, f->plane, rng);
    } else {
        set_choice(q, sequences, 3, f->sequence, rng);
    }
}

static const char *choose_wording(const char *const *wordings, bool held_out, hg_rng *rng)
{
    int n = 0;
    while (n < HG_WORDINGS_MAX && wordings[n] != NULL)
        n++;
    return held_out ? wordings[n - 1] : wordings[hg_phantom_pick(rng, n - 1)];
}

static void ask_one(hg_phantom_question *q, hg_phantom_topic t, const hg_phantom_facts *f, hg_rng *rng)
{
    const hg_topic_row *row = hg_topic_row_get(t);
    const char *wording = choose_wording(row->wordings, q->held_out, rng);
    q->type = row->type;
    q->topic = row->name;
    if (row->type == HG_ANSWER_CLOSED) {
        ask_closed(q, t, wording, f, rng);
    } else if (row->type == HG_ANSWER_CHOICE) {
        ask_choice(q, t, wording, f, rng);
    } else {
        text_words w = {.kind = hg_lesion_words_get(f->kind)->noun, .counted = f->counted};
        fill(q->text, sizeof q->text, wording, &w);
        answer_open(q, t, f);
    }
}

static void ask_caption(hg_phantom_question *q, const hg_phantom_facts *facts, hg_rng *rng)
{
    q->type = HG_ANSWER_CAPTION;
    q->topic = "caption";
    snprintf(q->text, sizeof q->text, "%s", choose_wording(hg_caption_requests(), q->held_out, rng));
    hg_phantom_caption(q->answer, sizeof q->answer, facts, rng);
}

/* Up to `n` questions of different topics of [first, last). */
static int ask_some(hg_phantom_question *out, int n, hg_phantom_topic first, hg_phantom_topic last,
                    const hg_phantom_facts *facts, bool held_out, hg_rng *rng)
{
    hg_phantom_topic list[TOPIC_COUNT];
    int n_list = 0, made = 0;
    for (int t = (int)first; t < (int)last; t++) {
        if (allowed((hg_phantom_topic)t, facts))
            list[n_list++] = (hg_phantom_topic)t;
    }
    for (; made < n && n_list > 0; made++) {
        int at = hg_phantom_pick(rng, n_list);
        out[made] = (hg_phantom_question){.held_out = held_out && hg_phantom_chance(rng, 0.5f)};
        ask_one(&out[made], list[at], facts, rng);
        list[at] = list[--n_list];
    }
    return made;
}

int hg_phantom_ask(hg_phantom_question *out, int n, const hg_phantom_facts *facts, bool held_out, hg_rng *rng)
{
    if (n < 1)
        return 0;
    out[0] = (hg_phantom_question){.held_out = held_out && hg_phantom_chance(rng, 0.5f)};
    ask_caption(&out[0], facts, rng);
    return 1 + ask_some(out + 1, n - 1, TOPIC_ORGANS, TOPIC_COUNT, facts, held_out, rng);
}

int hg_phantom_talk(hg_phantom_question *out, int n, const hg_phantom_facts *facts, hg_rng *rng)
{
    int made = 1;
    out[0] = (hg_phantom_question){.held_out = false};
    ask_caption(&out[0], facts, rng);
    if (facts->organs_known && made < n) { /* no caption says them, so without it none could be asked for */
        out[made] = (hg_phantom_question){.held_out = false};
        ask_one(&out[made++], TOPIC_ORGANS, facts, rng);
    }
    return made + ask_some(out + made, n - made, TOPIC_MODALITY, TOPIC_COUNT, facts, false, rng);
}

int hg_phantom_choose(hg_phantom_question *out, int n, const hg_phantom_facts *facts, hg_rng *rng)
{
    int made = 1, more = 1;
    out[0] = (hg_phantom_question){.held_out = false};
    ask_caption(&out[0], facts, rng);
    for (; made < n && more > 0; made += more)
        more = ask_some(out + made, n - made, CHOICE_MODALITY, TOPIC_COUNT, facts, false, rng);
    return made;
}
