#include "tests/unit/corpus.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

/* The largest files are certificates and tiles of a few megabytes. */
enum {
    FILE_LIMIT = 64 << 20,
    PATH_SIZE = 1024
};

const char *corpus_folder(void)
{
    static bool told;
    const char *folder = getenv("CERTSTREAM_CORPUS");
    struct stat status;
    if (!folder)
        folder = CERTSTREAM_CORPUS_DEFAULT;
    if (stat(folder, &status) == 0 && S_ISDIR(status.st_mode))
        return folder;
    if (!told)
        (void)fprintf(stderr,
                      "no corpus at %s: its tests are skipped (CERTSTREAM_CORPUS names another)\n",
                      folder);
    told = true;
    return NULL;
}

static struct buffer read_file(const char *path)
{
    struct buffer content;
    buffer_init(&content, FILE_LIMIT);
    FILE *file = fopen(path, "rb");
    if (!file) {
        fail_msg("cannot read %s", path);
        return content;
    }
    for (size_t size = 1; size;) {
        uint8_t *room = buffer_reserve(&content, 1 << 16);
        assert_non_null(room);
        size = fread(room, 1, 1 << 16, file);
        content.size += size;
    }
    (void)fclose(file);
    return content;
}

struct buffer corpus_read(const char *name)
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/%s", corpus_folder(), name);
    return read_file(path);
}

static bool ends_in(const char *name, const char *suffix)
{
    size_t size = strlen(name), suffix_size = strlen(suffix);
    return size >= suffix_size && strcmp(name + size - suffix_size, suffix) == 0;
}

size_t corpus_visit_files(const char *subfolder, const char *suffix, corpus_visit visit,
                          void *context)
{
    char folder[PATH_SIZE / 2];
    (void)snprintf(folder, sizeof folder, "%s/%s", corpus_folder(), subfolder);
    DIR *directory = opendir(folder);
    if (!directory) {
        fail_msg("cannot read %s", folder);
        return 0;
    }
    size_t count = 0;
    for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
        if (!ends_in(entry->d_name, suffix))
            continue;
        char path[PATH_SIZE];
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        struct buffer content = read_file(path);
        visit(entry->d_name, buffer_bytes(&content), context);
        buffer_free(&content);
        count++;
    }
    (void)closedir(directory);
    return count;
}

void corpus_visit_lines(struct bytes text, corpus_visit visit, void *context)
{
    while (text.size) {
        const uint8_t *end = memchr(text.data, '\n', text.size);
        size_t size = end ? (size_t)(end - text.data) : text.size;
        visit("", bytes_of(text.data, size), context);
        size_t used = end ? size + 1 : size;
        text = bytes_of(text.data + used, text.size - used);
    }
}
