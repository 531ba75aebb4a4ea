/* SPDX-License-Identifier: Apache-2.0
 *
 * answer_score.c: answers are cut into words first; all comparing is done on those.
 */
#include "eval/answer_score.h"

#include <string.h>

/* Not of the C library: its answers depend on the locale. */
static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_word(char c)
{
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || (unsigned char)c >= 0x80;
}

/* Whether the byte at `i` belongs to a word: "1.5" and "-3" are words, "3-5" is two. */
static bool in_word(const char *text, size_t i)
{
    char before = i > 0 ? text[i - 1] : ' ', c = text[i];
    if (c == '.')
        return is_digit(before) && is_digit(text[i + 1]);
    if (c == '-')
        return !is_word(before) && is_digit(text[i + 1]);
    return c != 0 && is_word(c);
}

static bool is_article(const char *word, size_t n)
{
    return (n == 1 && word[0] == 'a') || (n == 2 && memcmp(word, "an", 2) == 0) ||
           (n == 3 && memcmp(word, "the", 3) == 0);
}

static void normalise(char out[HG_ANSWER_BYTES], const char *text, size_t bytes, bool articles)
{
    size_t size = 0, i = 0;
    while (true) {
        while (i < bytes && text[i] != 0 && !in_word(text, i))
            i++;
        size_t begin = i;
        while (i < bytes && in_word(text, i))
            i++;
        size_t n = i - begin;
        if (n == 0 || size + n + 2 > HG_ANSWER_BYTES)
            break;
        char *word = out + size + (size > 0);
        for (size_t k = 0; k < n; k++)
            word[k] = lower(text[begin + k]);
        if (!articles && is_article(word, n))
            continue;
        if (size > 0)
            out[size++] = ' ';
        size += n;
    }
    out[size] = 0;
}

void hg_answer_normalise(char out[HG_ANSWER_BYTES], const char *text)
{
    normalise(out, text, strlen(text), false);
    if (out[0] == 0) /* "A" is an answer to some questions */
        normalise(out, text, strlen(text), true);
}

char hg_answer_yes_no(const char *text)
{
    char words[HG_ANSWER_BYTES];
    normalise(words, text, strlen(text), true);
    size_t n = strcspn(words, " ");
    if (n == 3 && memcmp(words, "yes", 3) == 0)
        return 'y';
    return n == 2 && memcmp(words, "no", 2) == 0 ? 'n' : 0;
}

/* ---- options ---- */

const char *hg_answer_option_text(const char *question, char letter, size_t *n)
{
    char next = 'A'; /* options come in order: what else begins with a letter and a point is none */
    for (const char *line = question; *line != 0;) {
        size_t length = strcspn(line, "\n");
        if (length > 3 && line[0] == next && (line[1] == '.' || line[1] == ')') && line[2] == ' ') {
            *n = length - 3;
            if (next == letter)
                return line + 3;
            if (next++ == 'Z')
                return NULL;
        }
        line += length + (line[length] != 0);
    }
    return NULL;
}

/* The option whose text is `words`, else 0. */
static char option_of_text(const char *question, const char *words)
{
    char option[HG_ANSWER_BYTES];
    const char *text;
    size_t n;
    for (char letter = 'A'; (text = hg_answer_option_text(question, letter, &n)) != NULL; letter++) {
        normalise(option, text, n, false);
        if (option[0] != 0 && strcmp(option, words) == 0)
            return letter;
    }
    return 0;
}

char hg_answer_option(const char *question, const char *answer)
{
    char words[HG_ANSWER_BYTES];
    size_t n;
    const char *at = answer + strspn(answer, " \t\r\n(\"'*");
    char letter = (char)(lower(*at) - 'a' + 'A');
    hg_answer_normalise(words, answer);
    char by_text = option_of_text(question, words);
    if (*at == 0 || hg_answer_option_text(question, letter, &n) == NULL)
        return by_text;
    const char *rest = at + 1 + strspn(at + 1, " \t\r\n");
    if (*rest == 0 || strchr(".:)\"'*,", at[1]) != NULL)
        return letter;
    if (at[1] != ' ')
        return by_text; /* a word that begins with the letter */
    hg_answer_normalise(words, rest);
    return option_of_text(question, words) == letter ? letter : by_text;
}

/* ---- scores ---- */

hg_answer_kind hg_answer_kind_of(const char *question, const char *truth)
{
    if (hg_answer_option(question, truth) != 0)
        return HG_ANSWER_KIND_CHOICE;
    char words[HG_ANSWER_BYTES];
    hg_answer_normalise(words, truth);
    return strcmp(words, "yes") == 0 || strcmp(words, "no") == 0 ? HG_ANSWER_KIND_YES_NO
                                                                 : HG_ANSWER_KIND_OPEN;
}

static size_t count_words(const char *words)
{
    size_t n = words[0] != 0;
    for (; *words != 0; words++)
        n += *words == ' ';
    return n;
}

/* How many words of `truth` the answer has; a word of the answer is used up (made blank) by the one that it
 * is found for. */
static size_t count_common(const char *truth, char *answer)
{
    size_t common = 0;
    while (*truth != 0) {
        size_t n = strcspn(truth, " ");
        for (char *at = answer; *at != 0;) {
            size_t m = strcspn(at, " ");
            if (m == n && memcmp(at, truth, n) == 0) {
                memset(at, '\x01', m); /* in no word */
                common++;
                break;
            }
            at += m + (at[m] != 0);
        }
        truth += n + (truth[n] != 0);
    }
    return common;
}

hg_answer_score hg_answer_score_get(const char *question, const char *truth, const char *answer)
{
    char t[HG_ANSWER_BYTES], a[HG_ANSWER_BYTES];
    hg_answer_score s = {.kind = hg_answer_kind_of(question, truth)};
    hg_answer_normalise(t, truth);
    hg_answer_normalise(a, answer);
    s.correct = strcmp(t, a) == 0;
    size_t n_truth = count_words(t), n_answer = count_words(a), common = count_common(t, a);
    s.recall = n_truth > 0 ? (double)common / (double)n_truth : n_answer == 0;
    s.f1 = n_truth + n_answer > 0 ? 2.0 * (double)common / (double)(n_truth + n_answer) : 1;
    if (s.kind == HG_ANSWER_KIND_YES_NO) {
        s.read = hg_answer_yes_no(answer);
        s.correct = s.read != 0 && s.read == hg_answer_yes_no(truth);
    } else if (s.kind == HG_ANSWER_KIND_CHOICE) {
        s.read = hg_answer_option(question, answer);
        s.correct = s.read != 0 && s.read == hg_answer_option(question, truth);
    }
    return s;
}
