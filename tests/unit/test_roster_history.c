/*
 * Years of list changes, replayed in the order of their dates: Chrome's and Apple's lists together,
 * and Chrome's list of all logs alone. For each list it is written out what becomes of the logs: +
 * begun, - from now on drained, and why. A second, plain reading of the same lists says which logs
 * should be followed.
 *
 * What can be seen: shards are rejected once their time is over, in half-yearly waves that stop up
 * to a third of all logs at once (2025-07-26; 2026-05-29; in the list of all logs 2026-03-15).
 * Their intervals are over, so that for the brake there are never more than 3 of 47.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "shared/base/base64.h"
#include "shared/base/memory.h"
#include "shared/x509/asn1_time.h"
#include "tests/unit/corpus.h"
#include "tests/unit/roster_world.h"

enum {
    CHROME,
    APPLE,
    IDS_MAX = 1024,
};

struct step {
    const char *date;
    const char *file;
    size_t list;
    size_t followed; /* after it */
    size_t drained;  /* since the beginning */
    size_t stopped;  /* of the logs followed before; their time was not over */
    const char *news;
};

/* clang-format off */
static const struct step chrome_and_apple[] = {
    { "2023-03-31", "google/history/log_list-v20.25-2023-03-31.json", CHROME, 17, 0, 0,
      "+Cloudflare 'Nimbus2023' Log +Cloudflare 'Nimbus2024' Log"
      " +DigiCert Nessie2023 Log +DigiCert Nessie2024 Log +DigiCert Nessie2025 Log"
      " +DigiCert Yeti2024 Log +DigiCert Yeti2025 Log +Google 'Argon2023' log"
      " +Google 'Argon2024' log +Google 'Xenon2023' log +Google 'Xenon2024' log"
      " +Let's Encrypt 'Oak2023' log +Let's Encrypt 'Oak2024H1' log"
      " +Let's Encrypt 'Oak2024H2' log +Sectigo 'Sabre' CT log +Trust Asia Log2023"
      " +Trust Asia Log2024-2" },
    { "2023-06-30", "google/history/log_list-v22.28-2023-06-30.json", CHROME, 17, 0, 0,
      "" },
    { "2023-09-29", "google/history/log_list-v25.11-2023-09-29.json", CHROME, 33, 0, 0,
      "+Google 'Argon2025h1' log +Google 'Argon2025h2' log +Google 'Xenon2025h1' log"
      " +Google 'Xenon2025h2' log +Let's Encrypt 'Oak2025h1'"
      " +Let's Encrypt 'Oak2025h2' +Sectigo 'Mammoth2024h1' +Sectigo 'Mammoth2024h2'"
      " +Sectigo 'Mammoth2025h1' +Sectigo 'Mammoth2025h2' +Sectigo 'Sabre2024h1'"
      " +Sectigo 'Sabre2024h2' +Sectigo 'Sabre2025h1' +Sectigo 'Sabre2025h2'"
      " +TrustAsia Log2025a +TrustAsia Log2025b" },
    { "2023-12-30", "google/history/log_list-v29.11-2023-12-30.json", CHROME, 34, 0, 0,
      "+Cloudflare 'Nimbus2025'" },
    { "2025-05-30", "google/history/log_list-v54.19-2025-05-30.json", CHROME, 58, 0, 0,
      "+Cloudflare 'Nimbus2026' +DigiCert 'Sphinx2025h2' Log +DigiCert 'Sphinx2026h1'"
      " +DigiCert 'Sphinx2026h2' +DigiCert 'Wyvern2025h2' Log"
      " +DigiCert 'Wyvern2026h1' +DigiCert 'Wyvern2026h2' +Google 'Argon2026h1' log"
      " +Google 'Argon2026h2' log +Google 'Xenon2026h1' log +Google 'Xenon2026h2' log"
      " +Let's Encrypt 'Oak2026h1' +Let's Encrypt 'Oak2026h2'"
      " +Sectigo 'Elephant2025h2' +Sectigo 'Elephant2026h1' +Sectigo 'Elephant2026h2'"
      " +Sectigo 'Elephant2027h1' +Sectigo 'Elephant2027h2' +Sectigo 'Mammoth2026h1'"
      " +Sectigo 'Mammoth2026h2' +Sectigo 'Sabre2026h1' +Sectigo 'Sabre2026h2'"
      " +TrustAsia 'log2026a' +TrustAsia 'log2026b'" },
    { "2025-06-29", "google/history/log_list-v57.10-2025-06-29.json", CHROME, 61, 0, 0,
      "+Geomys 'Tuscolo2025h2' +Geomys 'Tuscolo2026h1' +Geomys 'Tuscolo2026h2'" },
    { "2025-07-26", "apple/history/current_log_list-2025-07-26.json", APPLE, 46, 20, 2,
      "-Cloudflare 'Nimbus 2023' log:rejected -Cloudflare 'Nimbus 2024' log:rejected"
      " -DigiCert 'Nessie 2023' log:rejected -DigiCert 'Nessie 2024' log:rejected"
      " -DigiCert 'Yeti 2024' log:rejected -DigiCert Nessie2025 Log:retired"
      " -Google 'Argon 2023' log:rejected -Google 'Argon 2024' log:rejected"
      " -Google 'Xenon 2023 log:rejected -Google 'Xenon 2024' log:rejected"
      " -Let's Encrypt 'Oak2023' log:rejected -Let's Encrypt 'Oak2024H1' log:rejected"
      " -Let's Encrypt 'Oak2024H2' log:rejected -Sectigo 'Mammoth2024H1' log:rejected"
      " -Sectigo 'Mammoth2024H2' log:rejected -Sectigo 'Sabre' CT log:rejected"
      " -Sectigo 'Sabre2024H1' log:rejected -Sectigo 'Sabre2024H2' log:rejected"
      " +Tiger 2025h2 +Tiger 2026h1 +Tiger 2026h2 +Tiger 2027h1 +Tiger 2027h2"
      " -Trust Asia Log2024-2:rejected -TrustAsia Log 2023:rejected" },
    { "2025-07-30", "google/history/log_list-v61.2-2025-07-30.json", CHROME, 45, 21, 1,
      "-DigiCert Yeti2025 Log:retired" },
    { "2025-08-30", "google/history/log_list-v64.1-2025-08-30.json", CHROME, 47, 21, 0,
      "+Geomys 'Tuscolo2027h1' +Geomys 'Tuscolo2027h2'" },
    { "2025-09-16", "apple/history/current_log_list-2025-09-16.json", APPLE, 62, 26, 0,
      "+Cloudflare 'Nimbus2027' log +Cloudflare 'Raio2025h2b' log"
      " +Cloudflare 'Raio2026h1a' log +Cloudflare 'Raio2026h2a' log"
      " +Cloudflare 'Raio2027h1a' log -Google 'Argon 2025H1' log:rejected"
      " +Google 'Argon2027h1' log -Google 'Xenon 2025H1' log:rejected"
      " +Google 'Xenon2027h1' log +Gouda 2025h2 +Gouda 2026h1 +Gouda 2026h2"
      " +Gouda 2027h1 -Let's Encrypt 'Oak2025H1' log:rejected"
      " -Sectigo 'Mammoth2025H1' log:rejected -Sectigo 'Sabre2025H1' log:rejected"
      " +TrustAsia HETU2027 (RFC6962) +log.sycamore.ct.letsencrypt.org/2025h2d"
      " +log.sycamore.ct.letsencrypt.org/2026h1"
      " +log.sycamore.ct.letsencrypt.org/2026h2"
      " +log.sycamore.ct.letsencrypt.org/2027h1"
      " +log.willow.ct.letsencrypt.org/2025h2d +log.willow.ct.letsencrypt.org/2026h1"
      " +log.willow.ct.letsencrypt.org/2026h2 +log.willow.ct.letsencrypt.org/2027h1" },
    { "2025-09-29", "google/history/log_list-v69.12-2025-09-29.json", CHROME, 65, 26, 0,
      "+IPng Networks 'Gouda2027h2' +Let's Encrypt 'Sycamore2027h2'"
      " +Let's Encrypt 'Willow2027h2'" },
    { "2025-10-30", "google/history/log_list-v74.10-2025-10-30.json", CHROME, 74, 26, 0,
      "+DigiCert 'Wyvern2027h1' +DigiCert 'Wyvern2027h2' +DigiCert 'sphinx2027h1'"
      " +DigiCert 'sphinx2027h2' +IPng Networks 'Halloumi2025h2'"
      " +IPng Networks 'Halloumi2026h1' +IPng Networks 'Halloumi2026h2a'"
      " +IPng Networks 'Halloumi2027h1' +IPng Networks 'Halloumi2027h2'" },
    { "2025-11-29", "google/history/log_list-v76.3-2025-11-29.json", CHROME, 74, 26, 0,
      "" },
    { "2025-12-30", "google/history/log_list-v80.11-2025-12-30.json", CHROME, 75, 26, 0,
      "+TrustAsia Luoshu2027" },
    { "2026-01-02", "google/history/log_list-v80.14-2026-01-02.json", CHROME, 75, 26, 0,
      "" },
    { "2026-01-06", "apple/history/current_log_list-2026-01-06.json", APPLE, 76, 26, 0,
      "+Cloudflare 'Raio2027h2a' log" },
    { "2026-01-20", "google/log_list-v81.14-2026-01-20.json", CHROME, 76, 26, 0,
      "" },
    { "2026-04-01", "apple/current_log_list-2026-04-01.json", APPLE, 75, 27, 0,
      "-Cloudflare 'Raio2025h2b' log:rejected" },
    { "2026-05-29", "google/log_list-v85.92-2026-05-29.json", CHROME, 58, 44, 0,
      "-Cloudflare 'Nimbus 2025' log:rejected -DigiCert 'Sphinx2025h2' Log:rejected"
      " -DigiCert 'Wyvern2025h2' Log:rejected -Elephant 2025h2:rejected"
      " -Google 'Argon 2025H2' log:rejected -Google 'Xenon 2025H2' log:rejected"
      " -Gouda 2025h2:rejected -IPng GmbH 'Halloumi2025h2':rejected"
      " -Let's Encrypt 'Oak2025H2' log:rejected -Sectigo 'Mammoth2025H2' log:rejected"
      " -Sectigo 'Sabre2025H2' log:rejected -Tiger 2025h2:rejected"
      " -Trust Asia Log2025A:rejected -Trust Asia Log2025B:rejected"
      " -Tuscolo2025h2:rejected -log.sycamore.ct.letsencrypt.org/2025h2d:rejected"
      " -log.willow.ct.letsencrypt.org/2025h2d:rejected" },
};

static const struct step all_logs[] = {
    { "2024-11-26", "google/all_logs_list-v50.19-2024-11-26.json", CHROME, 47, 0, 0,
      "+Cloudflare 'Nimbus2024' Log +Cloudflare 'Nimbus2025' +Cloudflare 'Nimbus2026'"
      " +DigiCert 'Sphinx2024h2' Log +DigiCert 'Sphinx2025h1' Log"
      " +DigiCert 'Sphinx2025h2' Log +DigiCert 'Sphinx2026h1'"
      " +DigiCert 'Sphinx2026h2' +DigiCert 'Wyvern2024h2' Log"
      " +DigiCert 'Wyvern2025h1' Log +DigiCert 'Wyvern2025h2' Log"
      " +DigiCert 'Wyvern2026h1' +DigiCert 'Wyvern2026h2' +DigiCert Nessie2025 Log"
      " +DigiCert Yeti2024 Log +DigiCert Yeti2025 Log +Google 'Argon2024' log"
      " +Google 'Argon2025h1' log +Google 'Argon2025h2' log +Google 'Argon2026h1' log"
      " +Google 'Argon2026h2' log +Google 'Xenon2024' log +Google 'Xenon2025h1' log"
      " +Google 'Xenon2025h2' log +Google 'Xenon2026h1' log +Google 'Xenon2026h2' log"
      " +Let's Encrypt 'Oak2024H2' log +Let's Encrypt 'Oak2025h1'"
      " +Let's Encrypt 'Oak2025h2' +Let's Encrypt 'Oak2026h1'"
      " +Let's Encrypt 'Oak2026h2' +Sectigo 'Mammoth2024h2' +Sectigo 'Mammoth2025h1'"
      " +Sectigo 'Mammoth2025h2' +Sectigo 'Mammoth2026h1' +Sectigo 'Mammoth2026h2'"
      " +Sectigo 'Sabre' CT log +Sectigo 'Sabre2024h2' +Sectigo 'Sabre2025h1'"
      " +Sectigo 'Sabre2025h2' +Sectigo 'Sabre2026h1' +Sectigo 'Sabre2026h2'"
      " +Trust Asia Log2024-2 +TrustAsia 'log2026a' +TrustAsia 'log2026b'"
      " +TrustAsia Log2025a +TrustAsia Log2025b" },
    { "2025-05-05", "google/all_logs_list-v53.34-2025-05-05.json", CHROME, 34, 13, 3,
      "-Cloudflare 'Nimbus2024' Log:rejected -DigiCert 'Sphinx2024h2' Log:rejected"
      " -DigiCert 'Sphinx2025h1' Log:retired -DigiCert 'Wyvern2024h2' Log:rejected"
      " -DigiCert 'Wyvern2025h1' Log:retired -DigiCert Nessie2025 Log:retired"
      " -DigiCert Yeti2024 Log:rejected -Google 'Argon2024' log:rejected"
      " -Google 'Xenon2024' log:rejected -Let's Encrypt 'Oak2024H2' log:rejected"
      " -Sectigo 'Mammoth2024h2':rejected -Sectigo 'Sabre2024h2':rejected"
      " -Trust Asia Log2024-2:rejected" },
    { "2025-06-26", "google/history/all_logs_list-2025-06-26.json", CHROME, 41, 14, 1,
      "+Geomys 'Tuscolo2025h2' +Geomys 'Tuscolo2026h1' +Geomys 'Tuscolo2026h2'"
      " +Sectigo 'Elephant2025h2' +Sectigo 'Elephant2026h1' +Sectigo 'Elephant2026h2'"
      " +Sectigo 'Elephant2027h1' +Sectigo 'Elephant2027h2'"
      " -Sectigo 'Sabre' CT log:rejected" },
    { "2025-09-27", "google/history/all_logs_list-2025-09-27.json", CHROME, 58, 20, 1,
      "+Cloudflare 'Nimbus2027' -DigiCert Yeti2025 Log:retired"
      " +Geomys 'Tuscolo2027h1' +Geomys 'Tuscolo2027h2'"
      " -Google 'Argon2025h1' log:rejected -Google 'Xenon2025h1' log:rejected"
      " +IPng Networks 'Gouda2025h2' +IPng Networks 'Gouda2026h1'"
      " +IPng Networks 'Gouda2026h2' +IPng Networks 'Gouda2027h1'"
      " +IPng Networks 'Gouda2027h2' -Let's Encrypt 'Oak2025h1':rejected"
      " +Let's Encrypt 'Sycamore2025h2d' +Let's Encrypt 'Sycamore2026h1'"
      " +Let's Encrypt 'Sycamore2026h2' +Let's Encrypt 'Sycamore2027h1'"
      " +Let's Encrypt 'Sycamore2027h2' +Let's Encrypt 'Willow2025h2d'"
      " +Let's Encrypt 'Willow2026h1' +Let's Encrypt 'Willow2026h2'"
      " +Let's Encrypt 'Willow2027h1' +Let's Encrypt 'Willow2027h2'"
      " -Sectigo 'Mammoth2025h1':rejected -Sectigo 'Sabre2025h1':rejected"
      " +Sectigo 'Tiger2025h2' +Sectigo 'Tiger2026h1' +Sectigo 'Tiger2026h2'"
      " +Sectigo 'Tiger2027h1' +Sectigo 'Tiger2027h2'" },
    { "2025-12-21", "google/history/all_logs_list-2025-12-21.json", CHROME, 71, 20, 0,
      "+DigiCert 'Wyvern2027h1' +DigiCert 'Wyvern2027h2' +DigiCert 'sphinx2027h1'"
      " +DigiCert 'sphinx2027h2' +Google 'Argon2027h1' +Google 'Xenon2027h1'"
      " +IPng Networks 'Halloumi2025h2' +IPng Networks 'Halloumi2026h1'"
      " +IPng Networks 'Halloumi2026h2a' +IPng Networks 'Halloumi2027h1'"
      " +IPng Networks 'Halloumi2027h2' +TrustAsia 'HETU2027' +TrustAsia Luoshu2027" },
    { "2026-03-15", "google/history/all_logs_list-2026-03-15.json", CHROME, 52, 39, 2,
      "-Cloudflare 'Nimbus2025':rejected -DigiCert 'Sphinx2025h2' Log:rejected"
      " -DigiCert 'Wyvern2025h2' Log:rejected -Geomys 'Tuscolo2025h2':rejected"
      " -Google 'Argon2025h2' log:rejected -Google 'Xenon2025h2' log:rejected"
      " -IPng Networks 'Gouda2025h2':rejected"
      " -IPng Networks 'Halloumi2025h2':rejected -Let's Encrypt 'Oak2025h2':rejected"
      " -Let's Encrypt 'Oak2026h1':retired -Let's Encrypt 'Oak2026h2':retired"
      " -Let's Encrypt 'Sycamore2025h2d':rejected"
      " -Let's Encrypt 'Willow2025h2d':rejected -Sectigo 'Elephant2025h2':rejected"
      " -Sectigo 'Mammoth2025h2':rejected -Sectigo 'Sabre2025h2':rejected"
      " -Sectigo 'Tiger2025h2':rejected -TrustAsia Log2025a:rejected"
      " -TrustAsia Log2025b:rejected" },
    { "2026-06-26", "google/history/all_logs_list-2026-06-26.json", CHROME, 56, 41, 0,
      "+Google 'ParcelYard2026h2' log +Google 'ParcelYard2027h1' log"
      " +Google 'ParcelYard2027h2' log +Google 'PlumbersArms2026h2' log"
      " +Google 'PlumbersArms2027h1' log +Google 'PlumbersArms2027h2' log"
      " -Let's Encrypt 'Sycamore2026h1':rejected"
      " -Let's Encrypt 'Willow2026h1':rejected" },
    { "2026-08-21", "google/all_logs_list-2026-08-21.json", CHROME, 45, 52, 0,
      "-DigiCert 'Sphinx2026h1':rejected -DigiCert 'Wyvern2026h1':rejected"
      " -Geomys 'Tuscolo2026h1':rejected -Google 'Argon2026h1' log:rejected"
      " -Google 'Xenon2026h1' log:rejected -IPng Networks 'Gouda2026h1':rejected"
      " -IPng Networks 'Halloumi2026h1':rejected -Sectigo 'Elephant2026h1':rejected"
      " -Sectigo 'Mammoth2026h1':rejected -Sectigo 'Sabre2026h1':rejected"
      " -Sectigo 'Tiger2026h1':rejected" },
};
/* clang-format on */

/* Log ids that a list wants to be followed, read plainly. */
struct wanted {
    uint8_t ids[IDS_MAX][SHA256_SIZE];
    size_t count;
};

static bool is_wanted(const struct wanted *wanted, const uint8_t *id)
{
    for (size_t i = 0; i < wanted->count; i++)
        if (memcmp(wanted->ids[i], id, SHA256_SIZE) == 0)
            return true;
    return false;
}

static void want(struct wanted *wanted, const cJSON *log)
{
    static const char *const states[] = { "usable", "qualified", "readonly" };
    const cJSON *state = cJSON_GetObjectItemCaseSensitive(log, "state");
    const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(log, "log_id"));
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        if (!cJSON_GetObjectItemCaseSensitive(state, states[i]))
            continue;
        assert_true(wanted->count < IDS_MAX);
        assert_true(
            base64_decode_exactly(wanted->ids[wanted->count++], SHA256_SIZE, bytes_of_string(id)));
    }
}

static void read_wanted(struct wanted *wanted, struct bytes text)
{
    static const char *const kinds[] = { "logs", "tiled_logs" };
    cJSON *list = cJSON_ParseWithLength((const char *)text.data, text.size);
    const cJSON *operators = cJSON_GetObjectItemCaseSensitive(list, "operators");
    wanted->count = 0;
    for (const cJSON *each = operators ? operators->child : NULL; each; each = each->next)
        for (size_t i = 0; i < 2; i++) {
            const cJSON *logs = cJSON_GetObjectItemCaseSensitive(each, kinds[i]);
            for (const cJSON *log = logs ? logs->child : NULL; log; log = log->next)
                want(wanted, log);
        }
    cJSON_Delete(list);
}

static uint64_t time_of(const char *date)
{
    char text[sizeof "20260101000000Z"];
    int64_t seconds;
    (void)snprintf(text, sizeof text, "%.4s%.2s%.2s000000Z", date, date + 5, date + 8);
    assert_true(asn1_time_read(&seconds, 0x18, bytes_of_string(text)));
    return (uint64_t)seconds * 1000;
}

static void check_step(const struct world *world, const struct step *step,
                       const struct wanted *wanted, size_t list_count)
{
    size_t followed = 0;
    for (size_t i = 0; i < world->followed.count; i++) {
        const struct ct_log *ct_log = &world->followed.logs[i];
        bool is_expected = false;
        for (size_t j = 0; j < list_count; j++)
            is_expected |= is_wanted(&wanted[j], ct_log->id);
        if (ct_log->is_draining == is_expected && !world->is_away[list_count - 1])
            fail_msg("%s: %s is%s drained", step->date, ct_log->description,
                     is_expected ? "" : " not");
        followed += !ct_log->is_draining;
    }
    if (strcmp(world->news, step->news) != 0)
        fail_msg("%s: expected\n  %s\nbut it is\n  %s", step->date, step->news, world->news);
    assert_false(world->was_held);
    assert_int_equal(followed, step->followed);
    assert_int_equal(world->followed.count - followed, step->drained);
    assert_int_equal(world->stopped, step->stopped);
    for (size_t j = 0; j < list_count; j++)
        for (size_t i = 0; i < wanted[j].count; i++)
            assert_non_null(log_list_find(&world->followed, wanted[j].ids[i]));
}

static void replay(const struct step *steps, size_t count, size_t list_count)
{
    struct world *world = memory_allocate(sizeof *world);
    struct wanted *wanted = memory_allocate_zeroed(list_count, sizeof *wanted);
    world_init(world, list_count);
    for (size_t i = 0; i < count; i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "loglists/%.100s", steps[i].file);
        struct buffer text = corpus_read(path);
        world->now_ms = time_of(steps[i].date);
        assert_null(world_offer_text(world, steps[i].list, buffer_bytes(&text)));
        read_wanted(&wanted[steps[i].list], buffer_bytes(&text));
        check_step(world, &steps[i], wanted, list_count);
        print_message("%s %s: %zu followed, %zu drained\n", steps[i].date, steps[i].file,
                      steps[i].followed, steps[i].drained);
        buffer_free(&text);
    }
    world_clear(world);
    free(world);
    free(wanted);
}

static void chromes_and_apples_lists(void **state)
{
    (void)state;
    if (!corpus_folder())
        skip();
    replay(chrome_and_apple, sizeof chrome_and_apple / sizeof *chrome_and_apple, 2);
}

static void chromes_list_of_all_logs(void **state)
{
    (void)state;
    if (!corpus_folder())
        skip();
    replay(all_logs, sizeof all_logs / sizeof *all_logs, 1);
}

/* The v1 and v2 schemas of 2018, schemas, and lists cut off or with something behind them. */
static void refuses_what_is_no_list(void **state)
{
    (void)state;
    static const char *const files[] = {
        "google/old-schema/log_list-2018-03-03.json",
        "google/log_list_schema.json",
        "apple/log_list_schema_v5.json",
        "test-variants/log_list_incomplete.json",
        "test-variants/log_list_too_big.json",
        "test-variants/log_list.zip",
        "test-variants/log_list.sig",
    };
    if (!corpus_folder())
        skip();
    struct world *world = memory_allocate(sizeof *world);
    world_init(world, 1);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "loglists/%.100s", files[i]);
        struct buffer text = corpus_read(path);
        if (!world_offer_text(world, CHROME, buffer_bytes(&text)))
            fail_msg("%s was taken", files[i]);
        buffer_free(&text);
    }
    world_clear(world);
    free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chromes_and_apples_lists),
        cmocka_unit_test(chromes_list_of_all_logs),
        cmocka_unit_test(refuses_what_is_no_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
