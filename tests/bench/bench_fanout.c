/*
 * How fast messages get to many clients, and what that costs the streamer: entries of the local CT
 * log are put into Redis as fast as it takes them, while so many clients listen. Beside it, in the
 * same run, the same bytes by bare send() to as many sockets with the same receivers; and
 * certstream-server-go on the same log, where CERTSTREAM_PEER names its program.
 *
 * Variables: BENCH_CLIENTS (the three counts 20, 200, 2000 if 0), BENCH_DELIVERIES (400000):
 * messages times clients of a run.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/base/clock.h"
#include "shared/base/memory.h"
#include "tests/bench/captured_entries.h"
#include "tests/bench/peer.h"
#include "tests/bench/receivers.h"
#include "tests/e2e/daemons.h"
#include "tests/support/harness.h"
#include "tests/support/http_get.h"
#include "tests/support/redis_server.h"

enum {
    CAPTURED = 5000,
    QUIET_MS = 10000,
    READY_MS = 30000,
    /* Enough for the quickest run to last, and for the longest to end. */
    MESSAGES_MIN = 200,
    MESSAGES_MAX = 20000,
    /* What is shorter is a heartbeat. */
    SKIP_DOMAINS = 58,
    SKIP_OTHERS = 200,
    SLICE = 128 << 10,
    LISTEN_BACKLOG = 4096,
    PEER_QUIET_MS = 6000,
};

struct stream {
    const char *name, *path;
    size_t skip_size;
};

static const struct stream streams[] = {
    { "domains", "/domains-only", SKIP_DOMAINS },
    { "lite", "/", SKIP_OTHERS },
    { "full", "/full-stream", SKIP_OTHERS },
};

static struct captured_entries *captured;

/* NOLINTNEXTLINE(readability-function-size): the columns of a line */
static void print_line(const char *who, const char *what, size_t clients,
                       const struct receivers_totals *totals, uint64_t expected, double cpu,
                       double bare_rate)
{
    double seconds = (double)(totals->last_ms - totals->first_ms + 1) / 1e3;
    double rate = (double)totals->bytes / seconds / 1e6;
    print_message("%-20s %-16s %5zu clients %9.0f messages/s %7.1f MB/s", who, what, clients,
                  (double)totals->messages / seconds, rate);
    if (bare_rate > 0)
        print_message(" = %3.0f %% of send()", rate / bare_rate * 100);
    if (cpu > 0)
        print_message("; %.2f us CPU per message and client", cpu * 1e6 / (double)totals->messages);
    print_message("; lost %.2f %%\n",
                  100.0 - (double)totals->messages * 100.0 / (double)(expected ? expected : 1));
}

static void send_to_all(const int *sockets, size_t count, struct bytes data)
{
    size_t *sent = memory_allocate_zeroed(count, sizeof *sent);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    size_t open = count;
    for (size_t i = 0; i < count; i++) {
        struct epoll_event event = { .events = EPOLLOUT, .data = { .u64 = i } };
        (void)epoll_ctl(epoll, EPOLL_CTL_ADD, sockets[i], &event);
    }
    while (open > 0) {
        struct epoll_event events[256];
        int ready = epoll_wait(epoll, events, 256, -1);
        for (int n = 0; n < ready; n++) {
            size_t i = (size_t)events[n].data.u64;
            size_t left = data.size - sent[i];
            ssize_t size = send(sockets[i], data.data + sent[i], left < SLICE ? left : SLICE,
                                MSG_NOSIGNAL | MSG_DONTWAIT);
            if (size > 0)
                sent[i] += (size_t)size;
            if (sent[i] < data.size)
                continue;
            (void)epoll_ctl(epoll, EPOLL_CTL_DEL, sockets[i], NULL);
            open--;
        }
    }
    _exit(0);
}

static void connect_pairs(int *ours, int *theirs, size_t count)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listening, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listening, LISTEN_BACKLOG), 0);
    assert_int_equal(getsockname(listening, (struct sockaddr *)&address, &size), 0);
    for (size_t i = 0; i < count; i++) {
        ours[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(ours[i], (struct sockaddr *)&address, sizeof address), 0);
        theirs[i] = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
        assert_true(theirs[i] >= 0);
    }
    (void)close(listening);
}

/* Bytes per second, in millions, of bare send() to as many sockets. */
static double measure_send(size_t clients, struct bytes data, size_t skip_size)
{
    int *ours = memory_allocate_zeroed(clients, sizeof *ours);
    int *theirs = memory_allocate_zeroed(clients, sizeof *theirs);
    connect_pairs(ours, theirs, clients);
    pid_t sender = fork();
    assert_true(sender >= 0);
    if (sender == 0)
        send_to_all(theirs, clients, data);
    struct receivers *receivers = receivers_of(ours, clients, skip_size);
    uint64_t start_ms = clock_monotonic_ms();
    while (receivers_totals(receivers).bytes < data.size * clients)
        receivers_turn(receivers, 1000);
    double seconds = (double)(clock_monotonic_ms() - start_ms + 1) / 1e3;
    double rate = (double)data.size * (double)clients / seconds / 1e6;
    (void)waitpid(sender, NULL, 0);
    for (size_t i = 0; i < clients; i++)
        (void)close(theirs[i]);
    receivers_destroy(receivers);
    free(ours);
    free(theirs);
    return rate;
}

static void wait_until_ready(const struct program *streamer)
{
    struct deadline deadline = deadline_after(READY_MS, "the streamer to be ready");
    for (long status = 0; status != 200;) {
        struct http_answer answer = http_get_local(program_port(streamer), "/readyz");
        status = answer.status;
        http_answer_free(&answer);
        if (status != 200)
            deadline_wait(&deadline);
    }
}

static uint64_t messages_of(size_t clients)
{
    uint64_t messages = harness_setting("BENCH_DELIVERIES", 400000) / clients;
    return messages < MESSAGES_MIN   ? MESSAGES_MIN
           : messages > MESSAGES_MAX ? MESSAGES_MAX
                                     : messages;
}

static void measure_ours(const struct stream *stream, bool deflates, size_t clients)
{
    struct harness *harness = harness_create();
    struct redis_server *redis = redis_server_start(harness, "redis", NULL);
    captured_entries_put_issuers(captured, redis);
    const char *const arguments[] = { "--heartbeat", "1h", "--max-clients", "20000", NULL };
    struct program *streamer = daemon_start_streamer(harness, "streamer", redis, arguments);
    wait_until_ready(streamer);
    struct receivers *receivers =
        receivers_connect(program_port(streamer), stream->path, deflates, clients,
                          deflates ? SKIP_DOMAINS : stream->skip_size, true);
    uint64_t messages = messages_of(clients);
    for (int turn = 0; turn < 5; turn++)
        receivers_turn(receivers, 100);
    double before = program_cpu_seconds(streamer);
    pid_t feeder = captured_entries_feed(captured, redis, messages, 0);
    receivers_wait(receivers, messages, QUIET_MS);
    double cpu = program_cpu_seconds(streamer) - before;
    struct receivers_totals totals = receivers_totals(receivers);
    (void)waitpid(feeder, NULL, 0);
    double bare = measure_send(clients, receivers_kept(receivers), stream->skip_size);
    char what[32];
    (void)snprintf(what, sizeof what, "%s%s", stream->name, deflates ? " deflated" : "");
    print_line("certstream", what, clients, &totals, messages * clients, cpu, bare);
    receivers_destroy(receivers);
    redis_server_destroy(redis);
    assert_int_equal(harness_destroy(harness), 0);
    assert_int_equal(totals.messages, messages * clients);
}

static void measure_peer(const struct stream *stream, bool deflates, size_t clients)
{
    if (!peer_is_there())
        return;
    struct harness *harness = harness_create();
    const char *const arguments[] = { "--size", "1", "--kinds", "tiled", "--seed", "bench", NULL };
    struct program *log = daemon_start_ct_log(harness, "log", arguments);
    int port;
    struct program *peer = peer_start(harness, "tiled", log, deflates, &port);
    struct receivers *receivers =
        receivers_connect(port, stream->path, deflates, clients, SKIP_DOMAINS, false);
    uint64_t messages = messages_of(clients);
    double before = program_cpu_seconds(peer);
    char query[64];
    (void)snprintf(query, sizeof query, "size=%" PRIu64, messages + 1);
    daemon_control_ct_log(log, query);
    uint64_t start_ms = clock_monotonic_ms();
    while (receivers_totals(receivers).messages == 0 && clock_monotonic_ms() - start_ms < READY_MS)
        receivers_turn(receivers, 100);
    receivers_wait(receivers, messages, PEER_QUIET_MS);
    double cpu = program_cpu_seconds(peer) - before;
    struct receivers_totals totals = receivers_totals(receivers);
    char what[32];
    (void)snprintf(what, sizeof what, "%s%s", stream->name, deflates ? " deflated" : "");
    print_line("certstream-server-go", what, clients, &totals, messages * clients, cpu, 0);
    receivers_destroy(receivers);
    program_kill(peer);
    assert_int_equal(harness_destroy(harness), 0);
}

static void measure_counts(bool deflates)
{
    static const size_t usual[] = { 20, 200, 2000 };
    size_t given = (size_t)harness_setting("BENCH_CLIENTS", 0);
    for (size_t s = 0; s < sizeof streams / sizeof *streams; s++)
        for (size_t i = 0; i < (given ? 1 : sizeof usual / sizeof *usual); i++) {
            measure_ours(&streams[s], deflates, given ? given : usual[i]);
            measure_peer(&streams[s], deflates, given ? given : usual[i]);
        }
}

static void fans_out_plain(void **state)
{
    (void)state;
    measure_counts(false);
}

static void fans_out_deflated(void **state)
{
    (void)state;
    measure_counts(true);
}

static int setup(void **state)
{
    (void)state;
    struct rlimit limit;
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    captured = captured_entries_create(CAPTURED);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    captured_entries_destroy(captured);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fans_out_plain),
        cmocka_unit_test(fans_out_deflated),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
