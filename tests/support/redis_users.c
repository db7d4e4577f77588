#include "tests/support/redis_users.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum {
    LINE_SIZE = 4096
};

void redis_users_write(const char *path)
{
    FILE *from = fopen(CERTSTREAM_SOURCE "/redis/users.acl", "re");
    FILE *to = fopen(path, "we");
    assert_non_null(from);
    assert_non_null(to);
    char line[LINE_SIZE];
    while (fgets(line, sizeof line, from)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "user default ", 13) == 0)
            (void)fprintf(to, "user default on nopass ~* &* +@all\n");
        else
            (void)fprintf(to, "%s >secret\n", line);
    }
    (void)fclose(from);
    assert_int_equal(fclose(to), 0);
}
