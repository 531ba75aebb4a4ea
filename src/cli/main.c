/* SPDX-License-Identifier: Apache-2.0
 *
 * main.c: finds the command and runs it.
 */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static const struct cli_command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"ask", cmd_ask, "[IMAGE...] QUESTION      answer a question about images"},
    {"chat", cmd_chat, "[IMAGE...]               several questions about the same images"},
    {"draw", cmd_draw, "--task T [IMAGE] [TEXT] -o OUT   draw an image"},
    {"convert", cmd_convert, "MODEL -o OUT.gguf        released files to one package"},
    {"quantize", cmd_quantize, "IN OUT.gguf --type T     a model in another type"},
    {"export", cmd_export, "--part P MODEL -o OUT    one part back as a released file"},
    {"inspect", cmd_inspect, "[MODEL|FILE]             what a model is, can do, and lacks"},
    {"image", cmd_image, "info|convert|prepare FILE   look at an image as the model will"},
    {"vq", cmd_vq, "encode|decode            between pictures and picture codes"},
    {"data", cmd_data, "phantom|build|check|tokens   data sets: synthetic patients, published sets, checks"},
    {"eval", cmd_eval,
     "set LIST|images A B      how good a model is on known answers; how near pictures are"},
    {"train", cmd_train, "--stage S --data F.json -o FOLDER   train a plug-in"},
    {"bench", cmd_bench, "                         speed of every stage beside what the machine allows"},
    {"tokenize", cmd_tokenize, "TEXT|-                   text to token ids and back"},
};

static void print_help(FILE *to)
{
    fprintf(to, "healthgpt: answers questions about medical images and draws medical images. For research, "
                "not for diagnosis.\n\n"
                "usage: healthgpt COMMAND [OPTIONS]\n\n");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(to, "  %-9s %s\n", commands[i].name, commands[i].help);
    fprintf(
        to,
        "\n  --model MODEL    a .gguf package or a folder of released files (default: $HEALTHGPT_MODEL, else "
        "the\n"
        "                   small model shipped with the program)\n"
        "  --threads N  --cpu TIER  --json  --quiet\n\n"
        "`healthgpt COMMAND --help` lists a command's options. Exit codes: 0 done, 1 it failed, 2 "
        "wrong usage,\n"
        "3 bad input (file, image, model), 4 this model cannot do that task.\n");
}

/* A standard file that was closed before the program began would be taken by the next file opened, and output
 * would end up in it. Opened the wrong way round, using it still fails. */
static void keep_standard_files(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) < 0)
            return;
    }
}

static int run(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return HG_STATUS_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return HG_STATUS_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("healthgpt %s\n", HG_VERSION);
        return HG_STATUS_OK;
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    }
    return cli_fail(HG_STATUS_USAGE, "no command '%s' (see healthgpt --help)", argv[1]);
}

int main(int argc, char **argv)
{
    keep_standard_files();
    int status = run(argc, argv);
    bool written = fflush(stdout) == 0 && ferror(stdout) == 0;
    if (status == HG_STATUS_OK && !written)
        return cli_fail(HG_STATUS_FAILED, "cannot write the result to stdout");
    return status;
}
