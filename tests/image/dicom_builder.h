/* SPDX-License-Identifier: Apache-2.0
 *
 * dicom_builder.h: DICOM files made by tests, element by element: explicit VR, little-endian.
 */
#ifndef HG_TEST_DICOM_BUILDER_H
#define HG_TEST_DICOM_BUILDER_H

#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* One slice of a series. */
typedef struct builder_slice {
    const char *series; /* UID */
    const char *image_type;
    double position[3];
    const char *orientation;
    int instance;
    int width, height;
    double slope, intercept;
    const char *window;   /* "C\\W", or NULL */
    const char *modality; /* NULL: CT */
    bool no_place;
    const double *heights; /* of an enhanced file's frames: `pixels` has those of all, one after the other */
    size_t n_heights;
    bool damaged; /* ends in the middle of an attribute */
} builder_slice;

static inline void builder_u16(hg_buffer *b, unsigned value)
{
    const uint8_t bytes[2] = {(uint8_t)value, (uint8_t)(value >> 8)};
    hg_buffer_push(b, bytes, 2);
}

static inline void builder_bytes(hg_buffer *b, unsigned group, unsigned element, const char *vr,
                                 const void *value, size_t n)
{
    bool wide = strcmp(vr, "OW") == 0 || strcmp(vr, "OB") == 0 || strcmp(vr, "SQ") == 0;
    builder_u16(b, group);
    builder_u16(b, element);
    hg_buffer_push(b, vr, 2);
    if (wide)
        builder_u16(b, 0);
    builder_u16(b, (unsigned)n & 0xffff);
    if (wide)
        builder_u16(b, (unsigned)(n >> 16));
    hg_buffer_push(b, value, n);
}

/* Text, padded to an even length as the type wants it. */
static inline void builder_text(hg_buffer *b, unsigned group, unsigned element, const char *vr,
                                const char *format, ...) HG_PRINTF(5, 6);
static inline void builder_text(hg_buffer *b, unsigned group, unsigned element, const char *vr,
                                const char *format, ...)
{
    char text[300];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text - 1, format, args);
    va_end(args);
    size_t n = strlen(text);
    text[n] = strcmp(vr, "UI") == 0 ? 0 : ' ';
    builder_bytes(b, group, element, vr, text, n + n % 2);
}

static inline void builder_short(hg_buffer *b, unsigned group, unsigned element, unsigned value)
{
    const uint8_t bytes[2] = {(uint8_t)value, (uint8_t)(value >> 8)};
    builder_bytes(b, group, element, "US", bytes, 2);
}

static inline void builder_begin(hg_buffer *b, const char *class_uid)
{
    static const char preamble[132] = {[128] = 'D', 'I', 'C', 'M'};
    hg_buffer_init(b, (size_t)1 << 24);
    hg_buffer_push(b, preamble, sizeof preamble);
    builder_text(b, 0x0002, 0x0002, "UI", "%s", class_uid);
    builder_text(b, 0x0002, 0x0010, "UI", "1.2.840.10008.1.2.1");
}

/* A sequence of n items, each already encoded. */
static inline void builder_sequence(hg_buffer *b, unsigned group, unsigned element, hg_buffer *items,
                                    size_t n)
{
    hg_buffer all;
    hg_buffer_init(&all, (size_t)1 << 20);
    for (size_t i = 0; i < n; i++) {
        builder_u16(&all, 0xfffe);
        builder_u16(&all, 0xe000);
        builder_u16(&all, (unsigned)items[i].size & 0xffff);
        builder_u16(&all, (unsigned)(items[i].size >> 16));
        hg_buffer_push(&all, items[i].data, items[i].size);
        hg_buffer_deinit(&items[i]);
    }
    builder_bytes(b, group, element, "SQ", all.data, all.size);
    hg_buffer_deinit(&all);
}

/* One item with a sequence of one item in it that holds one text: a functional group of one attribute. */
static inline void builder_group(hg_buffer *item, unsigned group, unsigned element, unsigned inner_group,
                                 unsigned inner_element, const char *text)
{
    hg_buffer inner;
    hg_buffer_init(&inner, (size_t)1 << 16);
    builder_text(&inner, inner_group, inner_element, "DS", "%s", text);
    builder_sequence(item, group, element, &inner, 1);
}

/* The functional groups of an enhanced file: orientation and spacing shared, a height of each frame. */
static inline void builder_enhanced(hg_buffer *b, const double *heights, size_t n)
{
    hg_buffer shared, each[16];
    hg_buffer_init(&shared, (size_t)1 << 16);
    builder_group(&shared, 0x0020, 0x9116, 0x0020, 0x0037, "1\\0\\0\\0\\1\\0");
    builder_group(&shared, 0x0028, 0x9110, 0x0028, 0x0030, "0.5\\0.5");
    builder_sequence(b, 0x5200, 0x9229, &shared, 1);
    for (size_t i = 0; i < n && i < 16; i++) {
        char text[40];
        snprintf(text, sizeof text, "0\\0\\%g", heights[i]);
        hg_buffer_init(&each[i], (size_t)1 << 16);
        builder_group(&each[i], 0x0020, 0x9113, 0x0020, 0x0032, text);
    }
    builder_sequence(b, 0x5200, 0x9230, each, n < 16 ? n : 16);
}

/* A DICOMDIR that names these files; parts of a path are parted by backslashes. */
static inline void builder_dicomdir(hg_buffer *b, const char *const *names, size_t n)
{
    hg_buffer items;
    hg_buffer_init(&items, (size_t)1 << 20);
    for (size_t i = 0; i < n; i++) {
        hg_buffer one;
        hg_buffer_init(&one, (size_t)1 << 16);
        builder_text(&one, 0x0004, 0x1430, "CS", "IMAGE");
        builder_text(&one, 0x0004, 0x1500, "CS", "%s", names[i]);
        builder_u16(&items, 0xfffe);
        builder_u16(&items, 0xe000);
        builder_u16(&items, (unsigned)one.size);
        builder_u16(&items, 0);
        hg_buffer_push(&items, one.data, one.size);
        hg_buffer_deinit(&one);
    }
    builder_begin(b, "1.2.840.10008.1.3.10");
    builder_bytes(b, 0x0004, 0x1220, "SQ", items.data, items.size);
    hg_buffer_deinit(&items);
}

/* width * height pixels of 16 bits, unsigned. */
static inline void builder_make(hg_buffer *b, const builder_slice *s, const uint16_t *pixels)
{
    builder_begin(b, "1.2.840.10008.5.1.4.1.1.2");
    builder_text(b, 0x0008, 0x0008, "CS", "%s",
                 s->image_type != NULL ? s->image_type : "ORIGINAL\\PRIMARY\\AXIAL");
    builder_text(b, 0x0008, 0x0016, "UI", "1.2.840.10008.5.1.4.1.1.2");
    builder_text(b, 0x0008, 0x0018, "UI", "%s.%d", s->series, s->instance);
    builder_text(b, 0x0008, 0x0020, "DA", "20260101");
    builder_text(b, 0x0008, 0x0030, "TM", "101010");
    builder_text(b, 0x0008, 0x0050, "SH", "1");
    builder_text(b, 0x0008, 0x0060, "CS", "%s", s->modality != NULL ? s->modality : "CT");
    builder_text(b, 0x0010, 0x0010, "PN", "MADE^UP");
    builder_text(b, 0x0010, 0x0020, "LO", "1");
    builder_text(b, 0x0020, 0x000d, "UI", "1.2.3");
    builder_text(b, 0x0020, 0x000e, "UI", "%s", s->series);
    builder_text(b, 0x0020, 0x0010, "SH", "1");
    builder_text(b, 0x0020, 0x0011, "IS", "1");
    builder_text(b, 0x0020, 0x0013, "IS", "%d", s->instance);
    if (!s->no_place) {
        builder_text(b, 0x0020, 0x0032, "DS", "%g\\%g\\%g", s->position[0], s->position[1], s->position[2]);
        builder_text(b, 0x0020, 0x0037, "DS", "%s",
                     s->orientation != NULL ? s->orientation : "1\\0\\0\\0\\1\\0");
    }
    builder_short(b, 0x0028, 0x0002, 1);
    builder_text(b, 0x0028, 0x0004, "CS", "MONOCHROME2");
    size_t n_frames = s->n_heights > 0 ? s->n_heights : 1;
    if (s->n_heights > 0)
        builder_text(b, 0x0028, 0x0008, "IS", "%zu", n_frames);
    builder_short(b, 0x0028, 0x0010, (unsigned)s->height);
    builder_short(b, 0x0028, 0x0011, (unsigned)s->width);
    builder_text(b, 0x0028, 0x0030, "DS", "0.5\\0.5");
    builder_short(b, 0x0028, 0x0100, 16);
    builder_short(b, 0x0028, 0x0101, 16);
    builder_short(b, 0x0028, 0x0102, 15);
    builder_short(b, 0x0028, 0x0103, 0);
    if (s->window != NULL) {
        builder_text(b, 0x0028, 0x1050, "DS", "%.*s", (int)strcspn(s->window, "\\"), s->window);
        builder_text(b, 0x0028, 0x1051, "DS", "%s", strchr(s->window, '\\') + 1);
    }
    builder_text(b, 0x0028, 0x1052, "DS", "%g", s->intercept);
    builder_text(b, 0x0028, 0x1053, "DS", "%g", s->slope != 0 ? s->slope : 1);
    if (s->n_heights > 0)
        builder_enhanced(b, s->heights, n_frames);
    if (s->damaged)
        b->size -= 3;
    else
        builder_bytes(b, 0x7fe0, 0x0010, "OW", pixels, 2 * n_frames * (size_t)s->width * (size_t)s->height);
}

#endif
