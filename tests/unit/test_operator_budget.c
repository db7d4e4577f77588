/* An operator's budget with a made-up clock, and against made-up operators that allow so many
 * requests and no more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ingest/http/operator_budget.h"
#include "shared/base/jitter.h"
#include "tests/support/seeded_random.h"

static struct operator_budgets *budgets;

static int setup(void **state)
{
    (void)state;
    budgets = operator_budgets_create(7);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    operator_budgets_destroy(budgets);
    return 0;
}

static bool may_send(struct operator_share *share, uint64_t now_ms)
{
    return operator_budget_ask(share, OPERATOR_ENTRIES, now_ms) <= now_ms;
}

static void send(struct operator_share *share, uint64_t now_ms)
{
    operator_budget_on_sent(share, OPERATOR_ENTRIES, now_ms);
}

static uint64_t when(struct operator_share *share, uint64_t now_ms)
{
    return operator_budget_ask(share, OPERATOR_ENTRIES, now_ms);
}

static struct operator_share join(const char *name)
{
    return operator_budgets_join(budgets, name, "https://log.example/a/");
}

static void answer(struct operator_share *share, enum operator_outcome outcome, uint64_t sent_at_ms,
                   uint64_t now_ms)
{
    operator_budget_on_answer(
        share, &(struct operator_answer){ .outcome = outcome, .sent_at_ms = sent_at_ms }, now_ms);
}

/* Sends as many as may be sent at `now_ms`. */
static unsigned send_all(struct operator_share *share, uint64_t now_ms)
{
    unsigned count = 0;
    for (; may_send(share, now_ms); count++)
        send(share, now_ms);
    return count;
}

static void logs_of_one_operator_share_a_budget(void **state)
{
    (void)state;
    struct operator_share one = join("Let's Encrypt");
    struct operator_share two = join("Let's Encrypt");
    struct operator_share other = join("Sectigo");
    assert_ptr_equal(one.budget, two.budget);
    assert_ptr_not_equal(one.budget, other.budget);
    assert_int_equal(send_all(&one, 0), 4);
    assert_false(may_send(&two, 0));
    assert_true(may_send(&other, 0));
}

static void an_operator_without_a_name_is_its_host(void **state)
{
    (void)state;
    static const struct {
        const char *url, *name;
    } rows[] = {
        { "https://ct.example.org/2027h1/", "ct.example.org" },
        { "https://ct.example.org:8443/2027h2/", "ct.example.org" },
        { "ct.example.org/x", "ct.example.org" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct operator_share share = operator_budgets_join(budgets, "", rows[i].url);
        assert_string_equal(operator_budget_name(&share), rows[i].name);
    }
}

static void more_operators_than_there_is_room_for_share_the_last_budget(void **state)
{
    (void)state;
    char name[32];
    struct operator_share shares[100];
    for (unsigned i = 0; i < 100; i++) {
        (void)snprintf(name, sizeof name, "operator %u", i);
        shares[i] = join(name);
    }
    assert_ptr_not_equal(shares[62].budget, shares[63].budget);
    assert_ptr_equal(shares[63].budget, shares[99].budget);
}

static void statuses_say_what_they_mean(void **state)
{
    (void)state;
    static const struct {
        long status;
        uint64_t retry_after_ms;
        enum operator_outcome outcome;
    } rows[] = {
        { 200, 0, OPERATOR_GOOD },       { 400, 0, OPERATOR_GOOD },
        { 404, 0, OPERATOR_GOOD },       { 302, 0, OPERATOR_GOOD },
        { 403, 0, OPERATOR_THROTTLED },  { 429, 0, OPERATOR_THROTTLED },
        { 429, 10, OPERATOR_THROTTLED }, { 503, 0, OPERATOR_FAILED },
        { 503, 10, OPERATOR_THROTTLED }, { 500, 10, OPERATOR_FAILED },
        { 504, 0, OPERATOR_FAILED },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(operator_outcome_of_status(rows[i].status, rows[i].retry_after_ms),
                         rows[i].outcome);
}

static void good_answers_allow_more_at_once_up_to_a_ceiling(void **state)
{
    (void)state;
    struct operator_share share = join("A");
    for (uint64_t now_ms = 0; now_ms < 100; now_ms++)
        for (unsigned left = send_all(&share, now_ms); left > 0; left--)
            answer(&share, OPERATOR_GOOD, now_ms, now_ms);
    assert_int_equal(operator_budget_at_once(&share), 16);
    assert_int_equal(send_all(&share, 100), 16);
    assert_int_equal(when(&share, 100), 10100);
}

static void what_is_throttled_at_once_counts_once(void **state)
{
    (void)state;
    struct operator_share one = join("A"), two = join("A");
    for (unsigned i = 0; i < 2; i++) {
        send(&one, 0);
        send(&two, 0);
    }
    for (unsigned i = 0; i < 2; i++) {
        answer(&one, OPERATOR_THROTTLED, 0, 500);
        answer(&two, OPERATOR_THROTTLED, 0, 500);
    }
    assert_int_equal(operator_budget_at_once(&one), 2);
    /* Seven tenths of the least that is guessed: nothing was answered. */
    assert_true(operator_budget_rate(&one, 500) > 0.69 && operator_budget_rate(&one, 500) < 0.71);
}

/* How many of as many requests as may be sent are sent; all are answered well. */
static unsigned count_in(struct operator_share *share, uint64_t from_ms, uint64_t until_ms)
{
    unsigned sent = 0;
    for (uint64_t now_ms = from_ms; now_ms < until_ms; now_ms += 10)
        if (may_send(share, now_ms)) {
            send(share, now_ms);
            answer(share, OPERATOR_GOOD, now_ms, now_ms);
            sent++;
        }
    return sent;
}

static void a_throttled_operator_rests_and_then_gets_less(void **state)
{
    (void)state;
    struct operator_share share = join("A");
    uint64_t now_ms = 0;
    unsigned sent = 0;
    for (; now_ms < 10000; now_ms += 100) {
        send(&share, now_ms);
        answer(&share, OPERATOR_GOOD, now_ms, now_ms);
    }
    send(&share, now_ms);
    answer(&share, OPERATOR_THROTTLED, now_ms, now_ms);
    assert_false(may_send(&share, now_ms + 999));
    uint64_t at_ms = when(&share, now_ms);
    assert_in_range(at_ms, now_ms + 1000, now_ms + 1100);
    assert_true(may_send(&share, at_ms));
    /* Some ten per second were answered: seven are allowed, and soon more, because that is a guess.
     */
    sent = count_in(&share, at_ms, at_ms + 2000);
    print_message("%u requests in 2 s\n", sent);
    assert_in_range(sent, 13, 22);
    assert_in_range(count_in(&share, at_ms + 2000, at_ms + 10000), 100, 1000);
}

/* Refused once, then under the limit that was a guess: what it bears is known. */
static uint64_t find_limit(struct operator_share *share)
{
    uint64_t now_ms = 1;
    for (unsigned refusals = 0; refusals < 2; refusals++) {
        uint64_t until_ms = now_ms + 20000;
        for (; now_ms < until_ms; now_ms += 100)
            if (may_send(share, now_ms)) {
                send(share, now_ms);
                answer(share, OPERATOR_GOOD, now_ms, now_ms);
            }
        while (!may_send(share, now_ms))
            now_ms += 10;
        send(share, now_ms);
        answer(share, OPERATOR_THROTTLED, now_ms, now_ms);
    }
    return now_ms;
}

static void nine_tenths_of_what_was_borne_come_back_within_ten_seconds(void **state)
{
    (void)state;
    struct operator_share share = join("A");
    uint64_t now_ms = find_limit(&share);
    double borne = operator_budget_rate(&share, now_ms) / 0.7;
    /* Trouble: all is refused for ten seconds. That teaches nothing new of what is borne. */
    for (uint64_t until_ms = now_ms + 10000; now_ms < until_ms; now_ms += 10)
        if (may_send(&share, now_ms)) {
            send(&share, now_ms);
            answer(&share, OPERATOR_THROTTLED, now_ms, now_ms);
        }
    (void)count_in(&share, now_ms, now_ms + 10000);
    double rate = operator_budget_rate(&share, now_ms + 10000);
    print_message("%.2f/s borne, %.2f/s ten seconds after the trouble\n", borne, rate);
    assert_true(rate >= 0.9 * borne && rate <= 1.01 * borne);
    /* And then it is probed, slowly. */
    (void)count_in(&share, now_ms + 10000, now_ms + 60000);
    assert_true(operator_budget_rate(&share, now_ms + 60000) < 1.1 * borne);
    (void)count_in(&share, now_ms + 60000, now_ms + 300000);
    assert_true(operator_budget_rate(&share, now_ms + 300000) > 1.5 * borne);
}

static void who_waits_is_told_when_to_ask_again(void **state)
{
    (void)state;
    struct operator_share share = join("A");
    uint64_t now_ms = find_limit(&share);
    unsigned asked = 0;
    /* What is answered is a time to come, and then it may be sent: nothing is asked in between. */
    for (uint64_t until_ms = now_ms + 10000; now_ms < until_ms; asked++) {
        uint64_t at_ms = when(&share, now_ms);
        if (at_ms <= now_ms) {
            send(&share, now_ms);
            answer(&share, OPERATOR_GOOD, now_ms, now_ms);
        } else {
            now_ms = at_ms;
        }
    }
    print_message("asked %u times in 10 s\n", asked);
    assert_true(asked < 1000);
}

/* Two logs want entries as fast as they may, and their heads every second. */
static void heads_take_a_quarter_while_entries_wait(void **state)
{
    (void)state;
    struct operator_share shares[] = { join("A"), join("A") };
    unsigned sent[2] = { 0 };
    operator_budget_set_limits(&shares[0], 2, 4);
    for (uint64_t now_ms = 1; now_ms < 100000; now_ms += 10)
        for (unsigned i = 0; i < 4; i++) {
            struct operator_share *share = &shares[i % 2];
            enum operator_request request = i < 2 ? OPERATOR_HEAD : OPERATOR_ENTRIES;
            if (operator_budget_ask(share, request, now_ms) > now_ms)
                continue;
            operator_budget_on_sent(share, request, now_ms);
            answer(share, OPERATOR_GOOD, now_ms, now_ms);
            sent[request]++;
        }
    print_message("%u heads, %u ranges\n", sent[OPERATOR_HEAD], sent[OPERATOR_ENTRIES]);
    assert_in_range(sent[OPERATOR_HEAD], 40, 52);
    assert_in_range(sent[OPERATOR_ENTRIES], 140, 160);
}

static void heads_may_have_it_all_when_nothing_else_is_wanted(void **state)
{
    (void)state;
    struct operator_share share = join("A");
    unsigned sent = 0;
    operator_budget_set_limits(&share, 2, 4);
    for (uint64_t now_ms = 1; now_ms < 100000; now_ms += 10)
        if (operator_budget_ask(&share, OPERATOR_HEAD, now_ms) <= now_ms) {
            operator_budget_on_sent(&share, OPERATOR_HEAD, now_ms);
            answer(&share, OPERATOR_GOOD, now_ms, now_ms);
            sent++;
        }
    assert_in_range(sent, 190, 205);
}

static void who_lacks_most_is_asked_most(void **state)
{
    (void)state;
    struct operator_share shares[] = { join("A"), join("A"), join("A") };
    unsigned sent[3] = { 0 };
    operator_budget_set_limits(&shares[0], 10, 4);
    operator_budget_set_missing(&shares[0], 8 * 1024 - 1024);
    operator_budget_set_missing(&shares[1], 2 * 1024 - 1024);
    for (uint64_t now_ms = 1; now_ms < 100000; now_ms += 5)
        for (unsigned i = 0; i < 3; i++) {
            /* The last one wants nothing at first, and is not owed anything for that. */
            if ((i == 2 && now_ms < 50000) || !may_send(&shares[i], now_ms))
                continue;
            send(&shares[i], now_ms);
            answer(&shares[i], OPERATOR_GOOD, now_ms, now_ms);
            sent[i]++;
        }
    print_message("%u, %u, %u\n", sent[0], sent[1], sent[2]);
    assert_in_range(sent[0] * 100 / sent[1], 330, 470);
    assert_in_range(sent[2], 25, 70);
}

static void several_processes_take_a_part_each(void **state)
{
    (void)state;
    struct operator_share share = join("A");
    operator_budget_set_limits(&share, 10, 8);
    operator_budget_set_part(&share, 0.25);
    assert_true(operator_budget_rate(&share, 1) > 2.49 && operator_budget_rate(&share, 1) < 2.51);
    assert_int_equal(operator_budget_at_once(&share), 2);
    operator_budget_set_part(&share, 0.01);
    assert_int_equal(operator_budget_at_once(&share), 1);
}

static void an_hour_without_throttling_lifts_the_limit(void **state)
{
    (void)state;
    struct operator_share share = join("A");
    send(&share, 0);
    answer(&share, OPERATOR_THROTTLED, 0, 100);
    assert_true(operator_budget_rate(&share, 3600000) > 0);
    assert_true(operator_budget_rate(&share, 3601000) <= 0);
    send(&share, 3601000);
    answer(&share, OPERATOR_GOOD, 3601000, 3601000);
    assert_true(may_send(&share, 3601000));
}

static void retry_after_holds_all_logs_of_the_operator(void **state)
{
    (void)state;
    static const struct {
        uint64_t asked_ms, least_ms, most_ms;
    } rows[] = { { 20000, 20000, 22000 },
                 { 10, 1000, 2300 }, /* one per second is what it gets then */
                 { UINT64_C(86400) * 1000, 900000, 990000 } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char name[8];
        (void)snprintf(name, sizeof name, "%zu", i);
        struct operator_share one = join(name), two = join(name);
        send(&one, 0);
        operator_budget_on_answer(&one,
                                  &(struct operator_answer){ .outcome = OPERATOR_THROTTLED,
                                                             .retry_after_ms = rows[i].asked_ms },
                                  0);
        assert_false(may_send(&two, rows[i].least_ms - 1));
        assert_true(may_send(&two, rows[i].most_ms));
        assert_in_range(when(&two, 0), rows[i].least_ms, rows[i].most_ms);
    }
}

/* A log that answers 429 to everything, among others that are well. */
static void one_log_that_is_always_throttled_holds_nobody_else_back(void **state)
{
    (void)state;
    struct operator_share dead = join("A"), well = join("A");
    unsigned sent = 0;
    for (uint64_t now_ms = 0; now_ms < 3600000; now_ms += 100) {
        if (now_ms % 300000 == 0 && may_send(&dead, now_ms)) {
            send(&dead, now_ms);
            answer(&dead, OPERATOR_THROTTLED, now_ms, now_ms);
        }
        if (now_ms >= 600000 && may_send(&well, now_ms)) {
            send(&well, now_ms);
            answer(&well, OPERATOR_GOOD, now_ms, now_ms);
            sent++;
        }
    }
    double per_second = sent / 3000.0;
    print_message("%.2f requests/s beside a log that is always throttled\n", per_second);
    /* Its first answer set a limit of one request per second; from then on it grows. */
    assert_true(per_second > 1);
}

static void requests_that_hang_leave_their_place_to_others(void **state)
{
    (void)state;
    struct operator_share dead = join("A"), well = join("A");
    assert_int_equal(send_all(&dead, 0), 4);
    assert_false(may_send(&well, 9999));
    assert_int_equal(when(&well, 9999), 10000);
    assert_int_equal(send_all(&well, 10000), 4);
    /* But not without end. */
    assert_false(may_send(&well, 30000));
    assert_int_equal(when(&well, 30000), UINT64_MAX);
    answer(&dead, OPERATOR_FAILED, 0, 60000);
    assert_true(may_send(&well, 60000));
    assert_true(operator_budget_rate(&well, 60000) <= 0);
}

/* An operator that allows `rate` requests per second and `burst` at once, and answers after 100
 * ms. */
struct made_operator {
    double rate, burst, tokens;
    unsigned allowed, refused;
    bool gives_retry_after;
};

enum {
    MADE_LOGS = 6,
    SLOTS = 4,
    ANSWER_MS = 100,
    STEP_MS = 5
};

/* A log with an endless backlog, with the follower's four ranges at once and its back-off. */
struct made_log {
    struct operator_share share;
    uint64_t sent_at_ms[SLOTS];
    bool is_out[SLOTS];
    uint64_t retry_at_ms;
    uint64_t back_off_ms;
};

static void take_answer(struct made_operator *made, struct made_log *log, unsigned slot,
                        uint64_t now_ms, struct jitter *jitter)
{
    struct operator_answer answer = { .outcome = OPERATOR_GOOD,
                                      .sent_at_ms = log->sent_at_ms[slot] };
    log->is_out[slot] = false;
    if (made->tokens >= 1) {
        made->tokens--;
        made->allowed++;
        log->back_off_ms = 1000;
    } else {
        made->refused++;
        answer.outcome = OPERATOR_THROTTLED;
        answer.retry_after_ms = made->gives_retry_after ? 1000 : 0;
        log->retry_at_ms =
            now_ms + log->back_off_ms / 2 + jitter_below(jitter, log->back_off_ms / 2);
        log->back_off_ms = log->back_off_ms < 150000 ? log->back_off_ms * 2 : 300000;
    }
    operator_budget_on_answer(&log->share, &answer, now_ms);
}

static void turn(struct made_operator *made, struct made_log *log, uint64_t now_ms,
                 struct jitter *jitter)
{
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        if (log->is_out[slot] && now_ms >= log->sent_at_ms[slot] + ANSWER_MS)
            take_answer(made, log, slot, now_ms, jitter);
        if (log->is_out[slot] || now_ms < log->retry_at_ms || !may_send(&log->share, now_ms))
            continue;
        send(&log->share, now_ms);
        log->sent_at_ms[slot] = now_ms;
        log->is_out[slot] = true;
    }
}

static void run_made_operator(struct made_operator *made, uint64_t from_ms, uint64_t until_ms,
                              struct made_log *logs, struct jitter *jitter)
{
    made->allowed = made->refused = 0;
    for (uint64_t now_ms = from_ms; now_ms < until_ms; now_ms += STEP_MS) {
        made->tokens += made->rate * STEP_MS / 1000;
        made->tokens = made->tokens > made->burst ? made->burst : made->tokens;
        uint64_t first = jitter_below(jitter, MADE_LOGS);
        for (unsigned i = 0; i < MADE_LOGS; i++)
            turn(made, &logs[(first + i) % MADE_LOGS], now_ms, jitter);
    }
}

static void the_rate_settles_near_what_the_operator_allows(void **state)
{
    (void)state;
    struct made_operator operators[] = {
        { .rate = 0.17, .burst = 1 }, { .rate = 0.17, .burst = 10 },
        { .rate = 1, .burst = 5 },    { .rate = 10, .burst = 10 },
        { .rate = 75, .burst = 10 },  { .rate = 75, .burst = 10, .gives_retry_after = true },
    };
    struct jitter jitter = jitter_of(seeded_random_of_run().state);
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        struct made_operator *made = &operators[i];
        struct made_log logs[MADE_LOGS] = { 0 };
        char name[16];
        (void)snprintf(name, sizeof name, "made %zu", i);
        for (unsigned j = 0; j < MADE_LOGS; j++)
            logs[j] = (struct made_log){ .share = join(name), .back_off_ms = 1000 };
        run_made_operator(made, 1, 600000, logs, &jitter);
        print_message("allows %g/s, bursts of %g: first 10 minutes: %u answered, %u refused;",
                      made->rate, made->burst, made->allowed, made->refused);
        /* So slow an operator refuses ten times in two hours: then chance has a say in the share.
         */
        unsigned hours = made->rate < 1 && made->burst < 2 ? 12 : 2;
        run_made_operator(made, 600000, 600000 + hours * UINT64_C(3600000), logs, &jitter);
        double share = made->allowed / (made->rate * 3600 * hours);
        print_message(" then %u hours: %.0f %% of what is allowed, %u of %u refused\n", hours,
                      share * 100, made->refused, made->allowed + made->refused);
        assert_true(share >= 0.85);
        assert_true(made->refused <= (made->allowed + made->refused) / 50);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(logs_of_one_operator_share_a_budget, setup, teardown),
        cmocka_unit_test_setup_teardown(an_operator_without_a_name_is_its_host, setup, teardown),
        cmocka_unit_test_setup_teardown(more_operators_than_there_is_room_for_share_the_last_budget,
                                        setup, teardown),
        cmocka_unit_test(statuses_say_what_they_mean),
        cmocka_unit_test_setup_teardown(good_answers_allow_more_at_once_up_to_a_ceiling, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_throttled_at_once_counts_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_throttled_operator_rests_and_then_gets_less, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(nine_tenths_of_what_was_borne_come_back_within_ten_seconds,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(who_waits_is_told_when_to_ask_again, setup, teardown),
        cmocka_unit_test_setup_teardown(heads_take_a_quarter_while_entries_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(heads_may_have_it_all_when_nothing_else_is_wanted, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(who_lacks_most_is_asked_most, setup, teardown),
        cmocka_unit_test_setup_teardown(several_processes_take_a_part_each, setup, teardown),
        cmocka_unit_test_setup_teardown(an_hour_without_throttling_lifts_the_limit, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(retry_after_holds_all_logs_of_the_operator, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(one_log_that_is_always_throttled_holds_nobody_else_back,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(requests_that_hang_leave_their_place_to_others, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_rate_settles_near_what_the_operator_allows, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
