/* SPDX-License-Identifier: Apache-2.0
 *
 * picture_score.c: the window is a product of two lines, so moments are smoothed along rows, then columns.
 */
#include "pretrain/picture_score.h"

#include "base/memory.h"

#include <math.h>
#include <stddef.h>

#define WINDOW 11
#define DEVIATION 1.5

static void make_line(double line[WINDOW])
{
    double sum = 0;
    for (int i = 0; i < WINDOW; i++) {
        double d = i - WINDOW / 2;
        line[i] = exp(-d * d / (2 * DEVIATION * DEVIATION));
        sum += line[i];
    }
    for (int i = 0; i < WINDOW; i++)
        line[i] /= sum;
}

/* What is smoothed: a, b, a², b², ab. */
static double moment(int which, double a, double b)
{
    switch (which) {
    case 0:
        return a;
    case 1:
        return b;
    case 2:
        return a * a;
    case 3:
        return b * b;
    default:
        return a * b;
    }
}

/* to (h - 10, w - 10): one moment over all windows; `rows` (h, w - 10) is scratch. */
static void smooth(int which, const float *a, const float *b, int w, int h, const double line[WINDOW],
                   double *rows, double *to)
{
    int inner = w - WINDOW + 1;
    for (int y = 0; y < h; y++) {
        for (int x = 0; x < inner; x++) {
            double sum = 0;
            for (int i = 0; i < WINDOW; i++)
                sum += line[i] * moment(which, (double)a[y * w + x + i], (double)b[y * w + x + i]);
            rows[y * inner + x] = sum;
        }
    }
    for (int y = 0; y + WINDOW <= h; y++) {
        for (int x = 0; x < inner; x++) {
            double sum = 0;
            for (int i = 0; i < WINDOW; i++)
                sum += line[i] * rows[(y + i) * inner + x];
            to[y * inner + x] = sum;
        }
    }
}

double hg_picture_ssim(const float *a, const float *b, int w, int h, double range)
{
    double line[WINDOW], c1 = 0.01 * range * 0.01 * range, c2 = 0.03 * range * 0.03 * range, sum = 0;
    size_t n = (size_t)(w - WINDOW + 1) * (size_t)(h - WINDOW + 1);
    double *rows = hg_mem_array((size_t)w * (size_t)h, sizeof *rows), *m = hg_mem_array(5 * n, sizeof *m);
    make_line(line);
    for (int which = 0; which < 5 && rows != NULL && m != NULL; which++)
        smooth(which, a, b, w, h, line, rows, m + (size_t)which * n);
    for (size_t i = 0; i < n && rows != NULL && m != NULL; i++) {
        double ma = m[i], mb = m[n + i];
        double va = m[2 * n + i] - ma * ma, vb = m[3 * n + i] - mb * mb, ab = m[4 * n + i] - ma * mb;
        sum += (2 * ma * mb + c1) * (2 * ab + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2));
    }
    double result = rows == NULL || m == NULL ? NAN : sum / (double)n;
    hg_mem_free(rows);
    hg_mem_free(m);
    return result;
}

double hg_picture_psnr(const float *a, const float *b, int n, double range)
{
    double sum = 0;
    for (int i = 0; i < n; i++) {
        double d = (double)a[i] - (double)b[i];
        sum += d * d;
    }
    return sum == 0 ? 100 : 10 * log10(range * range * (double)n / sum);
}
