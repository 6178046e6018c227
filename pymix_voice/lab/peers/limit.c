/* The machine's limit: a middle mix and a gateway's rounds in C, with nothing around them.
 *
 *     limit mix|gateway chacha20-poly1305|aegis-128l ROWS SECONDS LIBSODIUM CPU
 *
 * The same design as the Python, over real UDP sockets on loopback and the same libsodium: chunks
 * of nine cells by GSO and GRO, keystreams made a block ahead and laid round by round, clients by
 * recvmmsg and sendmmsg under a key each. Left out is what costs little and does not change the
 * design: replay windows, steering, set-up, door rounds, and how full a status is.
 *
 * Three threads. One feeds, with datagrams sealed beforehand (every round brings the same cells);
 * one works and is measured; one drains, and checks some of every group, so that no work can be
 * skipped. They wait for each other at gates, outside of what is measured: nobody sleeps in a
 * socket, so no send pays for waking up a receiver on the same machine, and every receive finds as
 * much as it can take. What counts is CPU time of the working thread within the steps.
 *
 * Must not know: Python, a real network, what time it is.
 */
#include "limit_parts.h"
#include "limit_mix.h"
#include "limit_gateway.h"

_Static_assert(CHUNK == CHUNK_BYTES && UP == UP_BYTES && DOWN == DOWN_BYTES, "other sizes");

struct program { const char *name; void (*set)(void), (*feed)(u64), (*work)(u64), (*drain)(u64); };

static const struct program programs[] = {
    {"mix", set_mix, mix_feed, mix_work, mix_drain},
    {"gateway", set_gateway, gateway_feed, gateway_work, gateway_drain},
};

static void *for_ever(void *one_round) {
    for (u64 round = 0;; round++) (*(void (**)(u64))one_round)(round);
    return NULL;
}

static void report(const char *mode, const char *cipher, u64 rounds) {
    u64 total = 0;
    double cells = 2.0 * rows * rounds;
    for (int step = 0; step < STEPS; step++) total += spent[step];
    printf("{\"mode\":\"%s\",\"cipher\":\"%s\",\"rows\":%d,\"rounds\":%llu,\"cpu_s\":%.6f,"
           "\"ns_per_cell\":%.2f,\"cells_per_second\":%.0f,\"verified\":%llu,\"steps\":{",
           mode, cipher, rows, rounds, total / 1e9, total / cells, cells / (total / 1e9),
           (u64)verified);
    for (int step = 0; step < STEPS; step++)
        printf("%s\"%s\":%.2f", step ? "," : "", step_names[step], spent[step] / cells);
    puts("}}");
}

int main(int count, char **given) {
    if (count != 7) die("give mode, cipher, rows, seconds, libsodium, and a CPU or -1");
    const struct program *program = &programs[!strcmp(given[1], "gateway")];
    if (strcmp(given[1], program->name)) die("no such mode");
    load(given[5], given[2]);
    rows = atoi(given[3]);
    chunks = (rows + CELLS - 1) / CELLS;
    if (rows < 1 || rows > 60000) die("1 to 60,000 rows");
    alarm(atoi(given[4]) + 30); /* whatever happens, and whoever is gone */
    program->set();
    pthread_t feeder, drainer;
    pin(atoi(given[6]), 0);
    if (pthread_create(&feeder, NULL, for_ever, (void *)&program->feed) ||
        pthread_create(&drainer, NULL, for_ever, (void *)&program->drain))
        die("a thread");
    pin(atoi(given[6]), 1);
    u64 warm = 2 * BLOCK, round = 0, end = 0;
    for (; round < warm || nanoseconds(CLOCK_MONOTONIC) < end; round++) {
        if (round == warm - 1) { /* what comes from here on counts */
            memset(spent, 0, sizeof spent);
            end = nanoseconds(CLOCK_MONOTONIC) + (u64)(atof(given[4]) * 1e9);
        }
        program->work(round);
    }
    report(program->name, given[2], round - warm + 1);
    return 0;
}
