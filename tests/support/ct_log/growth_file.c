#include "tests/support/ct_log/growth_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/ct_log/growth.h"

enum {
    LINE_SIZE = 512,
    PATH_SIZE = 4096,
};

static bool read_step(struct growth_step *step, const char *line)
{
    return sscanf(line, "step %" SCNu64 " %" SCNu64 " %lf", &step->first_index, &step->time_ms,
                  &step->rate) == 3;
}

static bool read_lines(struct growth *growth, uint64_t *reached, FILE *file, const char *seed)
{
    char line[LINE_SIZE];
    char expected[LINE_SIZE];
    (void)snprintf(expected, sizeof expected, "seed %s\n", seed);
    if (!fgets(line, sizeof line, file) || strcmp(line, expected) != 0)
        return false;
    if (!fgets(line, sizeof line, file) ||
        sscanf(line, "start %" SCNu64 " reached %" SCNu64, &growth->start_ms, reached) != 2)
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
