#include "streamer/ws/admin.h"

#include <string.h>

#include "shared/base/decimal.h"
#include "shared/json/json_writer.h"
#include "shared/process/clock.h"
#include "streamer/edge/admission.h"
#include "streamer/loop/transport.h"
#include "streamer/ws/session.h"

#define CLIENTS_PATH "/admin/clients"

bool admin_has(struct bytes path)
{
    size_t size = strlen(CLIENTS_PATH);
    return path.size >= size && memcmp(path.data, CLIENTS_PATH, size) == 0 &&
           (path.size == size || path.data[size] == '/');
}

/* Of health anybody may know. Metrics name customers, and those who scrape them have names for us
 * that no page can have. */
static bool may_be_page(const struct access *access, const struct request_head *head,
                        const struct access_request *request)
{
    if (request->origin.data)
        return true;
    if (admin_has(head->path))
        return !access_is_no_page(request);
    return bytes_equal_string(head->path, "/metrics") && !access_is_own_host(access, request);
}

struct refusal admin_check(const struct access *access, const struct request_head *head,
                           const struct access_request *request)
{
    bool is_delete = head->method == REQUEST_DELETE;
    if (is_delete && !admin_has(head->path))
        return (struct refusal){ 405, "only GET, HEAD and OPTIONS" };
    /* Nobody shows a token here, so there is nothing that one would be needed for. */
    if (!admin_has(head->path) && !access_is_health(head->path))
        return (struct refusal){ 404, "not for administrators" };
    if (may_be_page(access, head, request))
        return (struct refusal){ 403, "ask by an address, and from no page" };
    return (struct refusal){ 0 };
}

static void write_stream(struct json_writer *writer, const struct subscriber *subscriber)
{
    const struct lane_key *key = lanes_key(subscriber->slot);
    const struct lane *lane = lanes_lane(subscriber->slot);
    const struct cursor *state = &subscriber->state;
    json_key(writer, "stream");
    json_string(writer, stream_request_content_name(key->form.content));
    json_key(writer, "framing");
    json_string(writer, framing_name(key->framing));
    json_key(writer, "filter");
    json_text_or_null(writer, key->filter ? bytes_of_string(filter_text(key->filter))
                                          : (struct bytes){ 0 });
    /* One that reads of the past has no place in the lane. */
    json_key(writer, "behind");
    json_bool(writer, state->is_behind);
    json_key(writer, "lag_messages");
    if (state->is_behind)
        json_null(writer);
    else
        json_unsigned(writer, lane_next(lane) - state->position);
    json_key(writer, "sent_bytes");
    json_unsigned(writer, subscriber->sent_bytes);
}

static void write_client(struct json_writer *writer, const struct session *session, uint64_t now_ms)
{
    const struct connection *connection = session->connection;
    const struct customer *customer =
        customers_find(connection->admission->customers, connection->customer);
    char peer[ADDRESS_TEXT_SIZE];
    json_begin_object(writer);
    json_key(writer, "number");
    json_unsigned(writer, session->number);
    json_key(writer, "customer");
    json_text_or_null(writer, customer ? bytes_of_string(customer->name) : (struct bytes){ 0 });
    json_key(writer, "peer");
    json_string(writer, address_format(peer, connection->peer));
    json_key(writer, "age_seconds");
    json_milliseconds(writer, now_ms - session->opened_at_ms);
    json_key(writer, "buffered_bytes");
    json_unsigned(writer, transport_buffered(session->transport));
    if (subscriber_has_joined(&session->subscriber))
        write_stream(writer, &session->subscriber);
    json_end_object(writer);
}

static void write_clients(struct http_answer *answer, const struct sessions *sessions)
{
    uint64_t now_ms = clock_monotonic_ms();
    http_answer_begin_json(answer, 200);
    struct json_writer writer = json_writer_of(&answer->body);
    json_begin_object(&writer);
    json_key(&writer, "clients");
    json_begin_array(&writer);
    for (const struct session *session = sessions->first; session; session = session->next)
        if (!session->connection->is_admin)
            write_client(&writer, session, now_ms);
    json_end_array(&writer);
    json_end_object(&writer);
}

static void disconnect(struct http_answer *answer, struct bytes path, struct sessions *sessions)
{
    uint64_t number;
    size_t size = strlen(CLIENTS_PATH "/");
    bool is_number =
        path.size > size && decimal_parse(&number, bytes_of(path.data + size, path.size - size));
    if (!is_number || !sessions_end(sessions, number)) {
        http_answer_error(answer, 404, "no such client");
        return;
    }
    http_answer_begin_json(answer, 200);
    buffer_append_string(&answer->body, "{\"disconnected\":true}");
}

void admin_answer(struct http_answer *answer, const struct request_head *head,
                  struct sessions *sessions)
{
    if (head->method == REQUEST_DELETE)
        disconnect(answer, head->path, sessions);
    else if (bytes_equal_string(head->path, CLIENTS_PATH))
        write_clients(answer, sessions);
    else
        http_answer_error(answer, 404, "not found");
}
