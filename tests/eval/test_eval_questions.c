/* SPDX-License-Identifier: Apache-2.0
 *
 * test_eval_questions.c: records written by hand, counted by hand; drawings, too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "eval/eval_run.h"

#include <math.h>
#include <string.h>

#define Q(type, kind, wording, question, truth, read, correct)                                               \
    "{\"task\":\"comprehension\",\"answer_type\":\"" type "\",\"question_type\":\"" kind                     \
    "\",\"wording\":\"" wording "\",\"question\":\"" question "\",\"truth\":\"" truth "\",\"read\":\"" read  \
    "\",\"scores\":{\"correct\":" correct ",\"recall\":0.5,\"f1\":0.25}}"
#define PARTS "Which?\\nA. head\\nB. chest"
#define PARTS_TURNED "Which?\\nA. chest\\nB. head"

static const json_t *find(const json_t *list, const char *key, const char *name)
{
    json_t *group;
    size_t i;
    json_array_foreach(list, i, group)
    {
        if (strcmp(json_string_value(json_object_get(group, key)), name) == 0)
            return group;
    }
    fail_msg("no group %s", name);
    return NULL;
}

static void expect(const json_t *object, const char *key, double value)
{
    const json_t *got = json_object_get(object, key);
    if (!json_is_number(got) || fabs(json_number_value(got) - value) > 1e-9)
        fail_msg("%s is %.9g, expected %.9g", key, json_number_value(got), value);
}

static void test_questions(void **state)
{
    (void)state;
    json_t *records = json_loads(
        "[" Q("CLOSED", "abnormality", "usual", "Is it?", "No", "y", "false") "," Q(
            "CLOSED", "abnormality", "held-out", "Is it?", "No", "n",
            "true") "," Q("CLOSED", "presence", "usual", "Is it?", "No", "",
                          "false") "," Q("CLOSED", "presence", "usual", "Is it?", "Yes", "y",
                                         "true") "," Q("CLOSED", "side", "usual", "Is it?", "No", "y",
                                                       "false") "," Q("CHOICE", "part", "usual", PARTS, "A",
                                                                      "A",
                                                                      "true") "," Q("CHOICE", "part", "usual",
                                                                                    PARTS_TURNED, "B", "A",
                                                                                    "false") "," Q("OPEN",
                                                                                                   "part",
                                                                                                   "usual",
                                                                                                   "Which?",
                                                                                                   "Head", "",
                                                                                                   "true") "," Q("CAPTION",
                                                                                                                 "caption",
                                                                                                                 "usual",
                                                                                                                 "Describe.",
                                                                                                                 "Long",
                                                                                                                 "",
                                                                                                                 "false") ","
                                                                                                                          "{\"task\":\"comprehension\",\"answer_type\":\"OPEN\",\"error\":\"no image\"}]",
        0, NULL);
    assert_non_null(records);
    json_t *result = hg_eval_questions(records), *groups = json_object_get(result, "groups");
    expect(result, "n", 9);
    const json_t *all = find(groups, "name", "all but captions");
    expect(all, "n", 8);
    expect(all, "correct", 4);
    expect(all, "accuracy", 0.5);
    expect(all, "recall", 0.5);
    expect(all, "majority", 4.0 / 8); /* "no" of four questions */
    assert_string_equal(json_string_value(json_object_get(all, "majority_answer")), "no");
    /* No twice to abnormality; either of presence; side; head of both choices, in whichever place; open. */
    expect(all, "majority_by_type", (2 + 1 + 1 + 2 + 1) / 8.0);
    expect(find(groups, "name", "CLOSED and CHOICE"), "accuracy", 3.0 / 7);
    expect(find(groups, "name", "CLOSED and CHOICE, held-out"), "n", 1);
    const json_t *part = find(groups, "name", "part");
    expect(part, "n", 3);
    expect(part, "majority", 1); /* "head" is the option and the open answer */
    expect(find(groups, "name", "CAPTION"), "n", 1);
    const json_t *invented = json_object_get(result, "invented_lesions");
    expect(json_object_get(invented, "all"), "n", 3);
    expect(json_object_get(invented, "all"), "answered_yes", 1);
    expect(json_object_get(invented, "all"), "unread", 1);
    expect(json_object_get(invented, "abnormality"), "rate", 0.5);
    expect(json_object_get(invented, "presence"), "rate", 0);
    json_decref(result);
    json_decref(records);
}

static void test_drawings(void **state)
{
    (void)state;
    json_t *records = json_loads(
        "[{\"task\":\"ct-to-mri\",\"part\":\"head\",\"resized\":true,\"scores\":{\"drawn\":{\"ssim\":0.5,"
        "\"psnr\":20,\"mae\":4},\"input\":{\"ssim\":0.3,\"psnr\":10,\"mae\":8},\"ceiling\":{\"ssim\":0.8,"
        "\"psnr\":null,\"mae\":0}}},"
        "{\"task\":\"ct-to-mri\",\"part\":\"chest\",\"resized\":false,\"scores\":{\"drawn\":{\"ssim\":0.7,"
        "\"psnr\":30,\"mae\":2},\"input\":{\"ssim\":0.3,\"psnr\":10,\"mae\":8},\"ceiling\":{\"ssim\":0.9,"
        "\"psnr\":40,\"mae\":1}}},"
        "{\"task\":\"ct-to-mri\",\"part\":\"chest\",\"error\":\"no image\"}]",
        0, NULL);
    assert_non_null(records);
    json_t *result = hg_eval_drawings(records), *groups = json_object_get(result, "groups");
    expect(result, "n", 2);
    assert_int_equal(json_array_size(groups), 3);
    const json_t *all = find(groups, "part", ""), *drawn = json_object_get(all, "drawn");
    expect(all, "n", 2);
    expect(all, "resized", 1);
    expect(json_object_get(drawn, "ssim"), "mean", 0.6);
    expect(json_object_get(drawn, "mae"), "mean", 3);
    expect(json_object_get(all, "ssim_above_input"), "mean", 0.3);
    expect(json_object_get(all, "ssim_below_ceiling"), "mean", 0.25);
    expect(json_object_get(json_object_get(all, "ceiling"), "psnr"), "n", 1); /* infinite is in no mean */
    const json_t *head = find(groups, "part", "head");
    expect(json_object_get(json_object_get(head, "drawn"), "psnr"), "mean", 20);
    assert_true(
        json_is_null(json_object_get(json_object_get(json_object_get(head, "drawn"), "psnr"), "low")));
    json_decref(result);
    json_decref(records);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_questions), cmocka_unit_test(test_drawings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
