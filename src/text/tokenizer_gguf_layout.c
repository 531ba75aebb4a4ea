/* SPDX-License-Identifier: Apache-2.0
 *
 * tokenizer_gguf_layout.c: tables that reading and writing share, so that they cannot drift apart.
 */
#include "text/tokenizer_gguf_layout.h"

#define MEMBER(name) offsetof(struct hg_tokenizer, name)

const char *const hg_layout_kinds[2] = {"sentencepiece", "bpe"};
const char *const hg_layout_spaces[2] = {"unicode", "python"};
const char *const hg_layout_prepends[3] = {"never", "first", "always"};
const char *const hg_layout_modes[3] = {"isolated", "removed", "contiguous"};
const char *const hg_layout_normalizers[3] = {"nfc", "prepend", "replace"};

const hg_layout_member hg_layout_switches[HG_LAYOUT_SWITCHES] = {
    {HG_LAYOUT_GGML "add_bos_token", MEMBER(add_bos), true, true},
    {HG_LAYOUT_GGML "add_eos_token", MEMBER(add_eos), true, true},
    {HG_LAYOUT_GGML "remove_extra_whitespaces", MEMBER(sp.remove_extra_spaces), true, false},
    {HG_LAYOUT_OWN "legacy", MEMBER(legacy), true, false},
    {HG_LAYOUT_OWN "prefix_space", MEMBER(add_prefix_space), true, false},
    {HG_LAYOUT_OWN "dummy_prefix", MEMBER(sp.add_dummy_prefix), true, false},
    {HG_LAYOUT_OWN "byte_fallback", MEMBER(sp.byte_fallback), true, false},
    {HG_LAYOUT_GGML "add_space_prefix", MEMBER(pre.prefix_space), false, true},
    {HG_LAYOUT_OWN "byte_level", MEMBER(bpe.byte_level), false, true},
    {HG_LAYOUT_OWN "byte_fallback", MEMBER(bpe.byte_fallback), false, true},
    {HG_LAYOUT_OWN "fuse_unknown", MEMBER(bpe.fuse_unknown), false, true},
    {HG_LAYOUT_OWN "ignore_merges", MEMBER(bpe.ignore_merges), false, true},
    {HG_LAYOUT_OWN "marks_spaces", MEMBER(pre.marks_spaces), false, true},
    {HG_LAYOUT_OWN "decodes_marks", MEMBER(space_marks), false, true},
    {HG_LAYOUT_OWN "strips_first_space", MEMBER(strip_first_space), false, true},
};

const hg_layout_member hg_layout_roles[HG_LAYOUT_ROLES] = {
    {HG_LAYOUT_GGML "bos_token_id", MEMBER(bos), true, true},
    {HG_LAYOUT_GGML "eos_token_id", MEMBER(eos), true, true},
    {HG_LAYOUT_GGML "unknown_token_id", MEMBER(unknown), true, true},
    {HG_LAYOUT_GGML "padding_token_id", MEMBER(padding), true, true},
};

/* The first name of a pattern is the one written. */
const hg_layout_family hg_layout_families[HG_LAYOUT_FAMILIES] = {
    {"gpt-2", hg_pattern_gpt2, false}, {"gpt2", hg_pattern_gpt2, false},  {"phi-2", hg_pattern_gpt2, false},
    {"dbrx", hg_pattern_phi4, false},  {"phi-4", hg_pattern_phi4, false}, {"qwen2", hg_pattern_qwen2, true},
};

bool hg_layout_has(const hg_tokenizer *tok, const hg_layout_member *member)
{
    return tok->kind == HG_TOKENIZER_KIND_SENTENCEPIECE ? member->sentencepiece : member->bpe;
}

bool hg_layout_spelled(const hg_tokenizer *tok, int32_t kind, unsigned flags)
{
    return tok->kind == HG_TOKENIZER_KIND_BPE && tok->bpe.byte_level && kind == HG_TOKEN_KIND_NORMAL &&
           (flags & (HG_TOKEN_LITERAL | HG_TOKEN_ADDED)) == 0;
}

bool hg_layout_scored(int32_t kind)
{
    return kind == HG_TOKEN_KIND_NORMAL || kind == HG_TOKEN_KIND_USER || kind == HG_TOKEN_KIND_BYTE;
}
