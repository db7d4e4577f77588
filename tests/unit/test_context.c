#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/base/context.h"

#define APPLE_MARK CONTEXT_MARK('A', 'P', 'P', 'L')
#define PEAR_MARK  CONTEXT_MARK('P', 'E', 'A', 'R')

struct apple {
    uint32_t mark;
    int seeds;
};

static void is_what_it_is_marked_as(void **state)
{
    (void)state;
    struct apple apple = { APPLE_MARK, 5 };
    struct apple *again = context_of(&apple, APPLE_MARK);
    assert_ptr_equal(again, &apple);
    assert_int_not_equal(APPLE_MARK, PEAR_MARK);
}

static void is_nothing_else(void **state)
{
    (void)state;
    struct apple apple = { APPLE_MARK, 5 };
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)signal(SIGABRT, SIG_DFL);
        (void)fclose(stderr);
        (void)context_of(&apple, PEAR_MARK);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_what_it_is_marked_as),
        cmocka_unit_test(is_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
