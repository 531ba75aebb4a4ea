/* SPDX-License-Identifier: Apache-2.0
 *
 * token_trie.h: the names of added tokens as a tree of bytes, to find the longest one that a text begins
 * with.
 */
#ifndef HG_TEXT_TOKEN_TRIE_H
#define HG_TEXT_TOKEN_TRIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HG_TOKEN_TRIE_MAX_NAME 1024 /* bytes; bounds the work at each place of a text */

typedef struct hg_token_trie {
    uint64_t *edges; /* hash table: (node + 1) * 256 + byte; 0 is free ... */
    uint32_t *nodes; /* ... and the node it leads to */
    size_t n_slots;
    int32_t *ends; /* by node: the token that ends there, or -1; node 0 is the root */
    size_t n_nodes, capacity;
} hg_token_trie;

/* An empty tree is all zero. */
void hg_token_trie_deinit(hg_token_trie *t);

/* False when memory is short. `n` is 1 to HG_TOKEN_TRIE_MAX_NAME; a name that is there gets the new id. */
bool hg_token_trie_add(hg_token_trie *t, const char *name, size_t n, int32_t id);

/* The longest name that `text` begins with: its id and size; -1 when there is none. */
int32_t hg_token_trie_match(const hg_token_trie *t, const uint8_t *text, size_t n, size_t *size);

#endif
