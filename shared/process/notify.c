#include "shared/process/notify.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "shared/base/decimal.h"
#include "shared/base/memory.h"
#include "shared/process/say.h"

enum {
    STATUS_SIZE = 256
};

struct notify {
    int descriptor; /* -1: nobody wants to know */
    struct sockaddr_un address;
    socklen_t address_size;
    uint64_t watchdog_ms; /* a sign of life is due this often; 0: none is wanted */
    uint64_t watchdog_at_ms;
    char status[STATUS_SIZE]; /* as said last */
};

/* An absolute path, or @name for an abstract socket; anything else (vsock:…) is for others. */
static bool read_address(struct notify *notify, const char *text)
{
    size_t size = strlen(text);
    bool is_abstract = text[0] == '@';
    if ((!is_abstract && text[0] != '/') || size >= sizeof notify->address.sun_path)
        return false;
    notify->address.sun_family = AF_UNIX;
    memcpy(notify->address.sun_path, text, size);
    if (is_abstract)
        notify->address.sun_path[0] = '\0';
    notify->address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    return true;
}

static bool is_for_this_process(void)
{
    const char *text = getenv("WATCHDOG_PID");
    uint64_t pid;
    return !text || (decimal_parse(&pid, bytes_of_string(text)) && pid == (uint64_t)getpid());
}

static uint64_t read_watchdog_ms(void)
{
    const char *text = getenv("WATCHDOG_USEC");
    uint64_t duration_us;
    if (!text || !is_for_this_process() || !decimal_parse(&duration_us, bytes_of_string(text)))
        return 0;
    /* Half of it, so that one late turn does no harm. */
    uint64_t half_ms = duration_us / 2000;
    return duration_us && !half_ms ? 1 : half_ms;
}

struct notify *notify_create(void)
{
    struct notify *notify = memory_allocate_zeroed(1, sizeof *notify);
    notify->descriptor = -1;
    const char *text = getenv("NOTIFY_SOCKET");
    if (!text || !*text)
        return notify;
    if (read_address(notify, text))
        notify->descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (notify->descriptor >= 0)
        notify->watchdog_ms = read_watchdog_ms();
    else
        say_warning("cannot speak to the service manager", "socket=%s", say_quoted(text));
    return notify;
}

void notify_destroy(struct notify *notify)
{
    if (notify && notify->descriptor >= 0)
        (void)close(notify->descriptor);
    free(notify);
}

static void send_notice(struct notify *notify, const char *text)
{
    if (notify->descriptor >= 0)
        (void)sendto(notify->descriptor, text, strlen(text), MSG_NOSIGNAL,
                     (const struct sockaddr *)&notify->address, notify->address_size);
}

void notify_ready(struct notify *notify)
{
    send_notice(notify, "READY=1");
}

void notify_stopping(struct notify *notify)
{
    send_notice(notify, "STOPPING=1");
}

void notify_status(struct notify *notify, const char *format, ...)
{
    static const char name[] = "STATUS=";
    char text[sizeof name - 1 + STATUS_SIZE];
    char *status = text + sizeof name - 1;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(status, STATUS_SIZE, format, arguments);
    va_end(arguments);
    for (char *at = status; *at; at++)
        if (*at == '\n')
            *at = ' ';
    if (strcmp(notify->status, status) == 0)
        return;
    memcpy(notify->status, status, strlen(status) + 1);
    memcpy(text, name, sizeof name - 1);
    send_notice(notify, text);
}

void notify_turn(struct notify *notify, uint64_t now_ms)
{
    if (!notify->watchdog_ms || now_ms < notify->watchdog_at_ms)
        return;
    notify->watchdog_at_ms = now_ms + notify->watchdog_ms;
    send_notice(notify, "WATCHDOG=1");
}

uint64_t notify_deadline_ms(const struct notify *notify)
{
    return notify->watchdog_ms ? notify->watchdog_at_ms : UINT64_MAX;
}
