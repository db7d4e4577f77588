#include "tests/support/ct_log/growth_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/ct_log/growth.h"

enum {
    LINE_SIZE = 512,
    PATH_SIZE = 4096,
};

/* The words of a line, one after the other; the first that is not as expected ends it. */
static bool take_word(char **at, const char *word)
{
    size_t size = strlen(word);
    if (strncmp(*at, word, size) != 0 || (*at)[size] != ' ')
        return false;
    *at += size + 1;
    return true;
}

static bool take_number(char **at, uint64_t *out)
{
    const char *begin = *at;
    *out = strtoull(begin, at, 10);
    return *at != begin;
}

static bool take_rate(char **at, double *out)
{
    const char *begin = *at;
    *out = strtod(begin, at);
    return *at != begin;
}

static bool read_start(struct growth *growth, uint64_t *reached, char *line)
{
    return take_word(&line, "start") && take_number(&line, &growth->start_ms) && *line++ == ' ' &&
           take_word(&line, "reached") && take_number(&line, reached) && *line == '\n';
}

static bool read_step(struct growth_step *step, char *line)
{
    return take_word(&line, "step") && take_number(&line, &step->first_index) &&
           take_number(&line, &step->time_ms) && take_rate(&line, &step->rate) && *line == '\n';
}

static bool read_lines(struct growth *growth, uint64_t *reached, FILE *file, const char *seed)
{
    char line[LINE_SIZE];
    char expected[LINE_SIZE];
    (void)snprintf(expected, sizeof expected, "seed %s\n", seed);
    if (!fgets(line, sizeof line, file) || strcmp(line, expected) != 0)
        return false;
    if (!fgets(line, sizeof line, file) || !read_start(growth, reached, line))
        return false;
    growth->step_count = 0;
    while (growth->step_count < GROWTH_STEPS_MAX && fgets(line, sizeof line, file)) {
        if (!read_step(&growth->steps[growth->step_count], line))
            return false;
        growth->step_count++;
    }
    return growth->step_count > 0;
}

enum growth_file_result growth_file_read(struct growth *growth, uint64_t *reached, const char *path,
                                         const char *seed)
{
    FILE *file = fopen(path, "r");
    if (!file)
        return errno == ENOENT ? GROWTH_FILE_ABSENT : GROWTH_FILE_WRONG;
    bool is_read = read_lines(growth, reached, file, seed);
    (void)fclose(file);
    return is_read ? GROWTH_FILE_READ : GROWTH_FILE_WRONG;
}

bool growth_file_write(const struct growth *growth, uint64_t reached, const char *path,
                       const char *seed)
{
    char beside[PATH_SIZE];
    int size = snprintf(beside, sizeof beside, "%s.new", path);
    FILE *file = size > 0 && size < PATH_SIZE ? fopen(beside, "w") : NULL;
    if (!file)
        return false;
    (void)fprintf(file, "seed %s\nstart %" PRIu64 " reached %" PRIu64 "\n", seed, growth->start_ms,
                  reached);
    for (size_t i = 0; i < growth->step_count; i++)
        (void)fprintf(file, "step %" PRIu64 " %" PRIu64 " %.17g\n", growth->steps[i].first_index,
                      growth->steps[i].time_ms, growth->steps[i].rate);
    bool is_written = !ferror(file);
    is_written = fclose(file) == 0 && is_written;
    return is_written && rename(beside, path) == 0;
}
