/* SPDX-License-Identifier: Apache-2.0
 *
 * token_trie.c: all edges of the tree in one hash table, so that 8,195 picture tokens cost two words an edge.
 * Invariant: the table is at most half full.
 */
#include "text/token_trie.h"

#include "base/memory.h"

#include <string.h>

void hg_token_trie_deinit(hg_token_trie *t)
{
    hg_mem_free(t->edges);
    hg_mem_free(t->nodes);
    hg_mem_free(t->ends);
    *t = (hg_token_trie){0};
}

static uint64_t edge_key(uint32_t node, uint8_t byte)
{
    return ((uint64_t)node + 1) << 8 | byte; /* never 0, which marks a free slot */
}

static size_t find_edge(const hg_token_trie *t, uint64_t key)
{
    size_t at = (size_t)((key * 0x9e3779b97f4a7c15U) >> 24) & (t->n_slots - 1);
    while (t->edges[at] != 0 && t->edges[at] != key)
        at = (at + 1) & (t->n_slots - 1);
    return at;
}

static bool grow_edges(hg_token_trie *t)
{
    if (t->n_nodes + 1 <= t->n_slots / 2)
        return true;
    hg_token_trie old = *t;
    size_t n_slots = old.n_slots == 0 ? 256 : 2 * old.n_slots;
    uint64_t *edges = hg_mem_array(n_slots, sizeof *edges);
    uint32_t *nodes = hg_mem_array(n_slots, sizeof *nodes);
    if (edges == NULL || nodes == NULL) {
        hg_mem_free(edges);
        hg_mem_free(nodes);
        return false;
    }
    t->edges = edges;
    t->nodes = nodes;
    t->n_slots = n_slots;
    for (size_t i = 0; i < old.n_slots; i++) {
        if (old.edges[i] == 0)
            continue;
        size_t at = find_edge(t, old.edges[i]);
        edges[at] = old.edges[i];
        nodes[at] = old.nodes[i];
    }
    hg_mem_free(old.edges);
    hg_mem_free(old.nodes);
    return true;
}

static bool add_node(hg_token_trie *t)
{
    if (t->n_nodes == t->capacity) {
        size_t capacity = t->capacity == 0 ? 128 : 2 * t->capacity;
        int32_t *ends = hg_mem_resize(t->ends, capacity, sizeof *ends);
        if (ends == NULL)
            return false;
        t->ends = ends;
        t->capacity = capacity;
    }
    t->ends[t->n_nodes++] = -1;
    return true;
}

bool hg_token_trie_add(hg_token_trie *t, const char *name, size_t n, int32_t id)
{
    if (t->n_nodes == 0 && !add_node(t))
        return false;
    uint32_t node = 0;
    for (size_t i = 0; i < n; i++) {
        if (!grow_edges(t))
            return false;
        uint64_t key = edge_key(node, (uint8_t)name[i]);
        size_t at = find_edge(t, key);
        if (t->edges[at] == 0) {
            if (!add_node(t))
                return false;
            t->edges[at] = key;
            t->nodes[at] = (uint32_t)(t->n_nodes - 1);
        }
        node = t->nodes[at];
    }
    t->ends[node] = id;
    return true;
}

int32_t hg_token_trie_match(const hg_token_trie *t, const uint8_t *text, size_t n, size_t *size)
{
    int32_t found = -1;
    uint32_t node = 0;
    for (size_t i = 0; t->n_slots > 0 && i < n; i++) {
        size_t at = find_edge(t, edge_key(node, text[i]));
        if (t->edges[at] == 0)
            break;
        node = t->nodes[at];
        if (t->ends[node] >= 0) {
            found = t->ends[node];
            *size = i + 1;
        }
    }
    return found;
}
