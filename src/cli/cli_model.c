/* SPDX-License-Identifier: Apache-2.0
 *
 * cli_model.c: which model a command works with, and its opening. --model comes first, then $HEALTHGPT_MODEL,
 * then, where a command only uses a model and makes nothing that depends on it for good, the small model that
 * is shipped with the program. It is found from the program's own place, so that a checkout or an installed
 * folder may be moved.
 */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SHIPPED_NAME "healthgpt-small.gguf"

const char *cli_model_path(const cli_common *c)
{
    if (c->model != NULL)
        return c->model;
    const char *from_environment = getenv("HEALTHGPT_MODEL");
    if (from_environment != NULL && from_environment[0] != 0)
        return from_environment;
    return NULL;
}

/* Where the shipped model lies as seen from the program's own folder: installed, and in a checkout, whose
 * programs are one folder below its root (build/healthgpt). */
static const char *const shipped_places[] = {HG_MODELS_FROM_PROGRAM, "../models"};

/* The program's own file, whatever name or link it was called by; 0 when the system does not tell. */
static size_t own_folder(char *path, size_t bytes)
{
    ssize_t n = readlink("/proc/self/exe", path, bytes);
    if (n <= 0 || (size_t)n >= bytes)
        return 0;
    while (n > 0 && path[n - 1] != '/')
        n--;
    return (size_t)n;
}

static bool find_shipped(cli_common *c)
{
    size_t n = own_folder(c->shipped, sizeof c->shipped);
    for (size_t i = 0; n > 0 && i < sizeof shipped_places / sizeof *shipped_places; i++) {
        int more = snprintf(c->shipped + n, sizeof c->shipped - n, "%s/" SHIPPED_NAME, shipped_places[i]);
        if (more > 0 && (size_t)more < sizeof c->shipped - n && access(c->shipped, R_OK) == 0)
            return true;
    }
    return false;
}

const char *cli_model_find(cli_common *c, hg_error *err)
{
    const char *path = cli_model_path(c);
    if (path != NULL)
        return path;
    if (!find_shipped(c)) {
        *err =
            (hg_error){HG_STATUS_USAGE, "no model: give --model MODEL or set HEALTHGPT_MODEL (this copy of "
                                        "the program came without a model of its own)"};
        return NULL;
    }
    c->model = c->shipped;
    if (!c->quiet)
        fprintf(stderr,
                "note: using the small model that is shipped with the program, %s; --model names another\n",
                c->shipped);
    return c->model;
}

hg_model_options cli_model_options(const cli_common *c)
{
    return (hg_model_options){.n_threads = c->threads,
                              .cpu_tier = c->cpu,
                              .kv_cache = c->cache,
                              .vision = c->vision,
                              .prefill = c->prefill,
                              .huge_pages = c->huge,
                              .repack = c->repack,
                              .lock = c->lock};
}

void cli_memory_note(const cli_common *c, const char *note)
{
    if (note[0] != 0 && !c->quiet)
        fprintf(stderr, "note: %s\n", note);
}

hg_status cli_open(cli_common *c, hg_model **model, hg_session **session, hg_error *err)
{
    *session = NULL;
    *model = NULL;
    const char *path = cli_model_find(c, err);
    if (path == NULL)
        return err->code;
    const hg_model_options options = cli_model_options(c);
    hg_status status = hg_model_open(model, path, &options, err);
    if (status == HG_STATUS_OK)
        status = hg_session_create(session, *model, err);
    if (status != HG_STATUS_OK) {
        hg_model_close(*model);
        *model = NULL;
        return status;
    }
    cli_memory_note(c, hg_model_get_repack_note(*model));
    cli_memory_note(c, hg_model_get_huge_note(*model));
    cli_memory_note(c, hg_model_get_lock_note(*model));
    if (hg_model_is_random(*model) && !c->quiet)
        fprintf(stderr,
                "note: the weights of this model are random numbers: what it says and draws means nothing\n");
    return HG_STATUS_OK;
}
