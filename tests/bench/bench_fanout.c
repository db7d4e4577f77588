/*
 * How fast messages get to many clients, and what that costs the streamer: entries of the local CT
 * log are put into Redis as fast as it takes them, while so many clients listen. Beside it, in the
 * same run, the same bytes by bare send() to as many sockets with the same receivers; and
 * certstream-server-go on the same log, where CERTSTREAM_PEER names its program.
 *
 * Variables: BENCH_CLIENTS (1, 20, 200 and 2000 if 0), BENCH_DELIVERIES (400000): messages times
 * clients of a run, BENCH_STREAMS (all): "lite,full deflated", BENCH_BEFORE and BENCH_ROUNDS
 * (contender.h): another build of the streamer beside this one, BENCH_RATE (0: as many as Redis
 * takes) entries per second.
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

#include "shared/base/memory.h"
#include "shared/process/clock.h"
#include "tests/bench/captured_entries.h"
#include "tests/bench/contender.h"
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

/* Of one run. */
struct fan_out {
    struct receivers_totals totals;
    uint64_t expected; /* messages of all clients */
    struct program_cpu cpu;
    double bare_rate; /* of send(), in millions of bytes a second; 0: not measured */
};

/* Of several runs, what stands in a line. */
enum column {
    COLUMN_MESSAGES, /* a second */
    COLUMN_RATE,     /* millions of bytes a second */
    COLUMN_SHARE,    /* of what send() reaches, in percent */
    COLUMN_OWN,      /* CPU per message and client, in microseconds */
    COLUMN_SYSTEM,
    COLUMN_BYTE, /* own CPU per byte and client, in nanoseconds */
    COLUMN_LOST, /* in percent */
    COLUMNS,
};

struct table {
    double figures[COLUMNS][ROUNDS_MAX];
    size_t rounds;
};

static void add_run(struct table *table, const struct fan_out *run)
{
    const struct receivers_totals *totals = &run->totals;
    double seconds = (double)(totals->last_ms - totals->first_ms + 1) / 1e3;
    double messages = (double)totals->messages;
    double rate = (double)totals->bytes / seconds / 1e6;
    const double figures[COLUMNS] = {
        [COLUMN_MESSAGES] = messages / seconds,
        [COLUMN_RATE] = rate,
        [COLUMN_SHARE] = run->bare_rate > 0 ? rate / run->bare_rate * 100 : 0,
        [COLUMN_OWN] = run->cpu.own_s * 1e6 / messages,
        [COLUMN_SYSTEM] = run->cpu.system_s * 1e6 / messages,
        [COLUMN_BYTE] = run->cpu.own_s * 1e9 / (double)totals->bytes,
        [COLUMN_LOST] = 100.0 - messages * 100.0 / (double)(run->expected ? run->expected : 1),
    };
    for (size_t column = 0; column < COLUMNS; column++)
        table->figures[column][table->rounds] = figures[column];
    table->rounds++;
}

/* The middle of each column. */
static void print_table(const char *who, const char *what, size_t clients, struct table *table)
{
    double middle[COLUMNS];
    for (size_t column = 0; column < COLUMNS; column++)
        middle[column] = contender_median(table->figures[column], table->rounds);
    print_message("%-20s %-16s %5zu clients %9.0f messages/s %7.1f MB/s", who, what, clients,
                  middle[COLUMN_MESSAGES], middle[COLUMN_RATE]);
    if (middle[COLUMN_SHARE] > 0)
        print_message(" = %3.0f %% of send()", middle[COLUMN_SHARE]);
    print_message("; CPU per message and client: own %.3f us (%.2f ns a byte), kernel %.3f; lost "
                  "%.2f %%\n",
                  middle[COLUMN_OWN], middle[COLUMN_BYTE], middle[COLUMN_SYSTEM],
                  middle[COLUMN_LOST]);
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

static struct program_cpu cpu_since(const struct program *program, struct program_cpu before)
{
    struct program_cpu cpu = program_cpu(program);
    return (struct program_cpu){ cpu.own_s - before.own_s, cpu.system_s - before.system_s };
}

static struct fan_out run_contender(const struct contender *contender, const struct stream *stream,
                                    bool deflates, size_t clients)
{
    struct harness *harness = harness_create();
    struct redis_server *redis = redis_server_start(harness, "redis", NULL);
    captured_entries_put_issuers(captured, redis);
    /* One client keeps up with a small ring, and does not pay for the first use of a large one. */
    const char *const arguments[] = { "--heartbeat", "1h",           "--max-clients",
                                      "20000",       "--ring-bytes", clients == 1 ? "4m" : "32m",
                                      NULL };
    struct program *streamer = contender_start(contender, harness, redis, arguments);
    wait_until_ready(streamer);
    struct receivers *receivers =
        receivers_connect(program_port(streamer), stream->path, deflates, clients,
                          deflates ? SKIP_DOMAINS : stream->skip_size, true);
    uint64_t messages = messages_of(clients);
    uint64_t rate = harness_setting("BENCH_RATE", 0);
    struct fan_out run = { .expected = messages * clients };
    for (int turn = 0; turn < 5; turn++)
        receivers_turn(receivers, 100);
    struct program_cpu before = program_cpu(streamer);
    pid_t feeder = captured_entries_feed(captured, redis, messages, rate);
    receivers_wait(receivers, messages, QUIET_MS);
    run.cpu = cpu_since(streamer, before);
    run.totals = receivers_totals(receivers);
    (void)waitpid(feeder, NULL, 0);
    run.bare_rate = measure_send(clients, receivers_kept(receivers), stream->skip_size);
    receivers_destroy(receivers);
    redis_server_destroy(redis);
    assert_int_equal(harness_destroy(harness), 0);
    assert_int_equal(run.totals.messages, run.expected);
    return run;
}

static void measure_contenders(const struct stream *stream, bool deflates, size_t clients,
                               const char *what)
{
    struct contender contenders[CONTENDERS_MAX];
    size_t count = contenders_find(contenders);
    size_t rounds = contender_rounds(count);
    struct table *tables = memory_allocate_zeroed(count, sizeof *tables);
    for (size_t round = 0; round < rounds; round++)
        for (size_t i = 0; i < count; i++) {
            struct fan_out run = run_contender(&contenders[i], stream, deflates, clients);
            add_run(&tables[i], &run);
        }
    for (size_t i = 0; i < count; i++)
        print_table(contenders[i].name, what, clients, &tables[i]);
    free(tables);
}

static void measure_peer(const struct stream *stream, bool deflates, size_t clients,
                         const char *what)
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
    struct fan_out run = { .expected = messages * clients };
    struct program_cpu before = program_cpu(peer);
    char query[64];
    (void)snprintf(query, sizeof query, "size=%" PRIu64, messages + 1);
    daemon_control_ct_log(log, query);
    uint64_t start_ms = clock_monotonic_ms();
    while (receivers_totals(receivers).messages == 0 && clock_monotonic_ms() - start_ms < READY_MS)
        receivers_turn(receivers, 100);
    receivers_wait(receivers, messages, PEER_QUIET_MS);
    run.cpu = cpu_since(peer, before);
    run.totals = receivers_totals(receivers);
    struct table *table = memory_allocate_zeroed(1, sizeof *table);
    add_run(table, &run);
    print_table("certstream-server-go", what, clients, table);
    free(table);
    receivers_destroy(receivers);
    program_kill(peer);
    assert_int_equal(harness_destroy(harness), 0);
}

/* Whether BENCH_STREAMS, if it is there, names it between its commas. */
static bool is_wanted(const char *what)
{
    const char *wanted = getenv("BENCH_STREAMS");
    size_t size = strlen(what);
    if (!wanted || !*wanted)
        return true;
    for (; wanted; wanted = strchr(wanted, ','), wanted += wanted != NULL)
        if (strcspn(wanted, ",") == size && strncmp(wanted, what, size) == 0)
            return true;
    return false;
}

static void measure_stream(const struct stream *stream, bool deflates)
{
    static const size_t usual[] = { 1, 20, 200, 2000 };
    size_t given = (size_t)harness_setting("BENCH_CLIENTS", 0);
    char what[32];
    (void)snprintf(what, sizeof what, "%s%s", stream->name, deflates ? " deflated" : "");
    for (size_t i = 0; is_wanted(what) && i < (given ? 1 : sizeof usual / sizeof *usual); i++) {
        size_t clients = given ? given : usual[i];
        measure_contenders(stream, deflates, clients, what);
        measure_peer(stream, deflates, clients, what);
    }
}

static void measure_streams(bool deflates)
{
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++)
        measure_stream(&streams[i], deflates);
}

static void fans_out_plain(void **state)
{
    (void)state;
    measure_streams(false);
}

static void fans_out_deflated(void **state)
{
    (void)state;
    measure_streams(true);
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
