#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/process/notify.h"

enum {
    MESSAGE_SIZE = 512,
    STATUS_SIZE = 256,
};

/* The manager's end, at an abstract address of this process. */
static int listen_as_manager(void)
{
    char name[64];
    int size = snprintf(name, sizeof name, "@certstream-test-notify-%d", (int)getpid());
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    memcpy(address.sun_path, name, (size_t)size);
    address.sun_path[0] = '\0';
    int manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(manager, (const struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)size)),
                     0);
    (void)setenv("NOTIFY_SOCKET", name, 1);
    return manager;
}

static void expect(int manager, const char *wanted)
{
    char text[MESSAGE_SIZE] = "";
    ssize_t size = recv(manager, text, sizeof text - 1, 0);
    if (size < 0)
        fail_msg("nothing came, not %s", wanted);
    assert_string_equal(text, wanted);
}

static void expect_silence(int manager)
{
    char text[MESSAGE_SIZE];
    assert_true(recv(manager, text, sizeof text, 0) < 0);
}

static void clear_environment(void)
{
    (void)unsetenv("NOTIFY_SOCKET");
    (void)unsetenv("WATCHDOG_USEC");
    (void)unsetenv("WATCHDOG_PID");
}

static int teardown(void **state)
{
    (void)state;
    clear_environment();
    return 0;
}

static void says_what_happens(void **state)
{
    (void)state;
    int manager = listen_as_manager();
    struct notify *notify = notify_create();
    notify_ready(notify);
    expect(manager, "READY=1");
    notify_status(notify, "follows %d logs", 3);
    expect(manager, "STATUS=follows 3 logs");
    notify_status(notify, "follows %d logs", 3);
    expect_silence(manager);
    notify_status(notify, "%s", "two\nlines");
    expect(manager, "STATUS=two lines");
    char longest[2 * STATUS_SIZE];
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    notify_status(notify, "%s", longest);
    char text[MESSAGE_SIZE];
    assert_int_equal(recv(manager, text, sizeof text, 0), strlen("STATUS=") + STATUS_SIZE - 1);
    notify_stopping(notify);
    expect(manager, "STOPPING=1");
    /* Without WATCHDOG_USEC nobody waits for signs of life. */
    notify_turn(notify, 100000);
    expect_silence(manager);
    assert_int_equal(notify_deadline_ms(notify), UINT64_MAX);
    notify_destroy(notify);
    (void)close(manager);
}

static void gives_a_sign_of_life_at_half_the_time(void **state)
{
    (void)state;
    int manager = listen_as_manager();
    char pid[16];
    (void)snprintf(pid, sizeof pid, "%d", (int)getpid());
    (void)setenv("WATCHDOG_USEC", "2000000", 1);
    (void)setenv("WATCHDOG_PID", pid, 1);
    struct notify *notify = notify_create();
    notify_turn(notify, 5000);
    expect(manager, "WATCHDOG=1");
    assert_int_equal(notify_deadline_ms(notify), 6000);
    notify_turn(notify, 5999);
    expect_silence(manager);
    notify_turn(notify, 6000);
    expect(manager, "WATCHDOG=1");
    notify_destroy(notify);
    (void)close(manager);
}

static void heeds_only_what_is_meant_for_it(void **state)
{
    (void)state;
    static const char *const wrong_usec[] = { "", "0", "soon", "-5" };
    int manager = listen_as_manager();
    for (size_t i = 0; i < sizeof wrong_usec / sizeof *wrong_usec; i++) {
        (void)setenv("WATCHDOG_USEC", wrong_usec[i], 1);
        struct notify *notify = notify_create();
        notify_turn(notify, 1);
        expect_silence(manager);
        notify_destroy(notify);
    }
    (void)setenv("WATCHDOG_USEC", "2000000", 1);
    (void)setenv("WATCHDOG_PID", "1", 1);
    struct notify *notify = notify_create();
    notify_turn(notify, 1);
    expect_silence(manager);
    notify_destroy(notify);
    (void)close(manager);
}

static void does_nothing_without_a_manager(void **state)
{
    (void)state;
    /* One that is gone is no reason to fail either. */
    static const char *const wrong[] = { NULL, "", "relative", "vsock:2:1234",
                                         "/nonexistent/notify" };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        clear_environment();
        if (wrong[i])
            (void)setenv("NOTIFY_SOCKET", wrong[i], 1);
        struct notify *notify = notify_create();
        notify_ready(notify);
        notify_status(notify, "%s", "all is well");
        notify_turn(notify, 1);
        notify_destroy(notify);
    }
    char path[256] = "/";
    memset(path + 1, 'x', 200);
    (void)setenv("NOTIFY_SOCKET", path, 1);
    struct notify *notify = notify_create();
    notify_ready(notify);
    notify_destroy(notify);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(says_what_happens, teardown),
        cmocka_unit_test_teardown(gives_a_sign_of_life_at_half_the_time, teardown),
        cmocka_unit_test_teardown(heeds_only_what_is_meant_for_it, teardown),
        cmocka_unit_test_teardown(does_nothing_without_a_manager, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
