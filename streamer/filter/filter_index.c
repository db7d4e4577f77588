#include "streamer/filter/filter_index.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/memory.h"
#include "streamer/filter/domain_table.h"
#include "streamer/filter/filter.h"
#include "streamer/filter/filter_subject.h"
#include "streamer/filter/pattern_compiler.h"
#include "streamer/filter/pattern_set.h"
#include "streamer/filter/repeated_text.h"

enum {
    /* Some 0.15 ms per name. A thousand ordinary filters that come at once cost 50,000. */
    ALONE_COST_MAX = 150000,
    /* The compiler rests three times as long as it worked, so that filters that come and go all the
     * time take it a quarter of a core at most. */
    REST_FACTOR = 3,
    /* A set with so many patterns of filters that are gone, and mostly such, is made anew. */
    GONE_MIN = 64,
    NUMBER_UNKNOWN = REPEATED_TEXTS_MAX,
};

enum member_state {
    MEMBER_ALONE,
    MEMBER_TOGETHER, /* its patterns are in the set, or it has none */
    MEMBER_UNNAMED,  /* looks for no names: asked for every entry */
    MEMBER_STATES,
};

struct filter_member {
    const struct filter *filter;
    void *owner;
    unsigned looks_for; /* enum filter_name_kind */
    enum member_state state;
    size_t place; /* among those of its state */
    bool is_awaited;
    bool is_tried;
    bool is_unfit; /* for a set */
    uint64_t tried_us;
    struct domain_entry *domains;
    size_t domain_count;
    /* What was found out about logs and issuers. */
    bool asks_log, asks_issuer;
    struct text_verdicts logs, issuers;
    /* What was found of the entry with this number. */
    uint64_t entry;
    unsigned found;
};

struct member_list {
    struct filter_member **items;
    size_t count, capacity;
};

/* The owner of a pattern of the set. */
struct pattern_owner {
    struct filter_member *member; /* NULL: gone */
    enum filter_name_kind kind;
};

struct filter_index {
    struct member_list members[MEMBER_STATES];
    struct domain_table domains;
    struct pattern_set *set; /* NULL: none */
    struct pattern_owner *pattern_owners;
    size_t pattern_count, gone_count;
    struct pattern_scratch *scratch;
    struct pattern_compiler *compiler; /* NULL: there are no sets here */
    struct filter_member **in_job;     /* of each group of the job; NULL: gone */
    size_t in_job_count;
    struct repeated_texts *logs, *issuers;
    size_t log, issuer; /* the numbers of the entry's; NUMBER_UNKNOWN: not looked up yet */
    uint64_t rest_until_ms;
    uint64_t entry; /* counts them */
    struct member_list touched;
    void **passed;
    size_t passed_count, passed_capacity;
    struct filter_index_stats stats;
};

struct filter_index *filter_index_create(void)
{
    struct filter_index *index = memory_allocate_zeroed(1, sizeof *index);
    index->scratch = pattern_scratch_create();
    index->logs = repeated_texts_create();
    index->issuers = repeated_texts_create();
    if (pattern_sets_are_possible())
        index->compiler = pattern_compiler_create();
    return index;
}

void filter_index_destroy(struct filter_index *index)
{
    if (!index)
        return;
    pattern_compiler_destroy(index->compiler);
    for (size_t i = 0; i < MEMBER_STATES; i++) {
        assert(index->members[i].count == 0);
        free(index->members[i].items);
    }
    pattern_set_destroy(index->set);
    pattern_scratch_destroy(index->scratch);
    repeated_texts_destroy(index->logs);
    repeated_texts_destroy(index->issuers);
    domain_table_free(&index->domains);
    free(index->pattern_owners);
    free(index->in_job);
    free(index->touched.items);
    free(index->passed);
    free(index);
}

static void push_member(struct member_list *list, struct filter_member *member)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? 2 * list->capacity : 64;
        list->items = memory_resize(list->items, list->capacity, sizeof(struct filter_member *));
    }
    list->items[list->count++] = member;
}

static void enter_state(struct filter_index *index, struct filter_member *member,
                        enum member_state state)
{
    member->state = state;
    member->place = index->members[state].count;
    push_member(&index->members[state], member);
    if (state == MEMBER_ALONE) {
        index->stats.alone++;
        index->stats.alone_cost += filter_cost(member->filter);
    }
}

static void leave_state(struct filter_index *index, struct filter_member *member)
{
    struct member_list *list = &index->members[member->state];
    struct filter_member *last = list->items[--list->count];
    list->items[member->place] = last;
    last->place = member->place;
    if (member->state == MEMBER_ALONE) {
        index->stats.alone--;
        index->stats.alone_cost -= filter_cost(member->filter);
    }
}

static void add_domains(struct filter_index *index, struct filter_member *member)
{
    const struct domain_entry *domains = filter_domains(member->filter, &member->domain_count);
    member->domains = memory_allocate_zeroed(member->domain_count + 1, sizeof *member->domains);
    for (size_t i = 0; i < member->domain_count; i++) {
        member->domains[i] = domains[i];
        member->domains[i].owner = member;
        domain_table_add(&index->domains, &member->domains[i]);
    }
}

bool filter_index_has_room(const struct filter_index *index, const struct filter *filter)
{
    return filter_pattern_count(filter) == 0 ||
           index->stats.alone_cost + filter_cost(filter) <= ALONE_COST_MAX;
}

struct filter_member *filter_index_add(struct filter_index *index, const struct filter *filter,
                                       void *owner)
{
    struct filter_member *member = memory_allocate_zeroed(1, sizeof *member);
    member->filter = filter;
    member->owner = owner;
    member->is_awaited = true;
    member->looks_for = filter_name_kinds(filter);
    member->asks_log = filter_asks_log(filter);
    member->asks_issuer = filter_asks_issuer(filter);
    add_domains(index, member);
    if (filter_pattern_count(filter) > 0)
        enter_state(index, member, MEMBER_ALONE);
    else
        enter_state(index, member, member->looks_for ? MEMBER_TOGETHER : MEMBER_UNNAMED);
    index->stats.filters++;
    return member;
}

static void give_up_waiting(struct filter_index *index, const struct filter_member *member)
{
    for (size_t i = 0; i < index->in_job_count; i++)
        if (index->in_job[i] == member)
            pattern_compiler_give_up(index->compiler, i);
}

static void forget_patterns(struct filter_index *index, const struct filter_member *member)
{
    for (size_t i = 0; i < index->pattern_count; i++)
        if (index->pattern_owners[i].member == member) {
            index->pattern_owners[i].member = NULL;
            index->gone_count++;
        }
    give_up_waiting(index, member);
    for (size_t i = 0; i < index->in_job_count; i++)
        if (index->in_job[i] == member)
            index->in_job[i] = NULL;
}

void filter_index_set_awaited(struct filter_index *index, struct filter_member *member,
                              bool is_awaited)
{
    member->is_awaited = is_awaited;
    /* Who is in the set already may come back to it. */
    if (!is_awaited && member->state == MEMBER_ALONE)
        give_up_waiting(index, member);
}

void filter_index_remove(struct filter_index *index, struct filter_member *member)
{
    for (size_t i = 0; i < member->domain_count; i++)
        domain_table_remove(&index->domains, &member->domains[i]);
    forget_patterns(index, member);
    leave_state(index, member);
    index->stats.filters--;
    free(member->domains);
    free(member);
}

static void note_found(struct filter_index *index, struct filter_member *member,
                       enum filter_name_kind kind)
{
    if (member->entry != index->entry) {
        member->entry = index->entry;
        member->found = 0;
        push_member(&index->touched, member);
    }
    member->found |= kind;
}

static void look_up_domains(struct filter_index *index, struct filter_subject *subject)
{
    if (index->domains.count == 0)
        return;
    struct subject_endings endings = filter_subject_endings(subject);
    for (size_t i = 0; i < endings.count; i++) {
        const struct subject_ending *ending = &endings.items[i];
        const struct domain_entry *entry = domain_table_find(&index->domains, ending);
        for (; entry; entry = domain_table_next(entry, ending))
            note_found(index, entry->owner, FILTER_LOOKS_FOR_DOMAIN);
    }
}

static void on_pattern(size_t pattern, void *context)
{
    struct filter_index *index = context;
    const struct pattern_owner *owner = &index->pattern_owners[pattern];
    if (owner->member)
        note_found(index, owner->member, owner->kind);
}

static void search_patterns(struct filter_index *index, struct filter_subject *subject)
{
    if (!index->set)
        return;
    struct bytes rest = filter_subject_domains(subject);
    struct bytes name;
    while (filter_subject_take_name(&rest, &name))
        pattern_set_search(index->set, index->scratch, name, on_pattern, index);
}

static void pass(struct filter_index *index, const struct filter_member *member)
{
    if (index->passed_count == index->passed_capacity) {
        index->passed_capacity = index->passed_capacity ? 2 * index->passed_capacity : 64;
        index->passed = memory_resize(index->passed, index->passed_capacity, sizeof(void *));
    }
    index->passed[index->passed_count++] = member->owner;
}

static bool log_is_wanted(struct filter_index *index, struct filter_member *member,
                          struct filter_subject *subject)
{
    bool wanted;
    if (index->log == NUMBER_UNKNOWN)
        index->log = repeated_texts_number(index->logs, filter_subject_names(subject)->log_key);
    if (!text_verdicts_know(&member->logs, index->logs, index->log, &wanted)) {
        wanted = filter_matches_log(member->filter, subject);
        text_verdicts_note(&member->logs, index->logs, index->log, wanted);
    }
    return wanted;
}

static bool issuer_is_wanted(struct filter_index *index, struct filter_member *member,
                             struct filter_subject *subject)
{
    bool wanted;
    if (index->issuer == NUMBER_UNKNOWN)
        index->issuer =
            repeated_texts_number(index->issuers, filter_subject_names(subject)->issuer_key);
    if (!text_verdicts_know(&member->issuers, index->issuers, index->issuer, &wanted)) {
        wanted = filter_matches_issuer(member->filter, subject);
        text_verdicts_note(&member->issuers, index->issuers, index->issuer, wanted);
    }
    return wanted;
}

/* Passes the member if all that it asks beside names is as it wants it. */
static void ask_the_rest(struct filter_index *index, struct filter_member *member,
                         struct filter_subject *subject)
{
    if ((!member->asks_log || log_is_wanted(index, member, subject)) &&
        (!member->asks_issuer || issuer_is_wanted(index, member, subject)) &&
        filter_matches_entry(member->filter, subject))
        pass(index, member);
}

static void ask_those_found(struct filter_index *index, struct filter_subject *subject)
{
    for (size_t i = 0; i < index->touched.count; i++) {
        struct filter_member *member = index->touched.items[i];
        if (member->state == MEMBER_TOGETHER && member->found == member->looks_for)
            ask_the_rest(index, member, subject);
    }
}

static void ask_those_alone(struct filter_index *index, struct filter_subject *subject)
{
    const struct member_list *alone = &index->members[MEMBER_ALONE];
    for (size_t i = 0; i < alone->count; i++) {
        const struct filter_member *member = alone->items[i];
        bool lacks_domain =
            (member->looks_for & FILTER_LOOKS_FOR_DOMAIN) && member->entry != index->entry;
        if (!lacks_domain && filter_matches(member->filter, subject))
            pass(index, member);
    }
}

static void ask_those_unnamed(struct filter_index *index, struct filter_subject *subject)
{
    const struct member_list *unnamed = &index->members[MEMBER_UNNAMED];
    for (size_t i = 0; i < unnamed->count; i++)
        ask_the_rest(index, unnamed->items[i], subject);
}

size_t filter_index_find(struct filter_index *index, struct filter_subject *subject,
                         void *const **owners)
{
    index->entry++;
    index->touched.count = index->passed_count = 0;
    index->log = index->issuer = NUMBER_UNKNOWN;
    look_up_domains(index, subject);
    search_patterns(index, subject);
    ask_those_found(index, subject);
    ask_those_alone(index, subject);
    ask_those_unnamed(index, subject);
    *owners = index->passed;
    return index->passed_count;
}

int filter_index_descriptor(const struct filter_index *index)
{
    return index->compiler ? pattern_compiler_descriptor(index->compiler) : -1;
}

/* Whether the member's patterns may be in the next set. */
static bool is_wanted(const struct filter_member *member)
{
    bool is_awaited = member->is_awaited || member->state == MEMBER_TOGETHER;
    return filter_pattern_count(member->filter) > 0 && !member->is_unfit && is_awaited;
}

static bool has_wanted(const struct member_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (is_wanted(list->items[i]))
            return true;
    return false;
}

static void count_wanted(const struct member_list *list, size_t *groups, size_t *patterns)
{
    for (size_t i = 0; i < list->count; i++)
        if (is_wanted(list->items[i])) {
            ++*groups;
            *patterns += filter_pattern_count(list->items[i]->filter);
        }
}

/* False if a pattern cannot be had. */
static bool write_group(struct pattern_job *job, struct pattern_group *group,
                        const struct filter *filter)
{
    bool good = true;
    for (size_t i = 0; i < group->count; i++) {
        job->expressions[group->first + i] = filter_pattern(filter, i);
        good &= job->expressions[group->first + i] != NULL;
    }
    return good;
}

static void add_groups(struct filter_index *index, struct pattern_job *job,
                       const struct member_list *list, size_t *first)
{
    for (size_t i = 0; i < list->count; i++) {
        struct filter_member *member = list->items[i];
        if (!is_wanted(member))
            continue;
        index->in_job[index->in_job_count] = member;
        struct pattern_group *group = &job->groups[index->in_job_count++];
        group->first = *first;
        group->count = filter_pattern_count(member->filter);
        group->is_simple = !(member->looks_for & FILTER_LOOKS_FOR_REGEX);
        group->is_tried = member->is_tried;
        group->tried_us = member->tried_us;
        group->is_impossible = !write_group(job, group, member->filter);
        *first += group->count;
    }
}

static void start_job(struct filter_index *index)
{
    size_t groups = 0, patterns = 0, first = 0;
    count_wanted(&index->members[MEMBER_TOGETHER], &groups, &patterns);
    count_wanted(&index->members[MEMBER_ALONE], &groups, &patterns);
    if (patterns == 0)
        return;
    struct pattern_job *job = pattern_job_create(patterns, groups);
    index->in_job = memory_resize(index->in_job, groups, sizeof(struct filter_member *));
    index->in_job_count = 0;
    add_groups(index, job, &index->members[MEMBER_TOGETHER], &first);
    add_groups(index, job, &index->members[MEMBER_ALONE], &first);
    assert(index->in_job_count == groups && first == patterns);
    if (pattern_compiler_start(index->compiler, job))
        return;
    pattern_job_destroy(job);
    index->in_job_count = 0;
}

void filter_index_tick(struct filter_index *index, uint64_t now_ms)
{
    bool has_new = has_wanted(&index->members[MEMBER_ALONE]);
    bool has_gone = index->gone_count >= GONE_MIN && 2 * index->gone_count > index->pattern_count;
    if (index->compiler && (has_new || has_gone) && !pattern_compiler_is_busy(index->compiler) &&
        now_ms >= index->rest_until_ms)
        start_job(index);
}

/* The set is another one: nobody is in it yet. */
static void exchange_set(struct filter_index *index, struct pattern_job *job)
{
    pattern_set_destroy(index->set);
    index->set = job->set;
    job->set = NULL;
    index->stats.set_bytes = 0;
    index->gone_count = index->pattern_count = 0;
    if (!index->set)
        return;
    pattern_scratch_fit(index->scratch, index->set);
    index->stats.set_bytes = pattern_set_bytes(index->set);
    index->pattern_owners =
        memory_resize(index->pattern_owners, job->count, sizeof *index->pattern_owners);
}

static void move_member(struct filter_index *index, struct filter_member *member,
                        enum member_state state)
{
    if (member->state == state)
        return;
    leave_state(index, member);
    enter_state(index, member, state);
}

/* The patterns of a good group, in the order of the set. */
static void own_patterns(struct filter_index *index, struct filter_member *member,
                         const struct pattern_group *group)
{
    assert(index->pattern_count == group->first_in_set);
    for (size_t i = 0; i < group->count; i++) {
        struct pattern_owner *owner = &index->pattern_owners[index->pattern_count++];
        *owner = (struct pattern_owner){ member, FILTER_LOOKS_FOR_MATCH };
        if (member)
            owner->kind = filter_pattern_kind(member->filter, i);
        else
            index->gone_count++;
    }
}

static void take_group(struct filter_index *index, struct filter_member *member,
                       const struct pattern_group *group)
{
    if (group->is_good)
        own_patterns(index, member, group);
    if (!member)
        return;
    member->is_tried = group->is_good;
    member->tried_us = group->tried_us;
    member->is_unfit = !group->is_good && !group->is_unwanted;
    move_member(index, member, group->is_good ? MEMBER_TOGETHER : MEMBER_ALONE);
}

void filter_index_take(struct filter_index *index, uint64_t now_ms)
{
    struct pattern_job *job = index->compiler ? pattern_compiler_take(index->compiler) : NULL;
    if (!job)
        return;
    exchange_set(index, job);
    for (size_t i = 0; i < index->in_job_count; i++)
        take_group(index, index->in_job[i], &job->groups[i]);
    index->in_job_count = 0;
    index->stats.compilations++;
    index->stats.compiling_ms += job->took_ms;
    index->rest_until_ms = now_ms + REST_FACTOR * job->took_ms;
    pattern_job_destroy(job);
}

const struct filter_index_stats *filter_index_stats(const struct filter_index *index)
{
    return &index->stats;
}
