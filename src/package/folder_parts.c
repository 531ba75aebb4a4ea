/* SPDX-License-Identifier: Apache-2.0
 *
 * folder_parts.c: the released names: com_hlora_weights.bin, com_hlora_weights_phi4.bin,
 * gen_hlora_weights.bin, fusion_layer_weights.bin; and the folders base/, clip/, vqgan/.
 */
#include "package/folder_parts.h"

#include <stdio.h>
#include <string.h>

static bool name_ends(const char *name, const char *ending)
{
    size_t n = strlen(name), m = strlen(ending);
    return n >= m && strcmp(name + n - m, ending) == 0;
}

static bool is_weight_file(const char *name)
{
    return name_ends(name, ".bin") || name_ends(name, ".safetensors") || name_ends(name, ".ckpt") ||
           name_ends(name, ".pt");
}

static hg_status parts_claim(char path[HG_PATH_BYTES], const char *folder, const char *name, hg_error *err)
{
    if (path[0] != 0)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: '%s' and '%s' are both there; keep one", folder,
                            hg_path_name(path), name);
    return hg_path_join(path, folder, name, err);
}

static hg_status parts_visit(void *user, const char *name, hg_error *err)
{
    hg_parts *parts = user;
    static const char com[] = "com_hlora_weights", gen[] = "gen_hlora_weights",
                      fusion[] = "fusion_layer_weights";
    if (!is_weight_file(name))
        return HG_STATUS_OK;
    if (strncmp(name, com, sizeof com - 1) == 0)
        return parts_claim(parts->com, parts->folder, name, err);
    if (strncmp(name, gen, sizeof gen - 1) == 0)
        return parts_claim(parts->gen, parts->folder, name, err);
    if (strncmp(name, fusion, sizeof fusion - 1) == 0)
        return parts_claim(parts->fusion, parts->folder, name, err);
    return HG_STATUS_OK;
}

static hg_status parts_visit_vqgan(void *user, const char *name, hg_error *err)
{
    hg_parts *parts = user;
    return is_weight_file(name) ? parts_claim(parts->vqgan_file, parts->vqgan, name, err) : HG_STATUS_OK;
}

static hg_status parts_find_folder(char path[HG_PATH_BYTES], const hg_parts *parts, const char *name,
                                   hg_error *err)
{
    hg_status status = hg_path_join(path, parts->folder, name, err);
    if (status == HG_STATUS_OK && !hg_folder_exists(path))
        path[0] = 0;
    return status;
}

hg_status hg_parts_find(hg_parts *parts, const char *path, hg_error *err)
{
    memset(parts, 0, sizeof *parts);
    if (!hg_folder_exists(path))
        return hg_error_set(err, HG_STATUS_INPUT,
                            "%s: no such folder or package (a model is a .gguf package, or a folder with "
                            "base/, clip/ and *.bin files)",
                            path);
    int n = snprintf(parts->folder, sizeof parts->folder, "%s", path);
    if (n < 0 || (size_t)n >= sizeof parts->folder)
        return hg_error_set(err, HG_STATUS_INPUT, "%.100s...: the path is too long", path);
    hg_status status = hg_folder_list(path, parts_visit, parts, err);
    if (status == HG_STATUS_OK)
        status = parts_find_folder(parts->base, parts, "base", err);
    if (status == HG_STATUS_OK)
        status = parts_find_folder(parts->clip, parts, "clip", err);
    if (status == HG_STATUS_OK)
        status = parts_find_folder(parts->vqgan, parts, "vqgan", err);
    if (status == HG_STATUS_OK && parts->vqgan[0] != 0)
        status = hg_folder_list(parts->vqgan, parts_visit_vqgan, parts, err);
    return status;
}

hg_status hg_parts_find_vqgan(hg_parts *parts, const char *folder, hg_error *err)
{
    int n = snprintf(parts->vqgan, sizeof parts->vqgan, "%s", folder);
    if (n < 0 || (size_t)n >= sizeof parts->vqgan)
        return hg_error_set(err, HG_STATUS_INPUT, "%.100s...: the path is too long", folder);
    parts->vqgan_file[0] = 0;
    return hg_folder_list(parts->vqgan, parts_visit_vqgan, parts, err);
}

static void missing_add(char text[HG_ERROR_TEXT_BYTES], const char *path, const char *what)
{
    size_t used = strlen(text);
    if (path[0] == 0)
        snprintf(text + used, HG_ERROR_TEXT_BYTES - used, "%s%s", used > 0 ? ", " : "", what);
}

static void missing_shared(const hg_parts *parts, char text[HG_ERROR_TEXT_BYTES])
{
    text[0] = 0;
    missing_add(text, parts->base, "base/ (the language model)");
    missing_add(text, parts->clip, "clip/ (the image encoder)");
}

bool hg_parts_missing_for_ask(const hg_parts *parts, char text[HG_ERROR_TEXT_BYTES])
{
    missing_shared(parts, text);
    missing_add(text, parts->com, "com_hlora_weights*.bin (the comprehension plug-in)");
    return text[0] != 0;
}

bool hg_parts_missing_for_draw(const hg_parts *parts, char text[HG_ERROR_TEXT_BYTES])
{
    missing_shared(parts, text);
    missing_add(text, parts->gen, "gen_hlora_weights*.bin (the generation plug-in)");
    missing_add(text, parts->fusion, "fusion_layer_weights*.bin (its embedding and head)");
    missing_add(text, parts->vqgan[0] != 0 ? parts->vqgan_file : parts->vqgan,
                "vqgan/ (the picture decoder)");
    return text[0] != 0;
}
