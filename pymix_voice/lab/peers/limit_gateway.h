/* A gateway's rounds: every client's datagram to its row of chunks, and every row back to it.
 *
 * The access link is always ChaCha20-Poly1305; the chosen cipher is the mix link's. Each client has
 * a socket of its own, so addresses are as many as in life.
 *
 * Must not know: orders, layers, what a cell is.
 */

enum {
    ACCESS = 8, STATUS = 24, TAG = 16, UP = ACCESS + CELL + TAG, DOWN = UP + STATUS,
    BATCH = 64, /* datagrams in one recvmmsg or sendmmsg */
    CLIENT_CHARGE = 832,
};

struct client {
    uint32_t session;
    u8 up[KEY], down[KEY];
    struct sockaddr_in place; /* where its last datagram came from */
    int socket;               /* the client's own end */
    u8 sealed[UP];            /* what it sends */
};

static struct client *clients;
static struct { uint32_t session; int slot; } *table; /* sessions, by open addressing */
static uint32_t table_mask;
static int front;            /* the gateway's socket for clients */
static struct wire link_wire;
static u8 link_up[KEY] = "up", link_down[KEY] = "down", *up_plain, *up_chunks, *down_plain,
          *down_sealed, *down_cells;
static u8 batch[BATCH][DOWN];
static struct sockaddr_in places[BATCH];
static struct mmsghdr messages[BATCH];

static void access_nonce(u8 *nonce, u64 round) {
    memset(nonce, 0, NONCE);
    nonce[0] = 1;
    memcpy(nonce + 4, &round, 8);
}

static void access_header(u8 *header, uint32_t session, u64 round) {
    memcpy(header, &session, 4);
    header[4] = 1;
    memcpy(header + 5, &round, 3);
}

static struct client *client_of(uint32_t session) {
    for (uint32_t at = session & table_mask; table[at].slot >= 0; at = (at + 1) & table_mask)
        if (table[at].session == session) return &clients[table[at].slot];
    die("an unknown session");
    return NULL;
}

/* One datagram up is opened right into its row's place in the chunks to be. */
static void open_up(const u8 *datagram, unsigned length, const struct sockaddr_in *place) {
    u8 nonce[NONCE];
    uint32_t session;
    u64 round = 0;
    memcpy(&session, datagram, 4);
    memcpy(&round, datagram + 5, 3);
    struct client *client = client_of(session);
    int row = client - clients;
    access_nonce(nonce, round);
    u8 *to = up_chunks + row / CELLS * CHUNK + HEADER + row % CELLS * CELL;
    if (length != UP ||
        access_cipher.open(to, NULL, NULL, datagram + ACCESS, UP - ACCESS, datagram, ACCESS,
                           nonce, client->up))
        die("a forged datagram");
    client->place = *place;
}

static void go_up(u64 round) {
    for (int first = 0; first < rows; first += BATCH) {
        int count = least(BATCH, rows - first);
        enter(&inlet.there);
        start();
        for (int at = 0; at < count; at++) messages[at].msg_hdr.msg_iov->iov_len = DOWN;
        if (recvmmsg(front, messages, count, MSG_DONTWAIT, NULL) != count) die("cells were lost");
        lap(RECEIVE);
        for (int at = 0; at < count; at++) open_up(batch[at], messages[at].msg_len, &places[at]);
        lap(OPEN);
        sem_post(&inlet.room);
    }
    for (int first = 0; first < chunks; first += GROUP) {
        int count = least(GROUP, chunks - first);
        u8 *datagrams = up_chunks + first * CHUNK;
        enter(&outlet.room);
        start();
        for (int at = 0; at < count; at++)
            seal_chunk(datagrams + at * CHUNK, round, first + at, link_up);
        lap(SEAL);
        send_chunks(link_wire.ours, datagrams, count);
        lap(SEND);
        sem_post(&outlet.there);
    }
}

static void go_down(u64 round) {
    u8 nonce[NONCE];
    take_chunks(link_wire.ours, down_cells, link_down);
    access_nonce(nonce, round);
    for (int first = 0; first < rows; first += BATCH) {
        int count = least(BATCH, rows - first);
        enter(&outlet.room);
        start();
        for (int at = 0; at < count; at++) {
            access_header(batch[at], clients[first + at].session, round);
            memcpy(batch[at] + ACCESS, cell_at(down_cells, first + at), CELL);
            memset(batch[at] + ACCESS + CELL, (u8)round, STATUS);
            places[at] = clients[first + at].place;
            messages[at].msg_hdr.msg_iov->iov_len = DOWN;
        }
        lap(MOVE);
        for (int at = 0; at < count; at++)
            access_cipher.seal(batch[at] + ACCESS, NULL, batch[at] + ACCESS, CELL + STATUS,
                               batch[at], ACCESS, NULL, nonce, clients[first + at].down);
        lap(SEAL);
        if (sendmmsg(front, messages, count, 0) != count) die("sending to clients");
        lap(SEND);
        sem_post(&outlet.there);
    }
}

static void gateway_work(u64 round) {
    go_up(round);
    go_down(round);
}

static void gateway_feed(u64 round) {
    (void)round;
    for (int first = 0; first < rows; first += BATCH) {
        enter(&inlet.room);
        for (int row = first; row < least(rows, first + BATCH); row++)
            if (send(clients[row].socket, clients[row].sealed, UP, 0) != UP) die("a client");
        sem_post(&inlet.there);
    }
    feed_chunks(link_wire.theirs, down_sealed);
}

static void gateway_expect(const void *plain, int row, u64 round, u8 *cell) {
    (void)round;
    memcpy(cell, (const u8 *)plain + row * CELL, CELL);
}

static void check_down(const struct client *client, u64 round, const u8 *datagram) {
    u8 nonce[NONCE], text[CELL + STATUS];
    access_nonce(nonce, round);
    if (access_cipher.open(text, NULL, NULL, datagram + ACCESS, DOWN - ACCESS, datagram, ACCESS,
                           nonce, client->down) ||
        memcmp(text, down_plain + (client - clients) * CELL, CELL) || text[CELL] != (u8)round)
        die("a client's cell came out wrong");
    verified++;
}

static void gateway_drain(u64 round) {
    u8 datagram[DOWN];
    drain_chunks(link_wire.theirs, round, link_up, gateway_expect, up_plain);
    for (int first = 0; first < rows; first += BATCH) {
        int count = least(BATCH, rows - first);
        enter(&outlet.there);
        for (int row = first; row < first + count; row++) {
            if (recv(clients[row].socket, datagram, DOWN, MSG_DONTWAIT) != DOWN) die("a client");
            if (row == first + (int)(round % count)) check_down(&clients[row], round, datagram);
        }
        sem_post(&outlet.room);
    }
}

static void set_client(struct client *client, int row) {
    u8 nonce[NONCE];
    noise(client->up, KEY);
    noise(client->down, KEY);
    client->socket = udp_socket();
    aim(client->socket, front);
    uint32_t at;
    do { /* until it is neither taken nor the zero of a handshake */
        client->session = (uint32_t)random();
        at = client->session & table_mask;
        while (table[at].slot >= 0 && table[at].session != client->session)
            at = (at + 1) & table_mask;
    } while (table[at].slot >= 0 || !client->session);
    table[at].session = client->session;
    table[at].slot = row;
    access_header(client->sealed, client->session, 0);
    access_nonce(nonce, 0);
    access_cipher.seal(client->sealed + ACCESS, NULL, up_plain + row * CELL, CELL, client->sealed,
                       ACCESS, NULL, nonce, client->up);
}

static void set_gateway(void) {
    static struct iovec bodies[BATCH];
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    for (table_mask = 1; table_mask < 4u * rows; table_mask <<= 1) continue;
    table = memory(table_mask-- * sizeof *table);
    for (uint32_t at = 0; at <= table_mask; at++) table[at].slot = -1;
    front = udp_socket();
    link_wire = make_wire();
    up_plain = noise(memory(rows * CELL), rows * CELL);
    down_plain = noise(memory(rows * CELL), rows * CELL);
    down_sealed = sealed_round(down_plain, link_down);
    up_chunks = memory((size_t)chunks * CHUNK);
    down_cells = memory((size_t)chunks * link_cipher.text);
    clients = memory(rows * sizeof *clients);
    for (int row = 0; row < rows; row++) set_client(&clients[row], row);
    for (int at = 0; at < BATCH; at++) {
        bodies[at] = (struct iovec){batch[at], DOWN};
        messages[at].msg_hdr =
            (struct msghdr){.msg_name = &places[at], .msg_namelen = sizeof *places,
                            .msg_iov = &bodies[at], .msg_iovlen = 1};
    }
    set_gate(&inlet, least(groups_in_buffer(front, BATCH * CLIENT_CHARGE),
                           groups_in_buffer(link_wire.ours, GROUP * CHUNK_CHARGE)));
    set_gate(&outlet, groups_in_buffer(link_wire.theirs, GROUP * CHUNK_CHARGE));
}
