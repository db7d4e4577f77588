/* Runs a fuzzer's function over the files of folders, so that every test run repeats what fuzzing
 * once found. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/memory.h"
#include "tests/fuzz/fuzz.h"

enum {
    FILE_MAX = 1 << 20,
    PATH_SIZE = 1024
};

/* Each input is copied into memory of its own size, so that a sanitizer sees the first byte that is
 * read behind it. */
static void run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        (void)fprintf(stderr, "cannot read %s\n", path);
        exit(1);
    }
    uint8_t *data = memory_allocate(FILE_MAX);
    size_t size = fread(data, 1, FILE_MAX, file);
    (void)fclose(file);
    uint8_t *exact = memory_allocate(size);
    memcpy(exact, data, size);
    (void)LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    free(data);
}

static size_t run_folder(const char *folder)
{
    DIR *directory = opendir(folder);
    size_t count = 0;
    for (struct dirent *entry = directory ? readdir(directory) : NULL; entry;
         entry = readdir(directory)) {
        char path[PATH_SIZE];
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] == '.')
            continue;
        run_file(path);
        count++;
    }
    if (directory)
        (void)closedir(directory);
    (void)printf("%s: %zu inputs\n", folder, count);
    return count;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (!run_folder(argv[i]))
            return 1;
    return argc > 1 ? 0 : 1;
}
