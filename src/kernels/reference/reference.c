/* SPDX-License-Identifier: Apache-2.0
 *
 * reference.c: the reference table.
 */
#include "kernels/reference/reference.h"

void hg_kernels_set_reference(hg_kernels *table)
{
    *table = (hg_kernels){
        .name = "reference",
        .to_real = hg_dtype_to_real,
        .from_real = hg_dtype_from_real,
        .matvec = hg_reference_matvec,
        .matvecs = hg_reference_matvecs,
        .head_scores = hg_reference_head_scores,
        .head_sums = hg_reference_head_sums,
        .gemm = hg_reference_gemm,
        .round = hg_reference_round,
        .matvec_rounded = hg_reference_matvec_rounded,
        .gemm_rounded = hg_reference_gemm_rounded,
        .matvec_interleaved = hg_reference_matvec_interleaved,
        .gemm_interleaved = hg_reference_gemm_interleaved,
        .round_wide = hg_reference_round_wide,
        .wide_rows = HG_WIDE_PANEL,
        .gemm_wide = hg_reference_gemm_wide,
#ifndef HG_REAL_IS_DOUBLE
        .to_bf16 = hg_reference_to_bf16,
        .lines_to_bf16 = hg_reference_lines_to_bf16,
        .gemm_bf16 = hg_reference_gemm_bf16,
        .gemm_turned = hg_reference_gemm_turned,
#endif
        .rmsnorm = hg_reference_rmsnorm,
        .layernorm = hg_reference_layernorm,
        .softmax = hg_reference_softmax,
        .column_sums = hg_reference_column_sums,
        .softmax_part = hg_reference_softmax_part,
        .softmax_part_bf16 = hg_reference_softmax_part_bf16,
        .scale = hg_reference_scale,
        .rotate = hg_reference_rotate,
        .silu = hg_reference_silu,
        .swiglu = hg_reference_swiglu,
        .swiglu_backward = hg_reference_swiglu_backward,
        .gelu = hg_reference_gelu,
        .quick_gelu = hg_reference_quick_gelu,
        .conv2d = hg_reference_conv2d,
        .conv2d_backward_data = hg_reference_conv2d_backward_data,
        .conv2d_backward_weights = hg_reference_conv2d_backward_weights,
    };
}
