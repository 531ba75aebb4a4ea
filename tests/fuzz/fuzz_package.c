/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_package.c: any bytes as a package: settings, tokenizer, names and shapes of a whole model, up to where
 * a session would begin. The file is memory that has a path. Weights say nothing that matters here: the data
 * is zeros behind the bytes, and the corpus holds only what stands before the data, of packages of
 * tests/data/tiny/l14 and xl32 with all types q4_0 and the picture decoder in f16.
 */
#include <healthgpt/healthgpt.h>

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DATA_BYTES ((size_t)2 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* No name under /tmp is left behind when the fuzzer stops the process. */
static int open_unnamed(void)
{
    char path[] = "/dev/shm/hg_fuzz_package_XXXXXX";
    int fd = mkstemp(path);
    if (fd >= 0)
        unlink(path);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    hg_model *model = NULL;
    hg_error err;
    const hg_model_options options = {.n_threads = 1};
    int fd = open_unnamed();
    if (fd < 0 || write(fd, data, size) != (ssize_t)size || ftruncate(fd, (off_t)(size + DATA_BYTES)) != 0)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (hg_model_open(&model, path, &options, &err) == HG_STATUS_OK)
        hg_model_close(model);
    else if (model != NULL || err.code == HG_STATUS_OK)
        abort();
    close(fd);
    return 0;
}
