/* SPDX-License-Identifier: Apache-2.0
 *
 * record_value.h: whether a value from an untrusted file may be repeated in a new one: the rules of PS3.5 for
 * the representations that hg_record_table has.
 */
#ifndef HG_IMAGE_RECORD_VALUE_H
#define HG_IMAGE_RECORD_VALUE_H

#include <stdbool.h>
#include <stddef.h>

/* What bytes of 0x80 and above mean. */
typedef enum hg_charset {
    HG_CHARSET_ASCII,  /* nothing: the file names no character set, or one that is not known */
    HG_CHARSET_SINGLE, /* a character each */
    HG_CHARSET_UTF8,
    HG_CHARSET_MULTI /* GB18030, GBK, or escape sequences of ISO 2022: not looked into */
} hg_charset;

/* The kind of a value of SpecificCharacterSet, which becomes "" when it is not known. */
hg_charset hg_charset_find(char *terms);

/* Whether `text`, without outer blanks, is a legal value of `vr` ("PN", "LO", ...). `many`: values may be
 * separated by backslashes. Characters that the text may not have (controls, bytes that mean nothing) are
 * first replaced by '?'. */
bool hg_record_value_check(char *text, const char *vr, bool many, hg_charset charset);

/* Text of several lines in UTF-8: replaces what it may not have by '?'. */
void hg_record_text_clean(char *text);

#endif
