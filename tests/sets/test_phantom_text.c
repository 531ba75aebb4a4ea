/* SPDX-License-Identifier: Apache-2.0
 *
 * test_phantom_text.c: questions have the right answers, options and wordings; a lesion that is not certain
 * is never spoken of; yes and no are near balance.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "data/phantom_text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const hg_lesion_kind kinds[] = {HG_LESION_TUMOUR, HG_LESION_INFARCT, HG_LESION_CYST,
                                       HG_LESION_HAEMORRHAGE, HG_LESION_NONE};

static hg_phantom_facts head_facts(hg_seen lesion)
{
    hg_phantom_facts f = {.modality = "MRI",
                          .sequence = "T2-weighted",
                          .part = "head",
                          .plane = "coronal",
                          .contrast = HG_CONTRAST_T2,
                          .has_contrast = true,
                          .kinds = kinds,
                          .lesion = lesion,
                          .kind = HG_LESION_TUMOUR,
                          .organ = "frontal lobe",
                          .side = "left",
                          .size_mm = 31,
                          .organs_known = true,
                          .count = -1};
    f.organs[HG_ORGAN_EYES] = HG_SEEN_YES;
    f.organs[HG_ORGAN_CEREBRUM] = HG_SEEN_UNSURE;
    return f;
}

static bool contains(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

/* The answer of one question about head_facts. */
static void check_answer(const hg_phantom_question *q)
{
    assert_false(q->held_out);
    assert_false(contains(q->text, "{"));
    assert_true(q->answer[0] != 0);
    bool is_yes = strcmp(q->answer, "Yes") == 0;
    if (q->type == HG_ANSWER_CLOSED && strcmp(q->topic, "side") == 0)
        assert_true(is_yes == contains(q->text, "left"));
    if (q->type == HG_ANSWER_CLOSED && strcmp(q->topic, "presence") == 0)
        assert_true(is_yes == contains(q->text, "tumour"));
    if (q->type == HG_ANSWER_CLOSED && strcmp(q->topic, "modality") == 0)
        assert_true(is_yes == contains(q->text, "MRI"));
    if (q->type == HG_ANSWER_CLOSED && strcmp(q->topic, "organ") == 0) {
        assert_true(is_yes == contains(q->text, "eyes"));
        assert_false(contains(q->text, "cerebrum"));
    }
    if (strcmp(q->topic, "organs") == 0)
        assert_string_equal(q->answer, "Eyes"); /* nothing that is unsure or absent */
    if (q->type == HG_ANSWER_CHOICE) {
        /* The answer is the text of the right option. */
        const char *right = strcmp(q->topic, "modality") == 0   ? "MRI"
                            : strcmp(q->topic, "part") == 0     ? "head"
                            : strcmp(q->topic, "plane") == 0    ? "coronal"
                            : strcmp(q->topic, "sequence") == 0 ? "T2-weighted"
                            : strcmp(q->topic, "side") == 0     ? "left"
                                                                : "tumour";
        char option[64];
        snprintf(option, sizeof option, ". %s\n", right);
        assert_true(contains(q->text, option));
        assert_int_equal(strcasecmp(q->answer, right), 0);
    }
}

static void test_visible(void **state)
{
    hg_phantom_facts f = head_facts(HG_SEEN_YES);
    int yes = 0, closed = 0, organs = 0;
    hg_rng rng;
    (void)state;
    hg_rng_init(&rng, 1);
    for (int round = 0; round < 400; round++) {
        hg_phantom_question q[HG_PHANTOM_MAX_QUESTIONS];
        int n = hg_phantom_ask(q, HG_PHANTOM_MAX_QUESTIONS, &f, false, &rng);
        assert_true(n > 10);
        assert_true(q[0].type == HG_ANSWER_CAPTION &&
                    contains(q[0].answer, "tumour in the left frontal lobe") &&
                    contains(q[0].answer, "31 mm") && contains(q[0].answer, "T2-weighted MRI") &&
                    contains(q[0].answer, "bright"));
        for (int i = 1; i < n; i++) {
            check_answer(&q[i]);
            closed += q[i].type == HG_ANSWER_CLOSED;
            yes += strcmp(q[i].answer, "Yes") == 0;
            organs += strcmp(q[i].topic, "organs") == 0;
        }
    }
    assert_true(organs > 200 && organs <= 400); /* once a picture at most */
    assert_true(yes > 0.4 * closed && yes < 0.8 * closed);
}

/* A conversation begins with all that its questions ask for. */
static void test_talk(void **state)
{
    hg_phantom_facts f = head_facts(HG_SEEN_YES);
    hg_rng rng;
    int choices = 0;
    (void)state;
    hg_rng_init(&rng, 5);
    for (int round = 0; round < 200; round++) {
        hg_phantom_question q[HG_PHANTOM_MAX_QUESTIONS];
        int n = hg_phantom_talk(q, 9, &f, &rng);
        assert_int_equal(n, 9);
        assert_int_equal(q[0].type, HG_ANSWER_CAPTION);
        assert_true(contains(q[0].answer, "tumour in the left frontal lobe"));
        assert_string_equal(q[1].topic, "organs");
        assert_string_equal(q[1].answer, "Eyes");
        for (int i = 2; i < n; i++) {
            check_answer(&q[i]);
            assert_string_not_equal(q[i].topic, "organs");
            choices += q[i].type == HG_ANSWER_CHOICE;
        }
    }
    assert_true(choices > 200);
    for (int round = 0; round < 200; round++) {
        hg_phantom_question q[HG_PHANTOM_MAX_QUESTIONS];
        assert_int_equal(hg_phantom_choose(q, 9, &f, &rng), 9); /* six topics, some of them twice */
        assert_int_equal(q[0].type, HG_ANSWER_CAPTION);
        for (int i = 1; i < 9; i++) {
            assert_int_equal(q[i].type, HG_ANSWER_CHOICE);
            check_answer(&q[i]);
        }
    }
    f.organs_known = false;
    assert_int_equal(hg_phantom_talk((hg_phantom_question[1]){{.text = ""}}, 1, &f, &rng), 1);
}

static void test_not_certain(void **state)
{
    hg_phantom_facts f = head_facts(HG_SEEN_UNSURE);
    hg_rng rng;
    (void)state;
    hg_rng_init(&rng, 2);
    for (int round = 0; round < 200; round++) {
        hg_phantom_question q[HG_PHANTOM_MAX_QUESTIONS];
        int n = hg_phantom_ask(q, HG_PHANTOM_MAX_QUESTIONS, &f, false, &rng);
        for (int i = 0; i < n; i++) {
            assert_false(contains(q[i].text, "tumour") || contains(q[i].answer, "tumour"));
            assert_false(contains(q[i].answer, "bnormal"));
            assert_string_not_equal(q[i].topic, "abnormality");
        }
    }
}

static void test_absent(void **state)
{
    hg_phantom_facts f = head_facts(HG_SEEN_NO);
    hg_rng rng;
    (void)state;
    hg_rng_init(&rng, 3);
    for (int round = 0; round < 200; round++) {
        hg_phantom_question q[HG_PHANTOM_MAX_QUESTIONS];
        int n = hg_phantom_ask(q, HG_PHANTOM_MAX_QUESTIONS, &f, false, &rng);
        assert_true(contains(q[0].answer, "No abnormality"));
        for (int i = 1; i < n; i++) {
            bool about = strcmp(q[i].topic, "presence") == 0 || strcmp(q[i].topic, "abnormality") == 0;
            if (about && q[i].type == HG_ANSWER_CLOSED)
                assert_string_equal(q[i].answer, "No");
            assert_string_not_equal(q[i].topic, "side");
            assert_string_not_equal(q[i].topic, "size");
        }
    }
}

/* Of a picture of nothing everything is denied, and no option is offered. */
static void test_blank(void **state)
{
    hg_phantom_facts f = {.modality = "none",
                          .part = "none",
                          .kinds = kinds,
                          .lesion = HG_SEEN_NO,
                          .blank = true,
                          .organs_known = true,
                          .count = -1};
    hg_rng rng;
    int closed = 0;
    (void)state;
    hg_rng_init(&rng, 6);
    for (int round = 0; round < 200; round++) {
        hg_phantom_question q[HG_PHANTOM_MAX_QUESTIONS];
        int n = hg_phantom_ask(q, HG_PHANTOM_MAX_QUESTIONS, &f, false, &rng);
        for (int i = 1; i < n; i++) {
            assert_int_not_equal(q[i].type, HG_ANSWER_CHOICE);
            assert_string_not_equal(q[i].topic, "organs");
            closed += q[i].type == HG_ANSWER_CLOSED;
            if (q[i].type == HG_ANSWER_CLOSED)
                assert_string_equal(q[i].answer, "No");
            else
                assert_true(strcmp(q[i].answer, "None") == 0 || contains(q[i].answer, "No abnormality"));
        }
    }
    assert_int_equal(closed, 200 * 4);
}

/* The list of organs: all of them fit, none is said in a word, and unknown ones are not asked for. */
static void test_organs(void **state)
{
    hg_phantom_facts f = head_facts(HG_SEEN_NO);
    hg_phantom_question q[2];
    hg_rng rng;
    (void)state;
    hg_rng_init(&rng, 7);
    for (int i = 1; i < HG_ORGAN_COUNT; i++)
        f.organs[i] = HG_SEEN_YES;
    assert_int_equal(hg_phantom_talk(q, 2, &f, &rng), 2);
    assert_true(contains(q[1].answer, "Lateral ventricles, eyes, cerebellum, "));
    assert_string_equal(q[1].answer + strlen(q[1].answer) - strlen(", prostate, uterus"),
                        ", prostate, uterus");
    for (int i = 1; i < HG_ORGAN_COUNT; i++)
        f.organs[i] = HG_SEEN_NO;
    assert_int_equal(hg_phantom_talk(q, 2, &f, &rng), 2);
    assert_string_equal(q[1].answer, "None");
    for (int i = 1; i < HG_ORGAN_COUNT; i++)
        f.organs[i] = HG_SEEN_UNSURE;
    for (int round = 0; round < 50; round++) {
        hg_phantom_question all[HG_PHANTOM_MAX_QUESTIONS];
        int n = hg_phantom_ask(all, HG_PHANTOM_MAX_QUESTIONS, &f, false, &rng);
        for (int i = 0; i < n; i++)
            assert_true(strncmp(all[i].topic, "organ", 5) != 0);
    }
}

/* What the test split may say, and only it: no text of the one kind is a text of the other. */
static void test_held_out(void **state)
{
    hg_phantom_facts f = head_facts(HG_SEEN_YES);
    hg_rng rng;
    int held = 0, all = 0;
    static char usual[4000][120];
    int n_usual = 0;
    (void)state;
    hg_rng_init(&rng, 4);
    for (int round = 0; round < 200; round++) {
        hg_phantom_question q[HG_PHANTOM_MAX_QUESTIONS];
        int n = hg_phantom_ask(q, HG_PHANTOM_MAX_QUESTIONS, &f, false, &rng);
        for (int i = 0; i < n && n_usual < 4000; i++)
            snprintf(usual[n_usual++], sizeof *usual, "%.*s", (int)strcspn(q[i].text, "\n"), q[i].text);
    }
    for (int round = 0; round < 100; round++) {
        hg_phantom_question q[HG_PHANTOM_MAX_QUESTIONS];
        int n = hg_phantom_ask(q, HG_PHANTOM_MAX_QUESTIONS, &f, true, &rng);
        for (int i = 0; i < n; i++) {
            all++;
            held += q[i].held_out;
            char text[120];
            snprintf(text, sizeof text, "%.*s", (int)strcspn(q[i].text, "\n"), q[i].text);
            for (int j = 0; j < n_usual && q[i].held_out; j++)
                assert_string_not_equal(text, usual[j]);
        }
    }
    assert_true(held > 0.4 * all && held < 0.6 * all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_visible),     cmocka_unit_test(test_talk),
                                       cmocka_unit_test(test_not_certain), cmocka_unit_test(test_absent),
                                       cmocka_unit_test(test_blank),       cmocka_unit_test(test_organs),
                                       cmocka_unit_test(test_held_out)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
