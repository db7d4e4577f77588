/* certstream-tail: see tail.h. */
#include <signal.h>
#include <stdlib.h>

#include "streamer/tail/certificate_lookup.h"
#include "streamer/tail/tail.h"

static volatile int stop;

static void stop_on_signal(int signal_number)
{
    (void)signal_number;
    stop = 1;
}

/* A pipe that nobody reads is an error of write(2), not the end. */
static void set_tail_signals(void)
{
    struct sigaction action = { .sa_handler = stop_on_signal };
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
    struct tail_settings settings = { 0 };
    int code = EXIT_WRONG_SETTING;
    switch (settings_read(&tail_settings_program, &settings, argc, argv)) {
    case SETTINGS_READY:
        set_tail_signals();
        code = *settings.cert ? certificate_lookup_run(&settings) : tail_run(&settings, &stop);
        break;
    case SETTINGS_STOP: code = EXIT_SUCCESS; break;
    case SETTINGS_WRONG: break;
    }
    settings_free(&tail_settings_program, &settings);
    return code;
}
