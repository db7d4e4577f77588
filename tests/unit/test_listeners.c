#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "streamer/edge/listeners.h"

static void reads_places(void **state)
{
    (void)state;
    static const struct {
        const char *text, *address;
        int port; /* -1: none named */
        bool is_unix, is_tls, is_plain;
    } rows[] = {
        { "0.0.0.0", "0.0.0.0", -1, false, false, false },
        { "127.0.0.1:80", "127.0.0.1", 80, false, false, false },
        { "::", "::", -1, false, false, false },
        { "[::1]", "::1", -1, false, false, false },
        { "[2001:db8::1]:65535", "2001:db8::1", 65535, false, false, false },
        { "http://0.0.0.0:0", "0.0.0.0", 0, false, false, true },
        { "https://[::]:443", "::", 443, false, true, false },
        { "unix:/run/streamer.sock", "/run/streamer.sock", -1, true, false, false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct listener_place place;
        assert_null(listener_place_parse(&place, rows[i].text));
        assert_string_equal(place.address, rows[i].address);
        assert_int_equal(place.has_port ? place.port : -1, rows[i].port);
        assert_int_equal(place.is_unix, rows[i].is_unix);
        assert_int_equal(place.is_tls, rows[i].is_tls);
        assert_int_equal(place.is_plain, rows[i].is_plain);
    }
}

static void refuses_what_is_no_place(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "localhost",
        "127.0.0.1:",
        "127.0.0.1:65536",
        "127.0.0.1:x",
        "127.0.0.1:1x",
        "[127.0.0.1]",
        "[::1",
        "[::1]x",
        "[::1]:-1",
        "unix:",
        "unix:relative",
        "ftp://::1",
        "https://",
        "127.0.0.1:99999999999999999999",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct listener_place place;
        if (!listener_place_parse(&place, wrong[i]))
            fail_msg("%s is a place", wrong[i]);
    }
    char path[300];
    memset(path, 'a', sizeof path);
    memcpy(path, "unix:/", 6);
    path[sizeof path - 1] = '\0';
    struct listener_place place;
    assert_non_null(listener_place_parse(&place, path));
    path[112] = '\0';
    assert_null(listener_place_parse(&place, path));
}

static bool open_places(struct listeners *listeners, char *const *places, size_t count,
                        char *reason)
{
    struct listeners_options options = { .places = places, .count = count };
    return listeners_open(listeners, &options, reason);
}

static void both_kinds_share_a_port_number(void **state)
{
    (void)state;
    char reason[LISTENER_REASON_SIZE];
    char place[2][64];
    char *places[] = { place[0], place[1] };
    struct listeners first;
    struct listeners both;
    (void)snprintf(place[0], sizeof place[0], "127.0.0.1");
    assert_true(open_places(&first, places, 1, reason));
    long port = strtol(strrchr(first.items[0].url, ':') + 1, NULL, 10);
    listeners_close(&first);
    (void)snprintf(place[0], sizeof place[0], "0.0.0.0:%ld", port);
    (void)snprintf(place[1], sizeof place[1], "[::]:%ld", port);
    if (!open_places(&both, places, 2, reason)) {
        /* A machine without IPv6, or a port that somebody took in between. */
        print_message("skipped: %s\n", reason);
        skip();
    }
    listeners_close(&both);
}

static void a_left_behind_unix_socket_is_taken_over(void **state)
{
    (void)state;
    char folder[] = "/tmp/certstream-listeners-XXXXXX";
    char place[128];
    char reason[LISTENER_REASON_SIZE];
    char *places[] = { place };
    assert_non_null(mkdtemp(folder));
    (void)snprintf(place, sizeof place, "unix:%s/socket", folder);
    const char *path = place + strlen("unix:");

    struct listeners first;
    struct listeners second;
    assert_true(open_places(&first, places, 1, reason));
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0660);
    assert_false(open_places(&second, places, 1, reason));
    assert_non_null(strstr(reason, "Address already in use"));
    /* As a killed streamer leaves it. */
    (void)close(first.items[0].descriptor);
    assert_true(open_places(&second, places, 1, reason));
    listeners_close(&second);
    assert_int_not_equal(stat(path, &status), 0);

    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fclose(file);
    assert_false(open_places(&second, places, 1, reason));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void https_needs_a_certificate(void **state)
{
    (void)state;
    char reason[LISTENER_REASON_SIZE];
    char place[] = "https://127.0.0.1:0";
    char *places[] = { place };
    struct listeners listeners;
    assert_false(open_places(&listeners, places, 1, reason));
    assert_non_null(strstr(reason, "--tls-cert"));
    struct listeners_options options = { .places = places, .count = 1, .has_certificate = true };
    assert_true(listeners_open(&listeners, &options, reason));
    assert_int_equal(strncmp(listeners.items[0].url, "https://127.0.0.1:", 18), 0);
    listeners_close(&listeners);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_places),
        cmocka_unit_test(refuses_what_is_no_place),
        cmocka_unit_test(both_kinds_share_a_port_number),
        cmocka_unit_test(a_left_behind_unix_socket_is_taken_over),
        cmocka_unit_test(https_needs_a_certificate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
