/* SPDX-License-Identifier: Apache-2.0
 *
 * selection.c: Hoare's selection. The pivot is the median of three, and the range shrinks to the side that
 * holds the rank, so the usual cost is linear; equal values, of which pictures are full, split evenly.
 */
#include "image/selection.h"

#include <math.h>

static void selection_swap(float *a, float *b)
{
    float kept = *a;
    *a = *b;
    *b = kept;
}

static float selection_pivot(const float *values, size_t low, size_t high)
{
    float a = values[low], b = values[low + (high - low) / 2], c = values[high];
    return fmaxf(fminf(a, b), fminf(fmaxf(a, b), c));
}

/* Orders the values so that values[rank] is the one that sorting would put there, smaller ones before it. */
static float selection_rank(float *values, size_t n, size_t rank)
{
    size_t low = 0, high = n - 1;
    while (low < high) {
        float pivot = selection_pivot(values, low, high);
        size_t i = low, j = high;
        for (;; i++, j--) {
            while (values[i] < pivot)
                i++;
            while (values[j] > pivot)
                j--;
            if (i >= j)
                break;
            selection_swap(&values[i], &values[j]);
        }
        /* values[low..j] <= pivot <= values[j+1..high]. The pivot is no lone largest value, so j < high. */
        if (rank <= j)
            high = j;
        else
            low = j + 1;
    }
    return values[rank];
}

double hg_select_percentile(float *values, size_t n, double percent)
{
    double at = (double)(n - 1) * percent / 100;
    size_t rank = (size_t)at;
    double low = selection_rank(values, n, rank);
    if (rank + 1 >= n)
        return low;
    float next = values[rank + 1];
    for (size_t i = rank + 2; i < n; i++)
        next = fminf(next, values[i]);
    return low + (at - (double)rank) * ((double)next - low);
}
