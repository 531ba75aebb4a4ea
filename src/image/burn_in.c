/* SPDX-License-Identifier: Apache-2.0
 *
 * burn_in.c: letters of 5 by 7 dots in cells of 6 by 9, made larger by a whole factor on large pictures: a
 * line takes about two thirds of the width. The text lies in a black box, readable on any picture.
 */
#include "image/burn_in.h"

#include <string.h>

#define GLYPH_WIDTH 5
#define GLYPH_HEIGHT 7
#define CELL_WIDTH 6
#define CELL_HEIGHT 9
#define BURN_MAX_LINES 8

typedef struct burn_glyph {
    char letter;
    const char *rows[GLYPH_HEIGHT];
} burn_glyph;

/* clang-format off */
static const burn_glyph burn_glyphs[] = {
    {'A', {".###.", "#...#", "#...#", "#####", "#...#", "#...#", "#...#"}},
    {'C', {".###.", "#...#", "#....", "#....", "#....", "#...#", ".###."}},
    {'D', {"####.", "#...#", "#...#", "#...#", "#...#", "#...#", "####."}},
    {'E', {"#####", "#....", "#....", "####.", "#....", "#....", "#####"}},
    {'F', {"#####", "#....", "#....", "####.", "#....", "#....", "#...."}},
    {'G', {".###.", "#...#", "#....", "#.###", "#...#", "#...#", ".###."}},
    {'H', {"#...#", "#...#", "#...#", "#####", "#...#", "#...#", "#...#"}},
    {'I', {".###.", "..#..", "..#..", "..#..", "..#..", "..#..", ".###."}},
    {'N', {"#...#", "##..#", "#.#.#", "#.#.#", "#..##", "#...#", "#...#"}},
    {'O', {".###.", "#...#", "#...#", "#...#", "#...#", "#...#", ".###."}},
    {'R', {"####.", "#...#", "#...#", "####.", "#.#..", "#..#.", "#...#"}},
    {'S', {".####", "#....", "#....", ".###.", "....#", "....#", "####."}},
    {'T', {"#####", "..#..", "..#..", "..#..", "..#..", "..#..", "..#.."}},
    {'Y', {"#...#", "#...#", ".#.#.", "..#..", "..#..", "..#..", "..#.."}},
    {'-', {".....", ".....", ".....", "#####", ".....", ".....", "....."}},
};
/* clang-format on */

typedef struct burn_line {
    const char *text;
    size_t n;
} burn_line;

static bool burn_dot(char letter, int x, int y)
{
    for (size_t i = 0; i < sizeof burn_glyphs / sizeof burn_glyphs[0]; i++) {
        if (burn_glyphs[i].letter == letter)
            return burn_glyphs[i].rows[y][x] == '#';
    }
    return false;
}

/* Breaks the text between words into lines of at most `max` letters; 0 when a word is longer or there are
 * too many lines. */
static size_t burn_break(burn_line lines[BURN_MAX_LINES], const char *text, size_t max)
{
    size_t n_lines = 0;
    while (*text != 0) {
        size_t n = strlen(text);
        if (n > max) {
            for (n = max; n > 0 && text[n] != ' ';)
                n--;
        }
        if (n == 0 || n_lines == BURN_MAX_LINES)
            return 0;
        lines[n_lines++] = (burn_line){text, n};
        text += n;
        text += strspn(text, " ");
    }
    return n_lines;
}

static void burn_pixel(hg_image *image, int x, int y, bool white)
{
    size_t at = ((size_t)y * (size_t)image->width + (size_t)x) * (size_t)image->channels;
    for (int c = 0; c < image->channels; c++) {
        bool alpha = image->channels % 2 == 0 && c == image->channels - 1;
        if (image->bits == 8)
            ((uint8_t *)image->samples)[at + (size_t)c] = white || alpha ? UINT8_MAX : 0;
        else
            ((uint16_t *)image->samples)[at + (size_t)c] = white || alpha ? UINT16_MAX : 0;
    }
}

/* One line, its black box from (left, top) on. */
static void burn_draw(hg_image *image, const burn_line *line, int left, int top, int scale)
{
    int width = (int)line->n * CELL_WIDTH * scale, height = CELL_HEIGHT * scale;
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            int column = x / scale % CELL_WIDTH, row = y / scale - 1;
            bool inside = column < GLYPH_WIDTH && row >= 0 && row < GLYPH_HEIGHT;
            char letter = line->text[x / scale / CELL_WIDTH];
            burn_pixel(image, left + x, top + y, inside && burn_dot(letter, column, row));
        }
    }
}

hg_status hg_burn_in(hg_image *image, const char *text, hg_error *err)
{
    burn_line lines[BURN_MAX_LINES];
    int all = (int)strlen(text) * CELL_WIDTH;
    int scale = image->width * 2 / (3 * all) > 1 ? image->width * 2 / (3 * all) : 1;
    while (scale > 1 && image->height < 4 * scale * CELL_HEIGHT)
        scale--;
    size_t n_lines = burn_break(lines, text, (size_t)(image->width / (scale * CELL_WIDTH)));
    int height = (int)n_lines * CELL_HEIGHT * scale;
    if (n_lines == 0 || height > image->height)
        return hg_error_set(err, HG_STATUS_USAGE,
                            "a picture of %d x %d pixels is too small for the mark '%s'", image->width,
                            image->height, text);
    for (size_t i = 0; i < n_lines; i++)
        burn_draw(image, &lines[i], (image->width - (int)lines[i].n * CELL_WIDTH * scale) / 2,
                  image->height - height + (int)i * CELL_HEIGHT * scale, scale);
    return HG_STATUS_OK;
}
