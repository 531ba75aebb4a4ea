/* SPDX-License-Identifier: Apache-2.0
 *
 * cli_card.c: the JSON report as lines for people.
 */
#include "cli_card.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

void cli_card_clean(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c != 0; c++) {
        if (*c == '\n' || *c == '\t')
            *c = ' ';
        else if (*c < 0x20 || *c == 0x7f)
            *c = '?';
        else if (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0) /* U+0080..U+009F, control characters too */
            c[0] = c[1] = '?';
    }
}

/* A member of text; "" when there is none. The text is this program's own copy. */
static const char *text_of(const json_t *object, const char *key)
{
    char *text = (char *)(uintptr_t)json_string_value(json_object_get(object, key));
    if (text == NULL)
        return "";
    cli_card_clean(text);
    return text;
}

static json_int_t number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

/* "1.2 MB", "3.45 GB" */
static void print_bytes(double bytes)
{
    if (bytes >= 1e9)
        printf("%.2f GB", bytes / 1e9);
    else
        printf("%.1f MB", bytes / 1e6);
}

/* "q4_k 128, f32 65" */
static void print_types(const json_t *part)
{
    const char *name, *comma = "";
    json_t *n;
    json_object_foreach(json_object_get(part, "types"), name, n)
    {
        printf("%s%s %lld", comma, name, json_integer_value(n));
        comma = ", ";
    }
}

/* "PyTorch, 34 tensors, 1.2 MB" */
static void print_size(const json_t *part)
{
    printf("%s, %lld tensors, ", text_of(part, "kind"), number_of(part, "tensors_count"));
    print_bytes(json_number_value(json_object_get(part, "bytes")));
}

/* ---- parts ---- */

static void print_part(const char *name, const json_t *part, const char *whole)
{
    const char *path = text_of(part, "path"), *problem = text_of(part, "problem");
    const char *lies_in = strcmp(path, whole) == 0 ? "" : path; /* a package's parts lie in the package */
    bool opened = json_object_get(part, "tensors_count") != NULL;
    printf("  %-8s %s", name, opened || path[0] != 0 ? lies_in : "missing");
    if (opened) {
        printf(lies_in[0] != 0 ? "  (" : "(");
        print_size(part);
        printf(": ");
        print_types(part);
        printf(")");
    }
    putchar('\n');
    if (problem[0] != 0)
        printf("           problem: %s\n", problem);
}

static void print_parts(json_t *report)
{
    const char *name, *comma = "";
    json_t *part, *bytes;
    printf("parts:\n");
    json_object_foreach(json_object_get(report, "parts"), name, part)
        print_part(name, part, text_of(report, "path"));
    printf("  total    %lld tensors, ", number_of(report, "tensors_count"));
    print_bytes((double)number_of(report, "bytes"));
    printf(" (");
    json_object_foreach(json_object_get(report, "bytes_by_type"), name, bytes)
    {
        printf("%s%s ", comma, name);
        print_bytes((double)json_integer_value(bytes));
        comma = ", ";
    }
    printf(")\n");
}

/* ---- the card ---- */

static void print_note(const json_t *report, const char *key, const char *label)
{
    const char *text = text_of(report, key);
    if (text[0] != 0)
        printf("  %s: %s\n", label, text);
}

static void print_plugin(const json_t *report, const char *key, const char *label)
{
    const json_t *plugin = json_object_get(json_object_get(report, "plugins"), key);
    if (plugin != NULL)
        printf("  plug-in for %s: rank %lld, alpha %g, %lld experts\n", label, number_of(plugin, "rank"),
               json_number_value(json_object_get(plugin, "alpha")), number_of(plugin, "experts"));
}

static void print_pictures(const json_t *report)
{
    const json_t *pictures = json_object_get(report, "pictures");
    if (pictures != NULL)
        printf("  draws: %lld x %lld pixels, %lld codes, each one of %lld\n", number_of(pictures, "size"),
               number_of(pictures, "size"), number_of(pictures, "codes"), number_of(pictures, "codebook"));
}

static void print_head(const json_t *report)
{
    size_t i;
    json_t *problem;
    printf("%s  (%s)\n", text_of(report, "path"), text_of(report, "format"));
    print_note(report, "name", "name");
    print_note(report, "description", "description");
    print_note(report, "intended_use", "intended use");
    print_note(report, "license", "license");
    print_note(report, "family", "base model");
    print_note(report, "base_file", "file of the base model, in the same folder");
    print_plugin(report, "com", "asking");
    print_plugin(report, "gen", "drawing");
    print_pictures(report);
    print_note(report, "chat_template", "chat template");
    if (json_is_true(json_object_get(report, "random_weights")))
        printf("  the weights are random numbers: what this model says and draws means nothing\n");
    json_array_foreach(json_object_get(report, "problems"), i, problem)
    {
        char *text = (char *)(uintptr_t)json_string_value(problem);
        if (text != NULL)
            cli_card_clean(text);
        printf("  problem: %s\n", text == NULL ? "" : text);
    }
}

static void print_memory(const json_t *report)
{
    size_t i;
    json_t *cache;
    const json_t *memory = json_object_get(report, "memory");
    if (memory == NULL)
        return;
    printf("memory needed (weights and KV cache):\n");
    json_array_foreach(json_object_get(memory, "with_kv_cache"), i, cache)
    {
        printf("  %lld positions, %s cache: ", number_of(cache, "positions"), text_of(cache, "type"));
        print_bytes((double)number_of(cache, "total"));
        printf(" (cache ");
        print_bytes((double)number_of(cache, "bytes"));
        printf(")\n");
    }
}

static void print_tasks(const json_t *tasks)
{
    size_t i;
    json_t *task;
    printf("tasks:\n");
    json_array_foreach(tasks, i, task)
    {
        const char *why = text_of(task, "why_not");
        printf("  %-18s %s%s\n", text_of(task, "name"), why[0] == 0 ? "yes" : "no: ", why);
    }
}

static void print_provenance(const json_t *list)
{
    size_t i;
    json_t *source;
    if (json_array_size(list) > 0)
        printf("made from:\n");
    json_array_foreach(list, i, source)
    {
        const char *hash = text_of(source, "sha256");
        printf("  %-8s %s  %s\n", text_of(source, "part"), text_of(source, "file"),
               hash[0] != 0 ? hash : "(no hash noted)");
    }
}

/* ---- tensors ---- */

/* One line a tensor, after `prefix`. */
static void print_tensors(const char *prefix, const json_t *part)
{
    size_t i;
    json_t *tensor;
    json_array_foreach(json_object_get(part, "tensors"), i, tensor) printf(
        "%s%s\t%s\t%s\n", prefix, text_of(tensor, "name"), text_of(tensor, "type"), text_of(tensor, "shape"));
}

static void print_model(json_t *report)
{
    const char *name;
    json_t *part;
    print_head(report);
    print_parts(report);
    print_memory(report);
    print_tasks(json_object_get(report, "tasks"));
    print_provenance(json_object_get(report, "provenance"));
    json_object_foreach(json_object_get(report, "parts"), name, part)
    {
        char prefix[32];
        snprintf(prefix, sizeof prefix, "%s\t", name);
        print_tensors(prefix, part);
    }
}

static void print_file(const json_t *report)
{
    printf("%s: ", text_of(report, "path"));
    print_size(report);
    printf("\n  types: ");
    print_types(report);
    putchar('\n');
    print_tensors("", report);
}

void cli_card_print(json_t *report)
{
    if (json_object_get(report, "parts") != NULL)
        print_model(report);
    else
        print_file(report);
}
