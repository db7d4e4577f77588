#include "streamer/tail/message_row.h"

#include <inttypes.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "shared/json/json_writer.h"

enum {
    TIME_SIZE = 40,
    /* On a terminal: time and type stand left of the names, issuer and log right of them. */
    LEFT_WIDTH = 16,
    ISSUER_WIDTH = 28,
    LOG_WIDTH = 26,
    NAMES_WIDTH_MIN = 24,
    WIDTH_WITH_LOG = 110,
    WIDTH_WITH_ISSUER = 76,
};

static struct bytes string_or_empty(const char *text)
{
    return bytes_of_string(text ? text : "");
}

static const char *name_text(const cJSON *name)
{
    return cJSON_IsString(name) ? name->valuestring : "";
}

static bool is_time(double seconds)
{
    return seconds >= 0 && seconds <= 253402300799.0; /* the end of the year 9999 */
}

/* "" for what is no time. */
static void write_utc(char *out, double seconds)
{
    struct tm parts;
    time_t when = is_time(seconds) ? (time_t)seconds : 0;
    *out = '\0';
    if (is_time(seconds) && gmtime_r(&when, &parts))
        (void)strftime(out, TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

static void write_local_time(char *out, double seconds)
{
    struct tm parts;
    time_t when = is_time(seconds) ? (time_t)seconds : 0;
    *out = '\0';
    if (is_time(seconds) && localtime_r(&when, &parts))
        (void)strftime(out, TIME_SIZE, "%H:%M:%S", &parts);
}

static const char *type_of(const struct server_message *message)
{
    return message->is_precertificate ? "precert" : "cert";
}

/* Whether the name says who it is: "DigiCert Global G3" of "DigiCert Inc". */
static bool begins_alike(const char *name, const char *organization)
{
    size_t size = strcspn(organization, " ");
    return strncmp(name, organization, size) == 0 && (!name[size] || name[size] == ' ');
}

/* "Let's Encrypt R11": a common name alone may say little. */
static void append_issuer(struct buffer *out, const struct server_message *message)
{
    const char *name = message->issuer_name, *organization = message->issuer_organization;
    bool has_organization = organization && !(name && begins_alike(name, organization));
    if (has_organization)
        buffer_append_string(out, organization);
    if (has_organization && name)
        buffer_append_byte(out, ' ');
    if (name)
        buffer_append_string(out, name);
}

static void append_names(struct buffer *out, const cJSON *names)
{
    const cJSON *name;
    bool is_first = true;
    cJSON_ArrayForEach(name, names)
    {
        if (!is_first)
            buffer_append_byte(out, ' ');
        is_first = false;
        buffer_append_string(out, name_text(name));
    }
}

/* One field between tabs. */
static void append_field(struct buffer *out, struct bytes text)
{
    if (text.size)
        (void)terminal_append_text(out, text, SIZE_MAX);
    else
        buffer_append_byte(out, '-');
}

static void write_tabbed(struct buffer *out, const struct server_message *message,
                         struct bytes names, struct bytes issuer)
{
    char when[TIME_SIZE];
    write_utc(when, message->seen_s);
    append_field(out, bytes_of_string(when));
    buffer_append_byte(out, '\t');
    buffer_append_string(out, type_of(message));
    const struct bytes fields[] = { names, issuer, string_or_empty(message->log) };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        buffer_append_byte(out, '\t');
        append_field(out, fields[i]);
    }
}

static void append_padded(struct buffer *out, const struct terminal *terminal,
                          enum terminal_colour colour, struct bytes text, size_t width)
{
    buffer_append_string(out, terminal_colour(terminal, colour));
    size_t written = terminal_append_text(out, text, width);
    buffer_append_string(out, terminal_colour(terminal, TERMINAL_PLAIN));
    for (; written < width; written++)
        buffer_append_byte(out, ' ');
}

static void write_columns(struct buffer *out, const struct terminal *terminal,
                          const struct server_message *message, struct bytes names,
                          struct bytes issuer)
{
    char when[TIME_SIZE];
    size_t right = terminal->width >= WIDTH_WITH_LOG      ? ISSUER_WIDTH + 2 + LOG_WIDTH + 2
                   : terminal->width >= WIDTH_WITH_ISSUER ? ISSUER_WIDTH + 2
                                                          : 0;
    size_t width = terminal->width - 1;
    size_t names_width =
        width > LEFT_WIDTH + right + NAMES_WIDTH_MIN ? width - LEFT_WIDTH - right : NAMES_WIDTH_MIN;
    write_local_time(when, message->seen_s);
    append_padded(out, terminal, TERMINAL_DIM, bytes_of_string(when), 9);
    append_padded(out, terminal, message->is_precertificate ? TERMINAL_DIM : TERMINAL_GREEN,
                  bytes_of_string(type_of(message)), 7);
    buffer_append_byte(out, ' ');
    if (right == 0) {
        (void)terminal_append_text(out, names, names_width);
        return;
    }
    append_padded(out, terminal, TERMINAL_BOLD, names, names_width - 1);
    buffer_append_string(out, "  ");
    append_padded(out, terminal, TERMINAL_CYAN, issuer, ISSUER_WIDTH);
    if (terminal->width < WIDTH_WITH_LOG)
        return;
    buffer_append_string(out, "  ");
    append_padded(out, terminal, TERMINAL_DIM, string_or_empty(message->log), LOG_WIDTH);
}

static void write_csv_text(struct buffer *out, struct bytes text)
{
    buffer_append_byte(out, '"');
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '"')
            buffer_append_byte(out, '"');
        buffer_append_byte(out, text.data[i]);
    }
    buffer_append_byte(out, '"');
}

/* What is made harmless first, and then quoted. */
static void append_csv(struct buffer *out, struct bytes text)
{
    struct buffer harmless;
    buffer_init(&harmless, SIZE_MAX);
    (void)terminal_append_text(&harmless, text, SIZE_MAX);
    write_csv_text(out, buffer_bytes(&harmless));
    buffer_free(&harmless);
}

static void append_csv_time(struct buffer *out, double seconds)
{
    char when[TIME_SIZE];
    write_utc(when, seconds);
    buffer_append_string(out, when);
    buffer_append_byte(out, ',');
}

static void write_csv(struct buffer *out, const struct server_message *message, struct bytes names,
                      struct bytes issuer)
{
    if (message->kind == SERVER_MESSAGE_NAMES) {
        append_csv(out, names);
        return;
    }
    append_csv_time(out, message->seen_s);
    buffer_append_string(out, type_of(message));
    buffer_append_byte(out, ',');
    append_csv(out, string_or_empty(message->log));
    buffer_append_byte(out, ',');
    if (message->index >= 0)
        buffer_append_format(out, "%.0f", message->index);
    buffer_append_byte(out, ',');
    append_csv(out, string_or_empty(message->sha256));
    buffer_append_byte(out, ',');
    append_csv(out, issuer);
    buffer_append_byte(out, ',');
    append_csv_time(out, message->not_before_s);
    append_csv_time(out, message->not_after_s);
    append_csv(out, names);
}

static void write_line(struct buffer *out, const struct row_style *style,
                       const struct server_message *message, struct bytes names,
                       struct bytes issuer)
{
    if (message->kind == SERVER_MESSAGE_NAMES)
        (void)terminal_append_text(out, names,
                                   style->terminal.is_one ? style->terminal.width - 1 : SIZE_MAX);
    else if (style->terminal.is_one)
        write_columns(out, &style->terminal, message, names, issuer);
    else
        write_tabbed(out, message, names, issuer);
}

static void write_certificate(struct buffer *out, const struct row_style *style,
                              const struct server_message *message)
{
    struct buffer names, issuer;
    buffer_init(&names, SIZE_MAX);
    buffer_init(&issuer, SIZE_MAX);
    append_names(&names, message->names);
    append_issuer(&issuer, message);
    if (style->format == ROW_CSV)
        write_csv(out, message, buffer_bytes(&names), buffer_bytes(&issuer));
    else
        write_line(out, style, message, buffer_bytes(&names), buffer_bytes(&issuer));
    buffer_append_byte(out, '\n');
    buffer_free(&names);
    buffer_free(&issuer);
}

static void write_name(struct buffer *out, enum row_format format, const char *name)
{
    struct buffer json;
    struct json_writer writer = json_writer_of(&json);
    switch (format) {
    case ROW_LINE: (void)terminal_append_text(out, bytes_of_string(name), SIZE_MAX); break;
    case ROW_CSV: append_csv(out, bytes_of_string(name)); break;
    case ROW_JSON:
        buffer_init(&json, SIZE_MAX);
        json_string(&writer, name);
        terminal_append_json(out, buffer_bytes(&json));
        buffer_free(&json);
        break;
    }
    buffer_append_byte(out, '\n');
}

void message_row_write_header(struct buffer *out, const struct row_style *style, bool names_only)
{
    if (style->format != ROW_CSV)
        return;
    buffer_append_string(
        out, style->is_per_name ? "name\n"
             : names_only       ? "names\n"
                                : "seen,type,log,index,sha256,issuer,not_before,not_after,names\n");
}

void message_row_write(struct buffer *out, const struct row_style *style,
                       const struct server_message *message, struct bytes text)
{
    const cJSON *name;
    if (style->is_per_name) {
        cJSON_ArrayForEach(name, message->names) write_name(out, style->format, name_text(name));
    } else if (style->format == ROW_JSON) {
        terminal_append_json(out, text);
        buffer_append_byte(out, '\n');
    } else {
        write_certificate(out, style, message);
    }
}
