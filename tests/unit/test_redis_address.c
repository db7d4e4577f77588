#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shared/redis/redis_address.h"

struct good_address {
    const char *text;
    struct redis_address address;
};

static const struct good_address good[] = {
    { "redis://localhost", { .host = { "localhost", 6379 } } },
    { "redis://localhost/", { .host = { "localhost", 6379 } } },
    { "redis://10.0.0.1:7000/3", { .host = { "10.0.0.1", 7000 }, .database = 3 } },
    { "redis://[::1]:7000/3", { .host = { "::1", 7000 }, .database = 3 } },
    { "redis://:secret@h", { .host = { "h", 6379 }, .password = "secret" } },
    { "redis://me:p%40ss%2Fw%3A@h:1/0",
      { .host = { "h", 1 }, .user = "me", .password = "p@ss/w:" } },
    { "redis://a@b:c@h", { .host = { "h", 6379 }, .user = "a@b", .password = "c" } },
    { "unix:///run/redis.sock", { .host.port = 6379, .path = "/run/redis.sock" } },
    { "unix:///run/redis.sock?db=2",
      { .host.port = 6379, .path = "/run/redis.sock", .database = 2 } },
    { "sentinel://h/main",
      { .host.port = 6379,
        .place = REDIS_PLACE_OF_SENTINELS,
        .master_name = "main",
        .guides = { { "h", 26379 } } } },
    { "sentinel://me:pw@a,b:5000,[::1]:6000/my%2Fmain/4?role=replica",
      { .host.port = 6379,
        .user = "me",
        .password = "pw",
        .database = 4,
        .place = REDIS_PLACE_OF_SENTINELS,
        .master_name = "my/main",
        .guides = { { "a", 26379 }, { "b", 5000 }, { "::1", 6000 } },
        .wants_replica = true } },
    { "sentinel://a/m?sentinel_user=s&sentinel_password=p%26q&role=master&tls=no",
      { .host.port = 6379,
        .place = REDIS_PLACE_OF_SENTINELS,
        .master_name = "m",
        .guides = { { "a", 26379 } },
        .sentinel_user = "s",
        .sentinel_password = "p&q" } },
    { "cluster://h",
      { .host.port = 6379, .place = REDIS_PLACE_OF_CLUSTER, .guides = { { "h", 6379 } } } },
    { "cluster://me:p%40w@a:7000,[::1]:7001,c/?role=replica",
      { .host.port = 6379,
        .user = "me",
        .password = "p@w",
        .place = REDIS_PLACE_OF_CLUSTER,
        .guides = { { "a", 7000 }, { "::1", 7001 }, { "c", 6379 } },
        .wants_replica = true } },
    { "cluster://h/0?tls=no",
      { .host.port = 6379, .place = REDIS_PLACE_OF_CLUSTER, .guides = { { "h", 6379 } } } },
};

static const struct good_address good_with_tls[] = {
    { "rediss://h", { .host = { "h", 6379 }, .has_tls = true } },
    { "rediss://h:1/2?ca=/etc/ca.pem&cert=/c%20.pem&key=/k.pem",
      { .host = { "h", 1 },
        .database = 2,
        .has_tls = true,
        .tls = { "/etc/ca.pem", "/c .pem", "/k.pem" } } },
    { "sentinel://a/m?tls=yes&ca=/ca.pem",
      { .host.port = 6379,
        .place = REDIS_PLACE_OF_SENTINELS,
        .master_name = "m",
        .guides = { { "a", 26379 } },
        .has_tls = true,
        .tls = { .ca = "/ca.pem" } } },
    { "cluster://a?tls=yes&ca=/ca.pem&cert=/c.pem&key=/k.pem",
      { .host.port = 6379,
        .place = REDIS_PLACE_OF_CLUSTER,
        .guides = { { "a", 6379 } },
        .has_tls = true,
        .tls = { "/ca.pem", "/c.pem", "/k.pem" } } },
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
    "redis://h?role=replica",
    "redis://h?ca=/ca.pem",
    "redis://h,g",
    "redis://[::1",
    "redis://u:p%0@h",
    "redis://u:p%00@h",
    "unix://relative",
    "unix:///s?database=1",
    "rediss://",
    "rediss://h?role=replica",
    "rediss://h?cert=/c.pem",
    "rediss://h?key=/k.pem",
    "sentinel://",
    "sentinel://h",
    "sentinel://h/",
    "sentinel:///name",
    "sentinel://h,/name",
    "sentinel://,h/name",
    "sentinel://h:0/name",
    "sentinel://h/name/x",
    "sentinel://h/name?role=any",
    "sentinel://h/name?role",
    "sentinel://h/name?rol=replica",
    "sentinel://h/name?roles=replica",
    "sentinel://h/name?tls=maybe",
    "sentinel://h/name?ca=/ca.pem",
    "sentinel://h/name?sentinel_password=%zz",
    "sentinel://a,b,c,d,e,f,g,h,i,j/name",
    "cluster://",
    "cluster://a,",
    "cluster://a:0",
    "cluster://a/1",
    "cluster://a/name",
    "cluster://a?ca=/ca.pem",
    "cluster://a?tls=yes&cert=/c.pem",
    "cluster://a?sentinel_user=s",
    "cluster://a?role=none",
    "cluster://a,b,c,d,e,f,g,h,i,j",
};

static void compare_hosts(const struct redis_host *got, const struct redis_host *wanted)
{
    assert_string_equal(got->name, wanted->name);
    assert_int_equal(got->port, wanted->port);
}

static void compare(const struct redis_address *got, const struct redis_address *wanted)
{
    compare_hosts(&got->host, &wanted->host);
    assert_string_equal(got->path, wanted->path);
    assert_string_equal(got->user, wanted->user);
    assert_string_equal(got->password, wanted->password);
    assert_int_equal(got->database, wanted->database);
    assert_string_equal(got->master_name, wanted->master_name);
    assert_int_equal(got->place, wanted->place);
    for (size_t i = 0; i < REDIS_GUIDES_MAX; i++) {
        compare_hosts(&got->guides[i], &wanted->guides[i]);
        assert_true((i < got->guide_count) == (wanted->guides[i].port != 0));
    }
    assert_string_equal(got->sentinel_user, wanted->sentinel_user);
    assert_string_equal(got->sentinel_password, wanted->sentinel_password);
    assert_int_equal(got->wants_replica, wanted->wants_replica);
    assert_int_equal(got->has_tls, wanted->has_tls);
    assert_string_equal(got->tls.ca, wanted->tls.ca);
    assert_string_equal(got->tls.certificate, wanted->tls.certificate);
    assert_string_equal(got->tls.key, wanted->tls.key);
}

static void reads_every_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct redis_address address;
        const char *complaint = redis_address_parse(&address, good[i].text);
        if (complaint)
            fail_msg("%s: %s", good[i].text, complaint);
        compare(&address, &good[i].address);
    }
}

/* Understood everywhere, and where it cannot be had, that is what is said. */
static void reads_tls_or_says_that_there_is_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good_with_tls / sizeof *good_with_tls; i++) {
        struct redis_address address;
        const char *complaint = redis_address_parse(&address, good_with_tls[i].text);
        compare(&address, &good_with_tls[i].address);
#ifdef CERTSTREAM_REDIS_TLS
        assert_null(complaint);
#else
        assert_non_null(strstr(complaint, "no TLS"));
#endif
    }
}

static void says_what_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct redis_address address;
        const char *complaint = redis_address_parse(&address, wrong[i]);
        if (!complaint || strstr(complaint, "no TLS"))
            fail_msg("accepted %s", wrong[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_form),
        cmocka_unit_test(reads_tls_or_says_that_there_is_none),
        cmocka_unit_test(says_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
