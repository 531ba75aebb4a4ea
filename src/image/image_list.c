/* SPDX-License-Identifier: Apache-2.0
 *
 * image_list.c: runs of plain files are mapped together and decoded together; what is no plain file (a folder
 * of a series, a slide) or cannot be opened stands alone between two runs.
 */
#include "image/image_list.h"

#include "base/memory.h"
#include "image/image_child.h"

#include <string.h>

/* Files that are mapped at a time. */
#define LIST_RUN 64

typedef struct list_run {
    const char *const *paths; /* of the run */
    size_t first;             /* the first one's place in the list */
    hg_image_files files[LIST_RUN];
    size_t n;
    hg_image_list_take take;
    void *user;
} list_run;

static bool is_plain(const hg_image_files *files)
{
    return files->fd == 0 && files->n == 0 && files->file.n_members == 0;
}

static hg_status run_take(void *user, size_t index, const hg_image *image, hg_status status,
                          const hg_error *why, hg_error *err)
{
    const list_run *run = user;
    hg_error own = *why;
    if (status != HG_STATUS_OK)
        (void)hg_image_name_path(status, run->paths[index], &own);
    return run->take(run->user, run->first + index, image, status, &own, err);
}

/* Decodes the files of the run and lets them go. */
static hg_status run_flush(list_run *run, hg_error *err)
{
    hg_status status =
        run->n == 0 ? HG_STATUS_OK : hg_image_decode_list(run->files, run->n, run_take, run, err);
    for (size_t i = 0; i < run->n; i++)
        hg_image_files_close(&run->files[i]);
    run->paths += run->n;
    run->first += run->n;
    run->n = 0;
    return status;
}

/* A path behind the run's. */
static hg_status run_alone(list_run *run, hg_error *err)
{
    hg_error why = {0};
    hg_image image;
    hg_status status = run_flush(run, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_image_init(&image);
    status = hg_image_read(&image, run->paths[0], NULL, &why);
    status = run->take(run->user, run->first, status == HG_STATUS_OK ? &image : NULL, status, &why, err);
    hg_image_deinit(&image);
    run->paths++;
    run->first++;
    return status;
}

hg_status hg_image_read_list(const char *const *paths, size_t n, hg_image_list_take take, void *user,
                             hg_error *err)
{
    hg_status status = HG_STATUS_OK;
    list_run *run = hg_mem_array(1, sizeof *run);
    if (run == NULL)
        return hg_error_memory(err, sizeof *run, "a list of pictures");
    *run = (list_run){.paths = paths, .take = take, .user = user};
    for (size_t i = 0; i < n && status == HG_STATUS_OK; i++) {
        hg_image_files *files = &run->files[run->n];
        bool plain = hg_image_files_open(files, paths[i], NULL) == HG_STATUS_OK && is_plain(files);
        if (plain)
            run->n++;
        else
            hg_image_files_close(files);
        if (!plain)
            status = run_alone(run, err);
        else if (run->n == LIST_RUN)
            status = run_flush(run, err);
    }
    if (status == HG_STATUS_OK)
        status = run_flush(run, err);
    for (size_t i = 0; i < run->n; i++)
        hg_image_files_close(&run->files[i]);
    hg_mem_free(run);
    return status;
}
