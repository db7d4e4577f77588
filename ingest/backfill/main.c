/* certstream-backfill: see backfill.h. */
#include <signal.h>
#include <stdlib.h>

#include "ingest/backfill/backfill.h"
#include "shared/process/say.h"

static volatile int stop;

static void stop_backfill(int signal_number)
{
    (void)signal_number;
    stop = 1;
}

static void set_backfill_signals(void)
{
    struct sigaction action = { .sa_handler = stop_backfill };
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    action.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &action, NULL);
}

int main(int argc, char **argv)
{
    enum {
        EXIT_WRONG_SETTING = 2
    };
    struct backfill_settings settings = { 0 };
    struct backfill_range range;
    int code = EXIT_WRONG_SETTING;
    switch (settings_read(&backfill_settings_program, &settings, argc, argv)) {
    case SETTINGS_READY:
        if (!backfill_settings_range(&settings, &range))
            break;
        set_backfill_signals();
        say_only_warnings();
        code = backfill_run(&settings, &range, &stop);
        break;
    case SETTINGS_STOP: code = EXIT_SUCCESS; break;
    case SETTINGS_WRONG: break;
    }
    settings_free(&backfill_settings_program, &settings);
    return code;
}
