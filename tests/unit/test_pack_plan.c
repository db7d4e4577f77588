/* Which entries are to be packed, by what Redis says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/history/pack_plan.h"

#define MB (UINT64_C(1) << 20)

/* A minute, 256 MB; groups are waited for ten minutes and a GB. */
static const struct pack_limits limits = { 60000, 256 * MB, 600000, 1024 * MB };

struct plan_row {
    const char *what;
    struct pack_view view;
    uint64_t before_ms, count;
    bool is_pressed, is_held, is_hold_ended;
    uint64_t ceiling;
};

/* Of the view: clock, maxmemory, stream bytes, entries, first; a group, what it wants. */
static const struct plan_row rows[] = {
    { "nothing is there",
      { 1000000, 0, 0, 0, { 0, 0 }, false, { 0, 0 } },
      0,
      0,
      false,
      false,
      false,
      512 * MB },
    { "all is new",
      { 1000000, 0, 9 * MB, 900, { 950000, 0 }, false, { 0, 0 } },
      0,
      0,
      false,
      false,
      false,
      512 * MB },
    { "some is old",
      { 1000000, 0, 9 * MB, 900, { 930000, 0 }, false, { 0, 0 } },
      940000,
      0,
      false,
      false,
      false,
      512 * MB },
    { "too much is new: an eighth less than may stay stays",
      { 1000000, 0, 448 * MB, 1000, { 950000, 0 }, false, { 0, 0 } },
      940000,
      500,
      true,
      false,
      false,
      512 * MB },
    { "a small Redis",
      { 1000000, 80 * MB, 35 * MB, 1000, { 950000, 0 }, false, { 0, 0 } },
      940000,
      750,
      true,
      false,
      false,
      20 * MB },
    { "a group has read what is old",
      { 1000000, 0, 9 * MB, 900, { 930000, 0 }, true, { 945000, 1 } },
      940000,
      0,
      false,
      false,
      false,
      512 * MB },
    { "a group has not",
      { 1000000, 0, 9 * MB, 900, { 930000, 0 }, true, { 931000, 1 } },
      940000,
      0,
      false,
      true,
      false,
      1280 * MB },
    { "and wants what is long gone",
      { 1000000, 0, 9 * MB, 900, { 930000, 0 }, true, { 0, 1 } },
      940000,
      0,
      false,
      true,
      false,
      1280 * MB },
    { "for too long",
      { 1000000, 0, 9 * MB, 900, { 390000, 0 }, true, { 391000, 1 } },
      940000,
      0,
      false,
      false,
      true,
      512 * MB },
    { "too much is held back",
      { 1000000, 0, 1100 * MB, 900, { 930000, 0 }, true, { 931000, 1 } },
      940000,
      716,
      true,
      false,
      true,
      512 * MB },
};

static void says_what_is_due(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct plan_row *row = &rows[i];
        struct pack_plan plan;
        pack_plan_make(&plan, &limits, &row->view);
        bool is_right = plan.before.ms == row->before_ms && plan.count == row->count &&
                        plan.is_pressed == row->is_pressed && plan.is_held == row->is_held &&
                        plan.is_hold_ended == row->is_hold_ended &&
                        plan.ceiling_bytes == row->ceiling;
        if (!is_right)
            fail_msg("%s: before %llu, %llu of them, ceiling %llu", row->what,
                     (unsigned long long)plan.before.ms, (unsigned long long)plan.count,
                     (unsigned long long)plan.ceiling_bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_is_due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
