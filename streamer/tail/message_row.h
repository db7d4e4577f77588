/* What is printed of a message: a line for a certificate, or one for each of its names. Pure. */
#ifndef STREAMER_TAIL_MESSAGE_ROW_H
#define STREAMER_TAIL_MESSAGE_ROW_H

#include "shared/process/terminal.h"
#include "streamer/tail/server_message.h"

enum row_format {
    ROW_LINE, /* columns on a terminal; else tabs between, nothing cut */
    ROW_JSON, /* the message as it came; of a name a string */
    ROW_CSV,  /* RFC 4180, but lines end as everywhere here */
};

struct row_style {
    enum row_format format;
    bool is_per_name;
    struct terminal terminal;
};

/* The line before the first one: of CSV; else nothing. */
void message_row_write_header(struct buffer *out, const struct row_style *style, bool names_only);
/* `text` is what the message was read from. */
void message_row_write(struct buffer *out, const struct row_style *style,
                       const struct server_message *message, struct bytes text);

#endif
