/* SPDX-License-Identifier: Apache-2.0
 *
 * test_answer_score.c: answers scored by hand, the traps of substring matching among them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "eval/answer_score.h"

#include <math.h>
#include <string.h>

#define SIDES "On which side is it?\nA. left\nB. right\nAnswer with the option's letter."
#define FINDINGS "What does it show?\nA. no abnormality\nB. a mass\nC. pleural effusion\nD. nodule"

static void test_yes_no(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        char read;
    } cases[] = {{"Yes", 'y'},
                 {"yes.", 'y'},
                 {"  **Yes**, it does", 'y'},
                 {"Yes, abnormal", 'y'}, /* holds "no" */
                 {"No", 'n'},
                 {"NO!", 'n'},
                 {"No, yes would be wrong", 'n'},
                 {"no-one", 'n'},
                 {"nodule", 0},
                 {"normal", 0},
                 {"Not seen", 0},
                 {"None", 0},
                 {"yesterday", 0},
                 {"a no", 0}, /* the first word counts */
                 {"The answer is yes", 0},
                 {"", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (hg_answer_yes_no(cases[i].answer) != cases[i].read)
            fail_msg("\"%s\"", cases[i].answer);
        hg_answer_score s = hg_answer_score_get("Is it?", "No", cases[i].answer);
        assert_int_equal(s.kind, HG_ANSWER_KIND_YES_NO);
        assert_int_equal(s.correct, cases[i].read == 'n');
    }
    assert_true(hg_answer_score_get("Is it?", "Yes", "Yes, abnormal").correct);
}

static void test_option(void **state)
{
    (void)state;
    static const struct {
        const char *question, *answer;
        char read;
    } cases[] = {{SIDES, "B", 'B'},
                 {SIDES, "b", 'B'},
                 {SIDES, "(B)", 'B'},
                 {SIDES, "B. right", 'B'},
                 {SIDES, "B) right", 'B'},
                 {SIDES, "B: the right side", 'B'},
                 {SIDES, "B right", 'B'},
                 {SIDES, "Right.", 'B'},
                 {SIDES, "the left", 'A'},
                 {SIDES, "bright", 0},
                 {SIDES, "right side", 0},
                 {SIDES, "C", 0},
                 {SIDES, "Answer", 0},
                 {SIDES, "", 0},
                 {FINDINGS, "A mass", 'B'}, /* an article, no letter */
                 {FINDINGS, "A large mass", 0},
                 {FINDINGS, "A nodule", 'D'},
                 {FINDINGS, "A", 'A'},
                 {FINDINGS, "No", 0},
                 {FINDINGS, "No abnormality", 'A'},
                 {FINDINGS, "D nodule", 'D'},
                 {FINDINGS, "D effusion", 0},
                 {"What is it?", "A", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char read = hg_answer_option(cases[i].question, cases[i].answer);
        if (read != cases[i].read)
            fail_msg("\"%s\": %c", cases[i].answer, read == 0 ? '0' : read);
    }
    hg_answer_score s = hg_answer_score_get(SIDES, "right", "B");
    assert_int_equal(s.kind, HG_ANSWER_KIND_CHOICE);
    assert_true(s.correct);
    assert_false(hg_answer_score_get(SIDES, "B", "A").correct);
    assert_false(hg_answer_score_get(SIDES, "B", "").correct);
    size_t n;
    const char *text = hg_answer_option_text(FINDINGS, 'C', &n);
    assert_memory_equal(text, "pleural effusion", n);
    assert_int_equal(n, 16);
    assert_null(hg_answer_option_text(SIDES, 'C', &n)); /* "Answer with ..." is no option */
}

static void test_normalise(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"  The T2-weighted, image!", "t2 weighted image"},
                                           {"A", "a"},
                                           {"an apple a day", "apple day"},
                                           {"1.5 cm.", "1.5 cm"},
                                           {"-3 HU", "-3 hu"},
                                           {"3-5", "3 5"},
                                           {"R\xc3\xb6ntgen", "r\xc3\xb6ntgen"},
                                           {"...", ""},
                                           {"", ""}};
    char out[HG_ANSWER_BYTES];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        hg_answer_normalise(out, cases[i][0]);
        assert_string_equal(out, cases[i][1]);
    }
    static char big[3 * HG_ANSWER_BYTES];
    for (size_t i = 0; i + 1 < sizeof big; i++)
        big[i] = i % 7 == 6 ? ' ' : 'x';
    hg_answer_normalise(out, big);
    assert_in_range(strlen(out), HG_ANSWER_BYTES - 16, HG_ANSWER_BYTES - 1);
    memset(big, 'x', sizeof big - 1);
    hg_answer_normalise(out, big); /* one word that is too long */
    assert_string_equal(out, "");
}

static void near(double a, double b)
{
    if (fabs(a - b) > 1e-12)
        fail_msg("%.17g, expected %.17g", a, b);
}

static void test_open(void **state)
{
    (void)state;
    hg_answer_score s = hg_answer_score_get("Where?", "In the right upper lobe", "right lobe, right lung");
    assert_int_equal(s.kind, HG_ANSWER_KIND_OPEN);
    assert_false(s.correct);
    near(s.recall, 2.0 / 4);       /* right, lobe of: in right upper lobe */
    near(s.f1, 2 * 2.0 / (4 + 4)); /* the second "right" counts for nothing */
    s = hg_answer_score_get("Where?", "The left lung.", "left LUNG");
    assert_true(s.correct);
    near(s.recall, 1);
    near(s.f1, 1);
    s = hg_answer_score_get("Where?", "left lung", "");
    assert_false(s.correct);
    near(s.recall, 0);
    near(s.f1, 0);
    s = hg_answer_score_get("What?", "Yes, there is", "yes"); /* more than yes: compared by words */
    assert_int_equal(s.kind, HG_ANSWER_KIND_OPEN);
    assert_false(s.correct);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_yes_no), cmocka_unit_test(test_option),
                                       cmocka_unit_test(test_normalise), cmocka_unit_test(test_open)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
