#include "streamer/streamer.h"

#include <assert.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#include "shared/process/clock.h"
#include "shared/process/notify.h"
#include "shared/process/say.h"
#include "shared/redis/contract.h"
#include "shared/redis/redis_address.h"
#include "shared/redis/redis_link.h"
#include "streamer/edge/admission.h"
#include "streamer/edge/customers.h"
#include "streamer/edge/listeners.h"
#include "streamer/filter/filter_subject.h"
#include "streamer/http/entry_search.h"
#include "streamer/http/http_routes.h"
#include "streamer/http/newest.h"
#include "streamer/http/share_answer.h"
#include "streamer/http/shares.h"
#include "streamer/lanes/lanes.h"
#include "streamer/lanes/renderer.h"
#include "streamer/lanes/replays.h"
#include "streamer/loop/loop.h"
#include "streamer/loop/redis_driver.h"
#include "streamer/past/certificate_index.h"
#include "streamer/past/history_watch.h"
#include "streamer/past/recent_certificates_keeper.h"
#include "streamer/past/stream_query.h"
#include "streamer/stream/issuer_cache.h"
#include "streamer/stream/log_reports.h"
#include "streamer/stream/reader_lag.h"
#include "streamer/stream/recent_certificates.h"
#include "streamer/stream/recent_entries.h"
#include "streamer/stream/stream_entry.h"
#include "streamer/stream/stream_reader.h"
#include "streamer/streamer_settings.h"
#include "streamer/ws/ws_server.h"

enum {
    TICK_MS = 1000,
    /* Clients have this long to take their close frames, within the five seconds that a stop may
     * take. */
    GOODBYE_MS = 3000,
    GOODBYE_CHECK_MS = 20,
    /* More than the longest wait of XREAD BLOCK, and than what a busy Redis takes. */
    REDIS_TIMEOUT_MS = 15000,
    /* Some 3,000 issuers with their certificates: all that logs see in weeks. */
    ISSUERS_MAX_BYTES = 16 * 1024 * 1024,
    /* What the process has open besides its clients: Redis, listeners (each twice), lanes,
     * libwebsockets' own, and the places that are kept for health and refusals. */
    OTHER_DESCRIPTORS = 128,
};

struct streamer {
    const struct streamer_settings *settings;
    struct contract contract;
    struct admission admission;
    struct listeners listeners;
    struct listeners admin_listeners;
    struct loop *loop;
    struct issuer_cache *issuers;
    struct renderer *renderer;
    struct filter_subject *subject; /* of answers */
    struct framer *framer;
    struct lanes *lanes;
    struct recent_entries *recent;
    struct stream_reader *reader;
    struct redis_driver *reading;   /* blocks in XREAD */
    struct redis_driver *replaying; /* pages of the past */
    struct redis_driver *asking;    /* for everything else */
    struct stream_queries *queries;
    struct history_watch *history;
    struct certificate_index *index;
    struct replays *replays;
    struct newest *newest;
    struct recent_certificates *recent_certificates;
    struct recent_certificates_keeper *keeper;
    struct entry_search *search;
    struct reader_lag *reader_lag;
    struct log_reports *reports;
    struct shares *shares;
    struct share_answer *share_answer;
    struct http_sources sources;
    struct ws_server *server;
    struct loop_watch *signals;
    struct loop_watch *filters; /* whose patterns are compiled */
    bool is_shard_said;
    int signal_descriptor;
    struct loop_timer *tick;
    struct loop_timer *gathering;
    struct loop_timer *goodbye;
    uint64_t goodbye_end_ms;
    struct notify *notify;
    struct loop_timer *sign_of_life; /* for the watchdog of the service manager */
};

static void on_entries(const struct stream_entry *entries, const uint64_t *ordinals, size_t count,
                       uint64_t now_ms, void *context)
{
    struct streamer *streamer = context;
    size_t unique = recent_certificates_keeper_add(streamer->keeper, entries, count);
    shares_add(streamer->shares, entries, count, unique, clock_realtime_ms());
    stream_queries_note_end(streamer->queries, entries[count - 1].id);
    for (size_t i = 0; i < count; i++)
        lanes_publish(streamer->lanes, &entries[i], ordinals[i], now_ms);
    ws_server_wake(streamer->server, now_ms);
}

static void on_break(struct stream_position after, void *context)
{
    struct streamer *streamer = context;
    lanes_break(streamer->lanes, after.id);
    if (!streamer->server)
        return;
    ws_server_learn_newest(streamer->server, after);
    ws_server_wake(streamer->server, clock_monotonic_ms());
}

static void on_loss(struct stream_id end, void *context)
{
    struct streamer *streamer = context;
    if (streamer->server)
        ws_server_note_loss(streamer->server, end);
    stream_queries_forget_pages(streamer->queries);
    replays_forget_pages(streamer->replays);
}

static void on_branch(struct stream_id fork, void *context)
{
    struct streamer *streamer = context;
    lanes_branch(streamer->lanes, fork);
}

static void on_fork(struct stream_id fork, struct stream_id lost, void *context)
{
    struct streamer *streamer = context;
    if (streamer->server)
        ws_server_note_fork(streamer->server, fork, lost);
}

static void on_repeat(struct stream_id id, void *context)
{
    struct streamer *streamer = context;
    if (streamer->server)
        ws_server_note_rollback(streamer->server);
    stream_queries_forget_pages(streamer->queries);
    replays_forget_pages(streamer->replays);
    lanes_pass_over(streamer->lanes, id);
}

static bool needs_issuers(void *context)
{
    struct streamer *streamer = context;
    return lanes_need_issuers(streamer->lanes);
}

static void on_gather(uint64_t after_ms, void *context)
{
    struct streamer *streamer = context;
    loop_timer_set(streamer->gathering, after_ms);
}

static void on_gathered(void *context)
{
    struct streamer *streamer = context;
    stream_reader_end_gathering(streamer->reader);
}

static void on_reading_up(struct redis_link *link, void *context)
{
    struct streamer *streamer = context;
    say_info("reading the stream", "key=%s", say_quoted(streamer->contract.stream));
    stream_reader_start(streamer->reader, link);
}

static void on_reading_down(struct redis_link *link, const char *reason, void *context)
{
    (void)link;
    (void)context;
    say_warning("Redis is away", "reason=%s", say_quoted(reason));
}

static void on_replaying_up(struct redis_link *link, void *context)
{
    struct streamer *streamer = context;
    stream_queries_start(streamer->queries, link);
}

/* Whoever connects here misses what the other shards have: that is said once for each start. */
static void on_deployment(struct redis_link *link, struct redisReply *reply, void *context)
{
    struct streamer *streamer = context;
    (void)link;
    if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        reply->element[0]->type != REDIS_REPLY_STRING ||
        reply->element[1]->type != REDIS_REPLY_STRING || streamer->is_shard_said)
        return;
    streamer->is_shard_said = true;
    say_warning("this stream is one shard of several: each has its own streamers",
                "prefix=%s shard=%s shards=%s", streamer->contract.prefix,
                say_quoted(reply->element[1]->str), say_quoted(reply->element[0]->str));
}

static void on_asking_up(struct redis_link *link, void *context)
{
    struct streamer *streamer = context;
    (void)redis_link_send_strings(link, on_deployment, streamer, "HMGET",
                                  streamer->contract.deployment, CONTRACT_DEPLOYMENT_SHARDS,
                                  CONTRACT_DEPLOYMENT_SHARD, (char *)NULL);
    log_reports_refresh(streamer->reports, clock_monotonic_ms());
    history_watch_refresh(streamer->history, clock_monotonic_ms());
}

static void tell_status(struct streamer *streamer)
{
    const struct redis_link *link = redis_driver_link(streamer->reading);
    if (redis_link_is_up(link))
        notify_status(streamer->notify, "serves %zu connections",
                      ws_server_connections(streamer->server)->open);
    else
        notify_status(streamer->notify, "Redis is away: %s", redis_link_reason(link));
}

static void on_tick(void *context)
{
    struct streamer *streamer = context;
    uint64_t now_ms = clock_monotonic_ms();
    ws_server_tick(streamer->server, now_ms);
    lanes_tick(streamer->lanes, now_ms);
    log_reports_refresh(streamer->reports, now_ms);
    reader_lag_refresh(streamer->reader_lag, now_ms);
    history_watch_refresh(streamer->history, now_ms);
    recent_certificates_keeper_tick(streamer->keeper);
    tell_status(streamer);
    loop_timer_set(streamer->tick, TICK_MS);
}

/* A timer of the loop calls it: a loop that hangs says nothing. */
static void on_sign_of_life(void *context)
{
    struct streamer *streamer = context;
    uint64_t now_ms = clock_monotonic_ms();
    notify_turn(streamer->notify, now_ms);
    uint64_t deadline_ms = notify_deadline_ms(streamer->notify);
    if (deadline_ms != UINT64_MAX)
        loop_timer_set(streamer->sign_of_life, deadline_ms > now_ms ? deadline_ms - now_ms : 0);
}

static void on_goodbye(void *context)
{
    struct streamer *streamer = context;
    bool over = clock_monotonic_ms() >= streamer->goodbye_end_ms;
    if (over || ws_server_connections(streamer->server)->open == 0)
        loop_stop(streamer->loop);
    else
        loop_timer_set(streamer->goodbye, GOODBYE_CHECK_MS);
}

static void log_totals(const struct streamer *streamer)
{
    const struct stream_reader_stats *reader = stream_reader_stats(streamer->reader);
    const struct lanes_stats *lanes = lanes_stats(streamer->lanes);
    const struct framer_stats *framer = framer_stats(streamer->framer);
    const struct connection_counters *connections = ws_server_connections(streamer->server);
    const struct subscriber_counters *clients = ws_server_subscribers(streamer->server);
    say_info("totals of the stream",
             "entries=%" PRIu64 " malformed=%" PRIu64 " oversized=%" PRIu64 " rollbacks=%" PRIu64,
             reader->entries, reader->malformed + framer->malformed, lanes->oversized,
             reader->rollbacks);
    say_info("totals of the clients",
             "accepted=%" PRIu64 " refused=%" PRIu64 " slices=%" PRIu64 " bytes=%" PRIu64
             " partial=%" PRIu64 " gaps=%" PRIu64 " missed=%" PRIu64 " closed_slow=%" PRIu64
             " closed_silent=%" PRIu64,
             connections->accepted, connections->refused, clients->slices, clients->slice_bytes,
             clients->partial, clients->gaps, clients->missed, clients->closed_slow,
             clients->closed_silent);
}

static void stop(struct streamer *streamer)
{
    loop_watch_destroy(streamer->signals);
    streamer->signals = NULL;
    say_info("stopping", "connections=%zu", ws_server_connections(streamer->server)->open);
    log_totals(streamer);
    notify_stopping(streamer->notify);
    ws_server_close(streamer->server);
    /* The listeners are closed at once: who connects now is better off with another streamer of the
     * port. */
    listeners_close(&streamer->listeners);
    listeners_close(&streamer->admin_listeners);
    streamer->goodbye_end_ms = clock_monotonic_ms() + GOODBYE_MS;
    on_goodbye(streamer);
}

static void on_signal(short events, void *context)
{
    struct streamer *streamer = context;
    struct signalfd_siginfo signal;
    (void)events;
    while (streamer->signals &&
           read(streamer->signal_descriptor, &signal, sizeof signal) == sizeof signal) {
        if (signal.ssi_signo == SIGHUP)
            admission_reload(&streamer->admission);
        else
            stop(streamer);
    }
}

/* Exactly what is needed: libwebsockets makes a table of as many entries as there may be
 * descriptors, and where the limit is a million, as in containers, that would be most of the
 * process's memory. Answers how many clients there is room for. */
static size_t limit_descriptors(int64_t max_clients)
{
    struct rlimit limit = { 0 };
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    rlim_t wanted = (rlim_t)max_clients + OTHER_DESCRIPTORS;
    limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur == wanted)
        return (size_t)max_clients;
    size_t room = limit.rlim_cur > OTHER_DESCRIPTORS ? limit.rlim_cur - OTHER_DESCRIPTORS : 1;
    say_warning("the limit on open files leaves room for fewer clients",
                "max-clients=%" PRId64 " room=%zu", max_clients, room);
    return room;
}

static struct redis_driver *connect_redis(struct streamer *streamer, const char *name,
                                          const struct redis_link_events *events)
{
    struct redis_address address;
    const char *wrong = redis_address_parse(&address, streamer->settings->redis);
    assert(!wrong);
    struct redis_link_options options = {
        .address = &address,
        .key = streamer->contract.stream,
        .client_name = name,
        .timeout_ms = REDIS_TIMEOUT_MS,
        .events = *events,
    };
    return redis_driver_create(streamer->loop, &options);
}

/* Without it, who chooses certificates could make looking up recent certificates slow, and nothing
 * worse. */
static uint64_t random_seed(void)
{
    uint64_t seed = clock_monotonic_ms();
    (void)!getrandom(&seed, sizeof seed, 0);
    return seed;
}

/* The answers over HTTP are made of these. */
static void fill_sources(struct streamer *streamer)
{
    streamer->sources = (struct http_sources){
        .newest = streamer->newest,
        .renderer = streamer->renderer,
        .subject = streamer->subject,
        .lanes = streamer->lanes,
        .search = streamer->search,
        .recent_certificates = streamer->recent_certificates,
        .keeper = streamer->keeper,
        .reader_lag = streamer->reader_lag,
        .history = streamer->history,
        .reports = streamer->reports,
        .shares = streamer->share_answer,
        .reader = streamer->reader,
        .reader_link = redis_driver_link(streamer->reading),
        .query_link = redis_driver_link(streamer->asking),
        .replay_link = redis_driver_link(streamer->replaying),
        .replays = streamer->replays,
        .queries = streamer->queries,
        .index = streamer->index,
        .loop = streamer->loop,
        .customers = streamer->admission.customers,
        .identity = streamer->admission.identity,
        .dialect = streamer_settings_dialect(streamer->settings),
    };
}

static void charge_customer(uint64_t customer, uint64_t bytes, uint64_t now_ms, void *context)
{
    struct streamer *streamer = context;
    customers_charge_replay(streamer->admission.customers, customer, bytes, now_ms);
}

static uint64_t customer_wait_ms(uint64_t customer, uint64_t now_ms, void *context)
{
    struct streamer *streamer = context;
    return customers_replay_wait_ms(streamer->admission.customers, customer, now_ms);
}

static void make_queries(struct streamer *streamer)
{
    struct stream_queries_options options = {
        .contract = &streamer->contract,
        .loop = streamer->loop,
        .issuers = streamer->issuers,
        .bytes_per_second = (uint64_t)streamer->settings->replay_rate,
        .history_cache_bytes = (size_t)streamer->settings->history_cache,
        .charge = charge_customer,
        .wait_ms = customer_wait_ms,
        .context = streamer,
    };
    streamer->queries = stream_queries_create(&options);
}

static void make_readers(struct streamer *streamer)
{
    struct stream_reader_events reader_events = {
        on_entries, needs_issuers, on_gather, on_break, on_repeat,
        on_loss,    on_branch,     on_fork,   streamer,
    };
    struct redis_link_events reading = {
        .on_up = on_reading_up,
        .on_down = on_reading_down,
        .context = streamer,
    };
    struct redis_link_events asking = { .on_up = on_asking_up, .context = streamer };
    streamer->issuers = issuer_cache_create(ISSUERS_MAX_BYTES);
    streamer->renderer = renderer_create(streamer->issuers);
    streamer->framer = framer_create(streamer->renderer);
    streamer->recent_certificates =
        recent_certificates_create((size_t)streamer->settings->unique_window, random_seed());
    streamer->subject = filter_subject_create(streamer->recent_certificates);
    struct lanes_options lanes = {
        .ring_bytes = (size_t)streamer->settings->ring_bytes,
        .dialect = streamer_settings_dialect(streamer->settings),
        .filtered_max = (size_t)streamer->settings->max_filters,
        .framer = streamer->framer,
        .recent = streamer->recent_certificates,
    };
    streamer->lanes = lanes_create(&lanes);
    streamer->recent = recent_entries_create();
    streamer->reader = stream_reader_create(&streamer->contract, streamer->issuers,
                                            streamer->recent, &reader_events);
    streamer->reading = connect_redis(streamer, "certstream-reader", &reading);
    make_queries(streamer);
    streamer->index = certificate_index_create();
    struct replays_options replays = {
        .queries = streamer->queries,
        .loop = streamer->loop,
        .framer = streamer->framer,
        .window = streamer->recent_certificates,
        .recent = streamer->recent,
        .pages_max = (size_t)streamer->settings->replay_pages,
    };
    struct redis_link_events replaying = { .on_up = on_replaying_up, .context = streamer };
    streamer->replays = replays_create(&replays);
    streamer->replaying = connect_redis(streamer, "certstream-replays", &replaying);
    streamer->asking = connect_redis(streamer, "certstream-queries", &asking);
    struct redis_link *asking_link = redis_driver_link(streamer->asking);
    streamer->history = history_watch_create(&streamer->contract, asking_link,
                                             stream_queries_past(streamer->queries));
    streamer->newest = newest_create(streamer->queries);
    const struct recent_certificates_keeper_options keeper = {
        .queries = streamer->queries,
        .reader = streamer->reader,
        .history = streamer->history,
        .window = streamer->recent_certificates,
        .index = streamer->index,
    };
    streamer->keeper = recent_certificates_keeper_create(&keeper);
    streamer->search = entry_search_create(streamer->queries, streamer->recent_certificates,
                                           streamer->admission.customers);
    streamer->reader_lag = reader_lag_create(&streamer->contract, asking_link, streamer->reader);
    streamer->reports = log_reports_create(&streamer->contract, asking_link);
    streamer->shares = shares_create(clock_realtime_ms());
    streamer->share_answer = share_answer_create(streamer->shares);
    fill_sources(streamer);
}

static bool make_server(struct streamer *streamer, size_t max_connections)
{
    const struct streamer_settings *settings = streamer->settings;
    struct ws_server_options options = {
        .loop = streamer->loop,
        .sources = &streamer->sources,
        .admission = &streamer->admission,
        .max_connections = max_connections,
        .handshake_ms = (uint64_t)settings->handshake_ms,
        .deflate = !settings->no_deflate,
        .subscribers = {
            .lanes = streamer->lanes,
            .reader = streamer->reader,
            .replays = streamer->replays,
            .recent = streamer->recent,
            .customers = streamer->admission.customers,
            .index = streamer->index,
            .timing = {
                .heartbeat_ms = (uint64_t)settings->heartbeat_ms,
                .ping_ms = (uint64_t)settings->ping_ms,
                .silence_ms = (uint64_t)settings->silence_ms,
                .stall_ms = (uint64_t)settings->stall_ms,
            },
        },
    };
    streamer->server = ws_server_create(&options);
    if (!streamer->server)
        return false;
    streamer->sources.connections = ws_server_connections(streamer->server);
    streamer->sources.subscribers = ws_server_subscribers(streamer->server);
    return true;
}

static void on_filters_compiled(short events, void *context)
{
    (void)events;
    struct streamer *streamer = context;
    lanes_on_descriptor(streamer->lanes, clock_monotonic_ms());
}

/* False if there is no descriptor left; fine where nothing is compiled. */
static bool watch_filters(struct streamer *streamer)
{
    int descriptor = lanes_descriptor(streamer->lanes);
    if (descriptor >= 0)
        streamer->filters =
            loop_watch_create(streamer->loop, descriptor, on_filters_compiled, streamer);
    else
        say_warning("filters are searched for one by one", "reason=%s",
                    say_quoted("the processor has no SSE4.2"));
    return descriptor < 0 || streamer->filters;
}

static bool watch_signals(struct streamer *streamer)
{
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGINT);
    sigaddset(&wanted, SIGHUP);
    streamer->signal_descriptor = signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC);
    if (streamer->signal_descriptor < 0)
        return false;
    streamer->signals =
        loop_watch_create(streamer->loop, streamer->signal_descriptor, on_signal, streamer);
    return streamer->signals != NULL;
}

static bool complain(const char *reason)
{
    (void)fprintf(stderr, "certstream-streamer: %s\n", reason);
    return false;
}

static bool open_listeners(struct streamer *streamer)
{
    const struct streamer_settings *settings = streamer->settings;
    struct listeners_options options = {
        .places = settings->listen.items,
        .count = settings->listen.count,
        .port = (uint16_t)settings->port,
        .is_shared = settings->share_port,
        .has_certificate = streamer->admission.identity != NULL,
    };
    char reason[LISTENER_REASON_SIZE];
    if (!listeners_open(&streamer->listeners, &options, reason))
        return complain(reason);
    options.places = settings->admin_listen.items;
    options.count = settings->admin_listen.count;
    options.port = 0;
    options.is_shared = false;
    return options.count == 0 || listeners_open(&streamer->admin_listeners, &options, reason) ||
           complain(reason);
}

static bool make_admission(struct streamer *streamer, size_t max_connections)
{
    char reason[ADMISSION_REASON_SIZE];
    const struct streamer_settings *settings = streamer->settings;
    const struct admission_options options = {
        .tokens = settings->tokens,
        .token_file = settings->token_file,
        .origins = settings->origins,
        .own_origins = settings->own_origins,
        .trusted_proxies = settings->trusted_proxies,
        .tls_cert = settings->tls_cert,
        .tls_key = settings->tls_key,
        .connections_max = max_connections,
        .customers = streamer_settings_customer_limits(settings),
    };
    return admission_init(&streamer->admission, &options, reason) || complain(reason);
}

static bool start(struct streamer *streamer)
{
    const struct streamer_settings *settings = streamer->settings;
    if (!contract_init(&streamer->contract, settings->prefix))
        return false;
    size_t max_connections = limit_descriptors(settings->max_clients);
    if (!make_admission(streamer, max_connections) || !open_listeners(streamer))
        return false;
    streamer->loop = loop_create();
    if (!streamer->loop)
        return false;
    streamer->gathering = loop_timer_create(streamer->loop, on_gathered, streamer);
    make_readers(streamer);
    streamer->tick = loop_timer_create(streamer->loop, on_tick, streamer);
    streamer->goodbye = loop_timer_create(streamer->loop, on_goodbye, streamer);
    streamer->sign_of_life = loop_timer_create(streamer->loop, on_sign_of_life, streamer);
    loop_timer_set(streamer->tick, TICK_MS);
    return make_server(streamer, max_connections) && watch_signals(streamer) &&
           watch_filters(streamer) &&
           ws_server_listen(streamer->server, &streamer->listeners, false) &&
           ws_server_listen(streamer->server, &streamer->admin_listeners, true);
}

/* The order matters: links hand back what was pending to those who asked; connections leave their
 * lanes and their queries when the loop closes them; then nobody is left who could call anybody. */
static void clean_up(struct streamer *streamer)
{
    if (streamer->server)
        ws_server_close(streamer->server);
    redis_driver_destroy(streamer->reading);
    redis_driver_destroy(streamer->replaying);
    redis_driver_destroy(streamer->asking);
    stream_queries_stop(streamer->queries);
    replays_destroy(streamer->replays);
    loop_watch_destroy(streamer->signals);
    loop_watch_destroy(streamer->filters);
    loop_timer_destroy(streamer->tick);
    loop_timer_destroy(streamer->gathering);
    loop_timer_destroy(streamer->goodbye);
    loop_timer_destroy(streamer->sign_of_life);
    ws_server_destroy(streamer->server);
    loop_destroy(streamer->loop);
    share_answer_destroy(streamer->share_answer);
    shares_destroy(streamer->shares);
    log_reports_destroy(streamer->reports);
    reader_lag_destroy(streamer->reader_lag);
    entry_search_destroy(streamer->search);
    recent_certificates_keeper_destroy(streamer->keeper);
    newest_destroy(streamer->newest);
    history_watch_destroy(streamer->history);
    stream_queries_destroy(streamer->queries);
    stream_reader_destroy(streamer->reader);
    recent_entries_destroy(streamer->recent);
    lanes_destroy(streamer->lanes);
    recent_certificates_destroy(streamer->recent_certificates);
    certificate_index_destroy(streamer->index);
    framer_destroy(streamer->framer);
    filter_subject_destroy(streamer->subject);
    renderer_destroy(streamer->renderer);
    issuer_cache_destroy(streamer->issuers);
    listeners_close(&streamer->listeners);
    listeners_close(&streamer->admin_listeners);
    admission_clear(&streamer->admission);
    if (streamer->signal_descriptor >= 0)
        (void)close(streamer->signal_descriptor);
}

static void say_where(const struct listeners *listeners, const char *whom)
{
    for (size_t i = 0; i < listeners->count; i++)
        (void)printf("listening on %s%s\n", listeners->items[i].url, whom);
}

int streamer_run(const struct streamer_settings *settings)
{
    struct streamer streamer = { .settings = settings, .signal_descriptor = -1 };
    bool started = start(&streamer);
    if (started) {
        streamer.notify = notify_create();
        notify_ready(streamer.notify);
        on_sign_of_life(&streamer);
        say_where(&streamer.listeners, "");
        say_where(&streamer.admin_listeners, " for administrators");
        /* All at once: who has read the first line finds the others. */
        (void)fflush(stdout);
        loop_run(streamer.loop);
        notify_destroy(streamer.notify);
    }
    clean_up(&streamer);
    return started ? 0 : 1;
}
