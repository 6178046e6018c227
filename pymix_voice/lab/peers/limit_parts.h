/* What both programs of limit.c are made of: ciphers, a clock, gates, sockets, chunks.
 *
 * Must not know: what a mix or a gateway does with a round.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#define UDP_GRO 104
#endif

enum {
    CELL = 128, CELLS = 9, KEY = 32, NONCE = 16, LARGE_PAGE = 2 << 20,
    HEADER = 16, BODY = CELLS * CELL, CHUNK = HEADER + BODY + 32, /* 32: room for either tag */
    GROUP = 54,          /* chunks in one GSO send: 64,800 bytes */
    BLOCK = 20,          /* rounds in one cipher call of keystream */
    CHUNK_CHARGE = 2304, /* what Linux charges a receive buffer for a chunk, at most */
};

typedef unsigned char u8;
typedef unsigned long long u64;

static int rows, chunks;       /* of a round in one direction */
static atomic_ullong verified; /* cells that were looked at where they came out, and right */

static void die(const char *what) {
    fprintf(stderr, "limit: %s (%s)\n", what, errno ? strerror(errno) : "no system error");
    _exit(1);
}

static int least(int one, int other) { return one < other ? one : other; }

static void *memory(size_t size) { /* in large pages, if there are any; touched before it counts */
    size = (size + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
    void *out = aligned_alloc(LARGE_PAGE, size);
    if (!out) die("no memory");
    madvise(out, size, MADV_HUGEPAGE);
    return memset(out, 0, size);
}

static u8 *noise(u8 *out, size_t size) { /* keys and cells; which ones does not matter */
    for (size_t at = 0; at < size; at++) out[at] = (u8)(random() >> 7);
    return out;
}

static void pin(int cpu, int there) { /* this thread, and those that it starts: there, or not */
    cpu_set_t set;
    if (cpu < 0) return;
    if (there) {
        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
    } else if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 1) {
        CPU_CLR(cpu, &set);
    }
    if (sched_setaffinity(0, sizeof set, &set)) die("this CPU is not to be had");
}

/* ── ciphers ───────────────────────────────────────────────────────────────────────────── */

typedef int seal_call(u8 *, u64 *, const u8 *, u64, const u8 *, u64, const u8 *, const u8 *,
                      const u8 *);
typedef int open_call(u8 *, u64 *, u8 *, const u8 *, u64, const u8 *, u64, const u8 *, const u8 *);
typedef int stream_call(u8 *, const u8 *, u64, const u8 *, uint32_t, const u8 *);

struct cipher {
    seal_call *seal;
    open_call *open;
    int text; /* a chunk's plain text: nine cells, and zeros where the tag is the shorter one */
};

static struct cipher access_cipher, link_cipher;
static stream_call *stream_xor;

/* PyNaCl's shared object is an extension of Python and wants this one name when it is loaded. */
char _Py_NoneStruct[64];

static void *symbol(void *library, const char *name) {
    void *found = dlsym(library, name);
    if (!found) die(name);
    return found;
}

static void load(const char *path, const char *link_name) {
    void *library = dlopen(path, RTLD_LAZY);
    if (!library) die(dlerror());
    struct cipher chacha = {symbol(library, "crypto_aead_chacha20poly1305_ietf_encrypt"),
                            symbol(library, "crypto_aead_chacha20poly1305_ietf_decrypt"),
                            BODY + 16};
    struct cipher aegis = {symbol(library, "crypto_aead_aegis128l_encrypt"),
                           symbol(library, "crypto_aead_aegis128l_decrypt"),
                           BODY};
    int fast = !strcmp(link_name, "aegis-128l");
    if (!fast && strcmp(link_name, "chacha20-poly1305")) die("no such cipher");
    access_cipher = chacha;
    link_cipher = fast ? aegis : chacha;
    stream_xor = symbol(library, "crypto_stream_chacha20_ietf_xor_ic");
    if (((int (*)(void))symbol(library, "sodium_init"))() < 0) die("sodium_init");
}

/* ── the clock ─────────────────────────────────────────────────────────────────────────── */

enum step { RECEIVE, OPEN, MOVE, KEYSTREAM, SEAL, SEND, STEPS };
static const char *const step_names[] = {"receive", "open", "move", "keystream", "seal", "send"};
static u64 spent[STEPS], since;

static u64 nanoseconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static void start(void) { since = nanoseconds(CLOCK_THREAD_CPUTIME_ID); }

static void lap(enum step step) {
    u64 now = nanoseconds(CLOCK_THREAD_CPUTIME_ID);
    spent[step] += now - since;
    since = now;
}

/* ── gates: only so many groups are on the way, and no socket overflows ────────────────── */

static struct gate { sem_t room, there; } inlet, outlet;

static void enter(sem_t *semaphore) {
    while (sem_wait(semaphore))
        if (errno != EINTR) die("a gate");
}

static void set_gate(struct gate *gate, int groups) {
    if (sem_init(&gate->room, 0, groups) || sem_init(&gate->there, 0, 0)) die("a gate");
}

/* ── sockets ───────────────────────────────────────────────────────────────────────────── */

struct wire { int ours, theirs; }; /* two connected sockets: the worker's, and the world's */

static int udp_socket(void) {
    int fd = socket(AF_INET, SOCK_DGRAM, 0), size = 4 << 20;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof any)) die("a UDP socket");
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size)) /* only for root */
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    return fd;
}

static void aim(int from, int to) {
    struct sockaddr_in place;
    if (getsockname(to, (struct sockaddr *)&place, &(socklen_t){sizeof place}) ||
        connect(from, (struct sockaddr *)&place, sizeof place))
        die("a connection");
}

static struct wire make_wire(void) {
    struct wire wire = {udp_socket(), udp_socket()};
    int ends[] = {wire.ours, wire.theirs}, size = CHUNK, yes = 1;
    for (int end = 0; end < 2; end++) {
        aim(ends[end], ends[!end]);
        if (setsockopt(ends[end], IPPROTO_UDP, UDP_SEGMENT, &size, sizeof size) ||
            setsockopt(ends[end], IPPROTO_UDP, UDP_GRO, &yes, sizeof yes))
            die("no GSO or GRO");
    }
    return wire;
}

static int groups_in_buffer(int fd, int charge) {
    int size = 0;
    getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, &(socklen_t){sizeof size});
    return size > charge ? size / charge : 1;
}

static void send_chunks(int fd, const u8 *datagrams, int count) {
    if (send(fd, datagrams, count * CHUNK, 0) != count * CHUNK) die("sending chunks");
}

static void receive_chunks(int fd, u8 *datagrams, int count) {
    for (ssize_t at = 0, got; at < count * CHUNK; at += got) {
        got = recv(fd, datagrams + at, count * CHUNK - at, MSG_DONTWAIT);
        if (got <= 0 || got % CHUNK) die("chunks were lost");
    }
}

/* ── chunks ────────────────────────────────────────────────────────────────────────────── */

static u8 group[GROUP * CHUNK]; /* the worker's, on its way in or out */

static u8 *cell_at(u8 *matrix, int row) { /* in an opened matrix: one plain text after another */
    return matrix + (size_t)(row / CELLS) * link_cipher.text + row % CELLS * CELL;
}

static void chunk_nonce(u8 *nonce, u64 round, uint16_t chunk) {
    memset(nonce, 0, NONCE);
    memcpy(nonce, &round, 8);
    memcpy(nonce + 8, &chunk, 2);
}

static void seal_chunk(u8 *datagram, u64 round, int chunk, const u8 *key) {
    u8 nonce[NONCE], *text = datagram + HEADER;
    memset(datagram, 0, HEADER);
    memcpy(datagram + 4, &round, 4);
    memcpy(datagram + 10, &chunk, 2);
    int used = least(CELLS, rows - chunk * CELLS) * CELL;
    memset(text + used, 0, link_cipher.text - used);
    chunk_nonce(nonce, round, chunk);
    link_cipher.seal(text, NULL, text, link_cipher.text, datagram, HEADER, NULL, nonce, key);
}

static void open_chunk(u8 *matrix, const u8 *datagram, const u8 *key) {
    u8 nonce[NONCE];
    uint32_t round;
    uint16_t chunk;
    memcpy(&round, datagram + 4, 4);
    memcpy(&chunk, datagram + 10, 2);
    if (chunk >= chunks) die("a chunk of no round");
    chunk_nonce(nonce, round, chunk);
    if (link_cipher.open(cell_at(matrix, chunk * CELLS), NULL, NULL, datagram + HEADER,
                         CHUNK - HEADER, datagram, HEADER, nonce, key))
        die("a forged chunk");
}

static u8 *sealed_round(const u8 *cells, const u8 *key) { /* to be fed again and again */
    u8 *out = memory((size_t)chunks * CHUNK);
    for (int chunk = 0; chunk < chunks; chunk++) {
        int count = least(CELLS, rows - chunk * CELLS);
        memcpy(out + chunk * CHUNK + HEADER, cells + chunk * BODY, count * CELL);
        seal_chunk(out + chunk * CHUNK, 0, chunk, key);
    }
    return out;
}

static void feed_chunks(int fd, const u8 *sealed) {
    for (int first = 0; first < chunks; first += GROUP) {
        enter(&inlet.room);
        send_chunks(fd, sealed + first * CHUNK, least(GROUP, chunks - first));
        sem_post(&inlet.there);
    }
}

static void take_chunks(int fd, u8 *matrix, const u8 *key) { /* the worker: a round's chunks */
    for (int first = 0; first < chunks; first += GROUP) {
        int count = least(GROUP, chunks - first);
        enter(&inlet.there);
        start();
        receive_chunks(fd, group, count);
        lap(RECEIVE);
        for (int at = 0; at < count; at++) open_chunk(matrix, group + at * CHUNK, key);
        lap(OPEN);
        sem_post(&inlet.room);
    }
}

/* What a row's cell has to be, found without the worker's work. */
typedef void expect_call(const void *of, int row, u64 round, u8 *cell);

static void drain_chunks(int fd, u64 round, const u8 *key, expect_call *expect, const void *of) {
    static u8 taken[GROUP * CHUNK], *matrix;
    if (!matrix) matrix = memory((size_t)chunks * CHUNK);
    for (int first = 0; first < chunks; first += GROUP) {
        int count = least(GROUP, chunks - first), at = round % count;
        enter(&outlet.there);
        receive_chunks(fd, taken, count);
        sem_post(&outlet.room);
        open_chunk(matrix, taken + at * CHUNK, key); /* one of each group, another every round */
        for (int row = (first + at) * CELLS; row < least(rows, (first + at + 1) * CELLS); row++) {
            u8 cell[CELL];
            expect(of, row, round, cell);
            if (memcmp(cell, cell_at(matrix, row), CELL)) die("a cell came out wrong");
            verified++;
        }
    }
}
