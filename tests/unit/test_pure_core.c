/* The pure cores of both daemons are linked here whole and without curl, hiredis or libwebsockets:
 * that it links is most of the test; the rest is that none of them came along. */
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/ct/ct_log.h"
#include "shared/base/digest.h"
#include "streamer/lanes/framer.h"

static int refuse_shell(struct dl_phdr_info *library, size_t size, void *context)
{
    static const char *const shells[] = { "libcurl", "libhiredis", "libwebsockets" };
    size_t *libraries = context;
    (void)size;
    (*libraries)++;
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
        if (strstr(library->dlpi_name, shells[i]))
            fail_msg("%s is linked", library->dlpi_name);
    return 0;
}

static void has_no_library_of_the_shell(void **state)
{
    size_t libraries = 0;
    (void)state;
    (void)dl_iterate_phdr(refuse_shell, &libraries);
    assert_true(libraries > 1);
}

static void is_all_there(void **state)
{
    (void)state;
    struct digest *digest = digest_create(DIGEST_SHA256);
    assert_non_null(digest);
    digest_destroy(digest);
    assert_string_equal(ct_log_kind_name(CT_LOG_TILED), "tiled");
    assert_non_null(framing_name((enum framing)0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_no_library_of_the_shell),
        cmocka_unit_test(is_all_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
