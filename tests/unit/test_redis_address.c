#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shared/redis_address.h"

struct good_address {
    const char *text;
    struct redis_address address;
};

static const struct good_address good[] = {
    { "redis://localhost", { .host = "localhost", .port = 6379 } },
    { "redis://localhost/", { .host = "localhost", .port = 6379 } },
    { "redis://10.0.0.1:7000/3", { .host = "10.0.0.1", .port = 7000, .database = 3 } },
    { "redis://[::1]:7000/3", { .host = "::1", .port = 7000, .database = 3 } },
    { "redis://:secret@h", { .host = "h", .port = 6379, .password = "secret" } },
    { "redis://me:p%40ss%2Fw%3A@h:1/0",
      { .host = "h", .port = 1, .user = "me", .password = "p@ss/w:" } },
    { "redis://a@b:c@h", { .host = "h", .port = 6379, .user = "a@b", .password = "c" } },
    { "unix:///run/redis.sock", { .path = "/run/redis.sock", .port = 6379 } },
    { "unix:///run/redis.sock?db=2", { .path = "/run/redis.sock", .port = 6379, .database = 2 } },
};

static const char *const wrong[] = {
    "",
    "localhost:6379",
    "http://localhost",
    "redis://",
    "redis://:6379",
    "redis://h:0",
    "redis://h:65536",
    "redis://h:port",
    "redis://h/x",
    "redis://h/1024",
    "redis://h?db=1",
    "redis://[::1",
    "redis://u:p%0@h",
    "redis://u:p%00@h",
    "unix://relative",
    "unix:///s?database=1",
    "rediss://h",
    "sentinel://h/name",
};

static void reads_every_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct redis_address address;
        const char *complaint = redis_address_parse(&address, good[i].text);
        if (complaint)
            fail_msg("%s: %s", good[i].text, complaint);
        assert_string_equal(address.host, good[i].address.host);
        assert_string_equal(address.path, good[i].address.path);
        assert_string_equal(address.user, good[i].address.user);
        assert_string_equal(address.password, good[i].address.password);
        assert_int_equal(address.port, good[i].address.port);
        assert_int_equal(address.database, good[i].address.database);
    }
}

static void says_what_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct redis_address address;
        if (!redis_address_parse(&address, wrong[i]))
            fail_msg("accepted %s", wrong[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_form),
        cmocka_unit_test(says_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
