/* A middle mix in both directions: open, take off or add a layer in secret order, seal, send on.
 *
 * Must not know: clients, what a cell is.
 */

/* One direction. `keys` and `stream` lie in the order in which cells leave, so that the keystream
 * is read from front to back and only the cells are gathered: out[p] = in[from[p]] ^ stream[p]. */
struct way {
    u8 direction;
    const u8 *in_key, *out_key;
    int *from;
    u8 *keys, *stream[2], *cells;   /* stream: two blocks, each [round][row][128] */
    u8 *plain, *sealed;             /* what is fed */
    int feed, receive, send, drain; /* sockets */
};

static struct way ways[2];

static void stream_nonce(u8 *nonce, u8 direction, u64 block) {
    memset(nonce, 0, NONCE);
    nonce[0] = direction;
    memcpy(nonce + 1, &block, 8);
}

/* A part of a block's keystreams, laid round by round. */
static void make_stream(struct way *way, u64 block, int first, int last) {
    static const u8 zeros[BLOCK * CELL];
    u8 made[BLOCK * CELL], nonce[NONCE], *to = way->stream[block % 2];
    stream_nonce(nonce, way->direction, block);
    for (int row = first; row < last; row++) {
        stream_xor(made, zeros, sizeof made, nonce, 1, way->keys + row * KEY);
        for (int step = 0; step < BLOCK; step++)
            memcpy(to + ((size_t)step * rows + row) * CELL, made + step * CELL, CELL);
    }
}

static void xor_cells(struct way *way, u64 round, int chunk, u8 *out) {
    const u8 *stream = way->stream[round / BLOCK % 2] + (round % BLOCK) * rows * CELL;
    for (int row = chunk * CELLS; row < least(rows, (chunk + 1) * CELLS); row++, out += CELL) {
        const u8 *cell = cell_at(way->cells, way->from[row]);
        for (int at = 0; at < CELL; at++) out[at] = cell[at] ^ stream[(size_t)row * CELL + at];
    }
}

static void pass_round(struct way *way, u64 round) {
    take_chunks(way->receive, way->cells, way->in_key);
    for (int first = 0; first < chunks; first += GROUP) {
        int count = least(GROUP, chunks - first);
        enter(&outlet.room);
        start();
        for (int at = 0; at < count; at++)
            xor_cells(way, round, first + at, group + at * CHUNK + HEADER);
        lap(MOVE);
        for (int at = 0; at < count; at++)
            seal_chunk(group + at * CHUNK, round, first + at, way->out_key);
        lap(SEAL);
        send_chunks(way->send, group, count);
        lap(SEND);
        sem_post(&outlet.there);
    }
    start(); /* each round makes a twentieth of the block that comes next */
    int step = round % BLOCK;
    make_stream(way, round / BLOCK + 1, rows * step / BLOCK, rows * (step + 1) / BLOCK);
    lap(KEYSTREAM);
}

static void mix_feed(u64 round) {
    (void)round;
    for (int at = 0; at < 2; at++) feed_chunks(ways[at].feed, ways[at].sealed);
}

static void mix_work(u64 round) {
    for (int at = 0; at < 2; at++) pass_round(&ways[at], round);
}

/* The same cell by another way: one cell's keystream alone, from the middle of its block. */
static void mix_expect(const void *of, int row, u64 round, u8 *cell) {
    const struct way *way = of;
    u8 nonce[NONCE];
    stream_nonce(nonce, way->direction, round / BLOCK);
    stream_xor(cell, way->plain + way->from[row] * CELL, CELL, nonce,
               1 + round % BLOCK * (CELL / 64), way->keys + row * KEY);
}

static void mix_drain(u64 round) {
    for (int at = 0; at < 2; at++)
        drain_chunks(ways[at].drain, round, ways[at].out_key, mix_expect, &ways[at]);
}

static void set_way(struct way *way, u8 direction, int *from, struct wire in, struct wire out) {
    u8 *link_keys = noise(memory(2 * KEY), 2 * KEY);
    *way = (struct way){.direction = direction, .in_key = link_keys, .out_key = link_keys + KEY,
                        .from = from, .keys = noise(memory(rows * KEY), rows * KEY),
                        .plain = noise(memory(rows * CELL), rows * CELL),
                        .feed = in.theirs, .receive = in.ours, .send = out.ours,
                        .drain = out.theirs};
    way->sealed = sealed_round(way->plain, way->in_key);
    way->cells = memory((size_t)chunks * link_cipher.text);
    for (int block = 0; block < 2; block++)
        way->stream[block] = memory((size_t)BLOCK * rows * CELL);
    make_stream(way, 0, 0, rows);
}

static void set_mix(void) {
    int *order = memory(rows * sizeof *order), *undone = memory(rows * sizeof *undone);
    for (int row = 0; row < rows; row++) {
        int other = random() % (row + 1);
        order[row] = order[other];
        order[other] = row;
    }
    for (int row = 0; row < rows; row++) undone[order[row]] = row;
    struct wire before = make_wire(), after = make_wire();
    set_way(&ways[0], 0, order, before, after);
    set_way(&ways[1], 1, undone, after, before);
    set_gate(&inlet, groups_in_buffer(before.ours, GROUP * CHUNK_CHARGE));
    set_gate(&outlet, groups_in_buffer(before.theirs, GROUP * CHUNK_CHARGE));
}
