/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_replay.c: runs a fuzz target without a fuzzer, as a normal test: on every file of the folders given,
 * on every shortened form of it (in at most 200 steps) and on 2,000 mutations from a fixed seed. It fails by
 * crashing, or when it finds no file.
 */
#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUTATIONS 2000
#define MAX_BYTES (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t replay_state = 88172645463325252U;

static uint64_t replay_random(void)
{
    replay_state ^= replay_state << 13;
    replay_state ^= replay_state >> 7;
    replay_state ^= replay_state << 17;
    return replay_state;
}

/* An exact-size heap copy, so that AddressSanitizer sees a read past the end. */
static void replay_one(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size == 0 ? 1 : size);
    if (copy == NULL)
        return;
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void replay_mutations(const uint8_t *data, size_t size)
{
    static const uint8_t edges[] = {0, 1, 0x7f, 0x80, 0xfe, 0xff};
    uint8_t *work = malloc(size);
    if (work == NULL)
        return;
    for (int i = 0; i < MUTATIONS; i++) {
        memcpy(work, data, size);
        for (uint64_t n = 1 + replay_random() % 4; n > 0; n--) {
            size_t at = (size_t)(replay_random() % size);
            uint64_t kind = replay_random() % 3;
            if (kind == 0)
                work[at] ^= (uint8_t)(1U << (replay_random() % 8));
            else
                work[at] = kind == 1 ? edges[replay_random() % sizeof edges] : (uint8_t)replay_random();
        }
        replay_one(work, size);
    }
    free(work);
}

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return 0;
    uint8_t *data = malloc(MAX_BYTES);
    size_t size = data == NULL ? 0 : fread(data, 1, MAX_BYTES, file);
    fclose(file);
    if (data == NULL)
        return 0;
    replay_one(data, size);
    size_t step = size / 200 + 1;
    for (size_t n = 0; n < size; n += step)
        replay_one(data, n);
    if (size > 0)
        replay_mutations(data, size);
    free(data);
    return 1;
}

int main(int argc, char **argv)
{
    int n_files = 0;
    for (int i = 1; i < argc; i++) {
        DIR *folder = opendir(argv[i]);
        if (folder == NULL)
            continue;
        for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
            char path[4096];
            snprintf(path, sizeof path, "%s/%s", argv[i], entry->d_name);
            if (entry->d_name[0] != '.')
                n_files += replay_file(path);
        }
        closedir(folder);
    }
    printf("replayed %d files\n", n_files);
    return n_files > 0 ? 0 : 1;
}
