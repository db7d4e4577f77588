#include "tests/bench/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/harness.h"
#include "tests/support/program.h"

enum {
    PORT_TRIES_MS = 20000
};

bool peer_is_there(void)
{
    const char *program = getenv("CERTSTREAM_PEER");
    if (program && *program)
        return true;
    print_message("certstream-server-go: left out, CERTSTREAM_PEER does not name its program\n");
    return false;
}

static int free_port(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(descriptor >= 0 &&
                bind(descriptor, (struct sockaddr *)&address, sizeof address) == 0);
    assert_int_equal(getsockname(descriptor, (struct sockaddr *)&address, &size), 0);
    (void)close(descriptor);
    return ntohs(address.sin_port);
}

static void write_file(const struct harness *harness, char *path, const char *name,
                       const char *text)
{
    harness_path(harness, path, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* One log of the given kind, from its first entry on; no other, and nothing from outside this
 * machine. */
static void write_peer_settings(const struct harness *harness, char *path, const char *kind,
                                const struct program *log, int port, bool compresses)
{
    char index_path[HARNESS_PATH_SIZE], text[4096];
    bool is_tiled = strcmp(kind, "tiled") == 0;
    write_file(harness, index_path, "peer_index.json", "{}");
    (void)snprintf(
        text, sizeof text,
        "webserver:\n  listen_addr: \"127.0.0.1\"\n  listen_port: %d\n  full_url: "
        "\"/full-stream\"\n"
        "  lite_url: \"/\"\n  domains_only_url: \"/domains-only\"\n  compression_enabled: %s\n"
        "prometheus:\n  enabled: false\n"
        "general:\n  disable_default_logs: true\n  drop_old_logs: false\n"
        "  %s:\n    - url: %s/%s/\n      operator: \"Local\"\n      description: \"Local log\"\n"
        "  buffer_sizes:\n    websocket: 300\n    ctlog: 1000\n    broadcastmanager: 10000\n"
        "  recovery:\n    enabled: true\n    ct_index_file: \"%s\"\n",
        port, compresses ? "true" : "false", is_tiled ? "additional_tiled_logs" : "additional_logs",
        program_ready_text(log), kind, index_path);
    write_file(harness, path, "peer.yaml", text);
}

/* The peer says nothing when it is ready. */
static void wait_for_port(int port)
{
    struct deadline deadline = deadline_after(PORT_TRIES_MS, "the peer's port");
    const struct sockaddr_in address = { .sin_family = AF_INET,
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                         .sin_port = htons((uint16_t)port) };
    for (;;) {
        int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(descriptor >= 0);
        int result = connect(descriptor, (const struct sockaddr *)&address, sizeof address);
        (void)close(descriptor);
        if (result == 0)
            return;
        deadline_wait(&deadline);
    }
}

struct program *peer_start(struct harness *harness, const char *kind, const struct program *log,
                           bool compresses, int *port)
{
    char settings[HARNESS_PATH_SIZE];
    *port = free_port();
    write_peer_settings(harness, settings, kind, log, *port, compresses);
    const char *const words[] = { getenv("CERTSTREAM_PEER"), "--config", settings, NULL };
    const char *const environment[] = { "HTTPS_PROXY=http://127.0.0.1:9", "NO_PROXY=127.0.0.1",
                                        NULL };
    struct program *peer =
        program_start(harness, &(struct program_options){ "peer", .arguments = words,
                                                          .environment = environment });
    wait_for_port(*port);
    return peer;
}
