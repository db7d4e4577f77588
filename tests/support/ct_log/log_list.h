/* The log list that names the local CT log, in the v3 format of Chrome's. */
#ifndef CT_LOG_LOG_LIST_H
#define CT_LOG_LOG_LIST_H

struct buffer;
struct ct_log;
struct listing;

/* Appends the list; `base` is where the logs are reached: address:port, and a folder perhaps. */
void log_list_write(struct buffer *out, struct ct_log *log, const struct listing *listing,
                    const char *base);

#endif
