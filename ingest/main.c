/* certstream-ingest: see ingest.h. */
#include <signal.h>
#include <stdlib.h>

#include "ingest/admin_order.h"
#include "ingest/ingest.h"
#include "shared/base/memory.h"

static struct ingest_signals signals;

static void on_signal(int signal_number)
{
    if (signal_number == SIGHUP)
        signals.reload = 1;
    else
        signals.stop = 1;
}

static void handle_signals(void)
{
    struct sigaction action = { .sa_handler = on_signal };
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGHUP, &action, NULL);
    action.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &action, NULL);
}

static int run(const struct ingest_settings *settings)
{
    if (settings->list_logs)
        return ingest_list_logs(settings);
    if (*settings->release || *settings->rebase)
        return admin_order_run(settings);
    return ingest_run(settings, &signals);
}

int main(int argc, char **argv)
{
    enum {
        EXIT_WRONG_SETTING = 2
    };
    struct ingest_settings settings = { 0 };
    int result = EXIT_WRONG_SETTING;
    switch (settings_read(&ingest_settings_program, &settings, argc, argv)) {
    case SETTINGS_READY:
        handle_signals();
        memory_keep_freed();
        result = run(&settings);
        break;
    case SETTINGS_STOP: result = EXIT_SUCCESS; break;
    case SETTINGS_WRONG: break;
    }
    settings_free(&ingest_settings_program, &settings);
    return result;
}
