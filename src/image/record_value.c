/* SPDX-License-Identifier: Apache-2.0
 *
 * record_value.c: one function for each family of representations. Lengths count characters, as PS3.5 does;
 * where bytes are not looked into, four bytes a character are allowed.
 */
#include "image/record_value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

hg_charset hg_charset_find(char *terms)
{
    static const char *const single[] = {"ISO_IR 100", "ISO_IR 101", "ISO_IR 109", "ISO_IR 110",
                                         "ISO_IR 144", "ISO_IR 127", "ISO_IR 126", "ISO_IR 138",
                                         "ISO_IR 148", "ISO_IR 203", "ISO_IR 13",  "ISO_IR 166"};
    if (strcmp(terms, "ISO_IR 192") == 0)
        return HG_CHARSET_UTF8;
    if (strcmp(terms, "GB18030") == 0 || strcmp(terms, "GBK") == 0)
        return HG_CHARSET_MULTI;
    for (size_t i = 0; i < sizeof single / sizeof single[0]; i++) {
        if (strcmp(terms, single[i]) == 0)
            return HG_CHARSET_SINGLE;
    }
    /* With code extensions there are several terms, the first of which may be empty; all are "ISO 2022 IR N".
     */
    const char *p = *terms == '\\' ? terms + 1 : terms;
    size_t n_terms = 0;
    while (strncmp(p, "ISO 2022 IR ", 12) == 0 && n_terms < 8) {
        n_terms++;
        p += 12 + strspn(p + 12, "0123456789");
        if (*p == 0)
            return HG_CHARSET_MULTI;
        if (*p != '\\')
            break;
        p++;
    }
    *terms = 0;
    return HG_CHARSET_ASCII;
}

/* Bytes of the UTF-8 sequence at `p`; 0 when it is none. */
static size_t value_utf8(const unsigned char *p)
{
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    bool bad = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
               (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f);
    return bad ? 0 : n;
}

/* Replaces what text may not have; returns the number of characters. */
static size_t value_clean(char *text, bool lines, hg_charset charset)
{
    size_t n_chars = 0;
    unsigned char *p = (unsigned char *)text;
    while (*p != 0) {
        size_t n = charset == HG_CHARSET_UTF8 ? value_utf8(p) : 1;
        bool control = *p < 0x20 || *p == 0x7f || (n == 2 && p[0] == 0xc2 && p[1] < 0xa0);
        if (lines && (*p == '\n' || *p == '\r' || *p == '\t' || *p == '\f'))
            control = false;
        if (charset == HG_CHARSET_MULTI && *p == 0x1b)
            control = false;
        bool bad = n == 0 || control || (charset == HG_CHARSET_ASCII && *p >= 0x80) ||
                   (charset == HG_CHARSET_SINGLE && *p >= 0x80 && *p < 0xa0);
        if (bad)
            memset(p, '?', n > 1 ? n : 1);
        p += n > 1 ? n : 1;
        n_chars++;
    }
    return n_chars;
}

static bool value_text_fits(char *text, size_t max, bool lines, hg_charset charset)
{
    size_t n = value_clean(text, lines, charset);
    return n <= (charset == HG_CHARSET_MULTI ? 4 * max : max);
}

/* Up to three groups of components, each of at most 64 characters. */
static bool value_name_fits(char *text, hg_charset charset)
{
    if (charset == HG_CHARSET_MULTI)
        return value_text_fits(text, 3 * 64, false, charset);
    int n_groups = 0;
    bool good = true;
    for (char *group = text; good && group != NULL; n_groups++) {
        char *end = strchr(group, '=');
        if (end != NULL)
            *end = 0;
        size_t n_components = 1;
        for (const char *p = group; *p != 0; p++)
            n_components += *p == '^';
        good = n_components <= 5 && value_text_fits(group, 64, false, charset);
        if (end != NULL)
            *end = '=';
        group = end != NULL ? end + 1 : NULL;
    }
    return good && n_groups <= 3;
}

static bool value_is_uid(const char *text)
{
    size_t n = strlen(text);
    if (n < 1 || n > 64)
        return false;
    for (size_t i = 0; i < n; i++) {
        bool begins = i == 0 || text[i - 1] == '.';
        bool ends = i + 1 == n || text[i + 1] == '.';
        if (text[i] == '.' ? begins || i + 1 == n : text[i] < '0' || text[i] > '9')
            return false;
        if (text[i] == '0' && begins && !ends)
            return false;
    }
    return true;
}

/* The number of `n` digits at `p`; -1 when there are none. */
static int value_digits(const char *p, size_t n)
{
    int value = 0;
    for (size_t i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return -1;
        value = 10 * value + (p[i] - '0');
    }
    return value;
}

static bool value_is_date(const char *text)
{
    if (strlen(text) != 8 || value_digits(text, 4) < 0)
        return false;
    int month = value_digits(text + 4, 2), day = value_digits(text + 6, 2);
    return month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

/* HH, HHMM, HHMMSS or HHMMSS.F to six F. */
static bool value_is_time(const char *text)
{
    static const int last[3] = {23, 59, 60};
    size_t n = strcspn(text, ".");
    if (n < 2 || n > 6 || n % 2 != 0)
        return false;
    for (size_t i = 0; i < n / 2; i++) {
        int value = value_digits(text + 2 * i, 2);
        if (value < 0 || value > last[i])
            return false;
    }
    size_t n_fraction = strlen(text + n);
    return n_fraction == 0 || (n == 6 && n_fraction >= 2 && n_fraction <= 7 &&
                               strspn(text + n + 1, "0123456789") == n_fraction - 1);
}

static bool value_is_code(const char *text)
{
    size_t n = strlen(text);
    return n <= 16 && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _") == n;
}

static bool value_is_number(const char *text, size_t max, const char *letters)
{
    size_t n = strlen(text);
    char *end;
    if (n < 1 || n > max || strspn(text, letters) != n)
        return false;
    double value = strtod(text, &end);
    return *end == 0 && isfinite(value);
}

static bool value_is_age(const char *text)
{
    return strlen(text) == 4 && value_digits(text, 3) >= 0 && strchr("DWMY", text[3]) != NULL;
}

static bool value_check_one(char *text, const char *vr, hg_charset charset)
{
    if (strcmp(vr, "PN") == 0)
        return value_name_fits(text, charset);
    if (strcmp(vr, "LO") == 0)
        return value_text_fits(text, 64, false, charset);
    if (strcmp(vr, "SH") == 0)
        return value_text_fits(text, 16, false, charset);
    if (strcmp(vr, "ST") == 0)
        return value_text_fits(text, 1024, true, charset);
    if (strcmp(vr, "LT") == 0)
        return value_text_fits(text, 10240, true, charset);
    if (strcmp(vr, "UI") == 0)
        return value_is_uid(text);
    if (strcmp(vr, "DA") == 0)
        return value_is_date(text);
    if (strcmp(vr, "TM") == 0)
        return value_is_time(text);
    if (strcmp(vr, "CS") == 0)
        return value_is_code(text);
    if (strcmp(vr, "AS") == 0)
        return value_is_age(text);
    if (strcmp(vr, "IS") == 0)
        return value_is_number(text, 12, "+-0123456789");
    return strcmp(vr, "DS") == 0 && value_is_number(text, 16, "+-0123456789.eE");
}

bool hg_record_value_check(char *text, const char *vr, bool many, hg_charset charset)
{
    bool long_text = strcmp(vr, "ST") == 0 || strcmp(vr, "LT") == 0;
    bool text_value = strcmp(vr, "PN") == 0 || strcmp(vr, "LO") == 0 || strcmp(vr, "SH") == 0;
    /* In character sets of several bytes a backslash may be half of a character. */
    if (long_text || (text_value && charset == HG_CHARSET_MULTI))
        return value_check_one(text, vr, charset);
    bool good = many || strchr(text, '\\') == NULL;
    for (char *one = text; good && one != NULL;) {
        char *end = strchr(one, '\\');
        if (end != NULL)
            *end = 0;
        good = value_check_one(one, vr, charset);
        if (end != NULL)
            *end = '\\';
        one = end != NULL ? end + 1 : NULL;
    }
    return good;
}

void hg_record_text_clean(char *text)
{
    value_clean(text, true, HG_CHARSET_UTF8);
}
