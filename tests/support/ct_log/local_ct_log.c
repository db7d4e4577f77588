/*
 * local-ct-log: a Certificate Transparency log on this machine, for tests, demonstrations and
 * benchmarks. One thread, one loop: publish what is due, serve until the next is.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/memory.h"
#include "shared/process/clock.h"
#include "tests/support/ct_log/ct_log.h"
#include "tests/support/ct_log/fault.h"
#include "tests/support/ct_log/http_server.h"
#include "tests/support/ct_log/list_signer.h"
#include "tests/support/ct_log/options.h"
#include "tests/support/ct_log/routes.h"

enum {
    /* How late a signal may be noticed that comes just before the wait. */
    IDLE_MS = 100
};

static volatile sig_atomic_t is_stopping;

static void on_signal(int number)
{
    (void)number;
    is_stopping = 1;
}

static void catch_signals(void)
{
    struct sigaction action = { .sa_handler = on_signal };
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
}

static void run(struct ct_log *log, struct http_server *server)
{
    while (!is_stopping) {
        uint64_t now_ms = clock_realtime_ms();
        uint64_t due_ms = ct_log_next_publish_ms(log, now_ms);
        uint64_t wait_ms = due_ms < now_ms + IDLE_MS ? due_ms - now_ms : IDLE_MS;
        http_server_serve(server, clock_monotonic_ms() + wait_ms);
        if (clock_realtime_ms() >= due_ms)
            ct_log_publish(log, clock_realtime_ms());
    }
}

static int serve(const struct options *options, struct ct_log *log)
{
    struct routes *routes = memory_allocate_zeroed(1, sizeof *routes);
    struct http_server *server =
        http_server_create(options->listen, (uint16_t)options->port, routes_answer, routes);
    if (!server) {
        (void)fprintf(stderr, "--listen %s --port %u: %s\n", options->listen,
                      (unsigned)options->port, strerror(errno));
        free(routes);
        return 2;
    }
    routes->log = log;
    routes->server = server;
    routes->options = options;
    routes->listing = listing_of_usable_logs();
    routes->faults = faults_create(options->seed);
    (void)snprintf(routes->host, sizeof routes->host, "%s:%u",
                   options->name ? options->name : options->listen,
                   (unsigned)http_server_port(server));
    (void)printf("listening on http://%s\n", routes->host);
    (void)fflush(stdout);
    run(log, server);
    http_server_destroy(server);
    list_signer_destroy(routes->list_signer);
    faults_destroy(routes->faults);
    free(routes);
    return 0;
}

int main(int count, char **arguments)
{
    struct options options;
    switch (options_read(&options, count, arguments)) {
    case OPTIONS_STOP: return 0;
    case OPTIONS_WRONG: return 2;
    case OPTIONS_READY: break;
    }
    catch_signals();
    struct ct_log *log = ct_log_create(&options, clock_realtime_ms());
    if (!log)
        return 2;
    int result = serve(&options, log);
    ct_log_destroy(log);
    return result;
}
