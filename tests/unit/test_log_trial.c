/* What follows from what a log signs and serves: a table of cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/ct/ct_log.h"
#include "ingest/follow/log_trial.h"

enum {
    RELEASED = 3
};

static struct digest *sha256;

static int setup(void **state)
{
    (void)state;
    sha256 = digest_create(DIGEST_SHA256);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    digest_destroy(sha256);
    return 0;
}

/* Three leaves are released; under a head of their size if `is_signed`, else of a larger one. */
static struct log_position released_of(bool has_frontier, bool is_signed)
{
    struct log_position position = { .next = RELEASED, .has_frontier = has_frontier };
    for (unsigned i = 0; i < RELEASED; i++) {
        struct merkle_hash leaf;
        const uint8_t content = (uint8_t)i;
        const struct bytes piece = bytes_of(&content, 1);
        merkle_hash_leaf(sha256, &leaf, &piece, 1);
        merkle_frontier_add(sha256, &position.frontier, 0, &leaf);
    }
    position.head.size = is_signed ? RELEASED : RELEASED + 5;
    merkle_frontier_root(sha256, &position.frontier, &position.head.root);
    return position;
}

static struct signed_head head_of(uint64_t size, bool is_right)
{
    const struct log_position position = released_of(true, true);
    struct signed_head head = { .size = size, .root = position.head.root };
    head.root.bytes[7] ^= is_right ? 0 : 1;
    return head;
}

static void heads(void **state)
{
    (void)state;
    static const struct {
        bool has_frontier, is_signed, has_other;
        uint64_t size;
        bool is_right;
        enum trial_verdict verdict;
        enum mismatch_class class;
    } rows[] = {
        /* Older and newer heads say nothing by themselves. */
        { true, true, false, RELEASED - 1, true, TRIAL_IN_ORDER, MISMATCH_NONE },
        { true, true, false, RELEASED + 1, true, TRIAL_IN_ORDER, MISMATCH_NONE },
        /* Just what is released. */
        { true, true, false, RELEASED, true, TRIAL_RIGHT, MISMATCH_NONE },
        { true, false, false, RELEASED, true, TRIAL_RIGHT, MISMATCH_NONE },
        { true, true, false, RELEASED, false, TRIAL_GUILTY, MISMATCH_EQUIVOCATION },
        { true, false, false, RELEASED, false, TRIAL_GUILTY, MISMATCH_FORK },
        /* Two roots for one size, whatever size. */
        { true, true, true, RELEASED + 9, true, TRIAL_GUILTY, MISMATCH_EQUIVOCATION },
        { true, true, true, RELEASED - 2, true, TRIAL_GUILTY, MISMATCH_EQUIVOCATION },
        { true, true, true, RELEASED, true, TRIAL_GUILTY, MISMATCH_EQUIVOCATION },
        /* Without a frontier nothing can be told. */
        { false, true, false, RELEASED, false, TRIAL_IN_ORDER, MISMATCH_NONE },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct log_position released = released_of(rows[i].has_frontier, rows[i].is_signed);
        const struct signed_head head = head_of(rows[i].size, rows[i].is_right);
        const struct signed_head other = head_of(rows[i].size, !rows[i].is_right);
        const struct trial trial =
            log_trial_of_head(&released, &head, rows[i].has_other ? &other : NULL, sha256);
        print_message("head %zu\n", i);
        assert_int_equal(trial.verdict, rows[i].verdict);
        assert_int_equal(trial.class, rows[i].class);
    }
}

static void windows(void **state)
{
    (void)state;
    static const struct {
        unsigned mismatches;
        uint64_t released, size;
        enum log_proof_state proof;
        enum trial_verdict verdict;
        enum mismatch_class class;
    } rows[] = {
        { 1, 3, 9, LOG_PROOF_ASKS, TRIAL_TRANSIENT, MISMATCH_NONE },
        { 2, 3, 9, LOG_PROOF_CONTRADICTED, TRIAL_TRANSIENT, MISMATCH_NONE },
        { 3, 3, 9, LOG_PROOF_ASKS, TRIAL_UNDECIDED, MISMATCH_NONE },
        { 3, 3, 9, LOG_PROOF_SHOWN, TRIAL_GUILTY, MISMATCH_ENTRIES },
        { 3, 3, 9, LOG_PROOF_CONTRADICTED, TRIAL_GUILTY, MISMATCH_FORK },
        /* Any tree extends the empty one. */
        { 3, 0, 9, LOG_PROOF_ASKS, TRIAL_GUILTY, MISMATCH_ENTRIES },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct log_position released = { .next = rows[i].released };
        const struct signed_head head = { .size = rows[i].size };
        const struct trial trial =
            log_trial_of_window(rows[i].mismatches, &released, &head, rows[i].proof);
        assert_int_equal(trial.verdict, rows[i].verdict);
        assert_int_equal(trial.class, rows[i].class);
    }
}

static void ends(void **state)
{
    (void)state;
    static const struct {
        bool has_root, is_right, has_frontier;
        uint64_t size;
        enum trial_verdict verdict;
    } rows[] = {
        { true, true, true, RELEASED, TRIAL_RIGHT },
        { true, false, true, RELEASED, TRIAL_GUILTY },
        { true, false, true, RELEASED + 1, TRIAL_IN_ORDER },
        { false, false, true, RELEASED, TRIAL_IN_ORDER },
        { true, false, false, RELEASED, TRIAL_IN_ORDER },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct log_position released = released_of(rows[i].has_frontier, true);
        const struct ct_log ct_log = { .has_final_root = rows[i].has_root,
                                       .final_size = rows[i].size,
                                       .final_root = head_of(RELEASED, rows[i].is_right).root };
        const struct trial trial = log_trial_of_end(&released, &ct_log, sha256);
        assert_int_equal(trial.verdict, rows[i].verdict);
        assert_int_equal(trial.class,
                         trial.verdict == TRIAL_GUILTY ? MISMATCH_FINAL_HEAD : MISMATCH_NONE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads),
        cmocka_unit_test(windows),
        cmocka_unit_test(ends),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
