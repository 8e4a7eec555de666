/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include "net/control_client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---------------------------------------------------------------------------------------------------------- opening */

static void accept_none(void *context, net_conn *conn)
{
    (void)context;
    net_conn_abort(conn);
}

static void addresses_and_errors(void **state)
{
    (void)state;
    net_loop *loop;
    assert_int_equal(net_loop_new(&loop), LL_OK);
    static const struct {
        const char *address;
        ll_status want;
    } table[] = {
        {"127.0.0.1", LL_OK}, {NULL, LL_OK},
        {"*", LL_OK},         {"localhost", LL_EINVAL},
        {"", LL_EINVAL},      {"192.0.2.77", LL_EUNAVAILABLE},
        {"1.2.3", LL_EINVAL}, {"fe80::1%lo", LL_EINVAL},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        text error;
        text_init(&error, NULL, 1000);
        net_listen *listener;
        net_listen_config config = {.address = table[i].address, .accept = accept_none};
        ll_status got = net_listen_open(&listener, loop, &config, &error);
        if (got != table[i].want)
            fail_msg("row %zu: got %d, \"%s\"", i, got, text_str(&error));
        assert_int_equal(text_span(&error).size > 0, got != LL_OK);
        if (listener)
            assert_true(net_listen_port(listener) > 0);
        net_listen_close(&listener);
        text_fini(&error);
    }
    net_loop_del(&loop);
}

static void ports_are_taken_or_shared(void **state)
{
    (void)state;
    net_loop *loop;
    text error;
    text_init(&error, NULL, 1000);
    assert_int_equal(net_loop_new(&loop), LL_OK);
    net_listen *a, *b, *c, *d;
    net_listen_config config = {.address = "127.0.0.1", .accept = accept_none};
    assert_int_equal(net_listen_open(&a, loop, &config, &error), LL_OK);
    config.port = net_listen_port(a);
    assert_int_equal(net_listen_open(&b, loop, &config, &error), LL_EBUSY);
    assert_non_null(strstr(text_str(&error), "another program listens there"));
    config.port = 0;
    config.reuse_port = true;
    assert_int_equal(net_listen_open(&c, loop, &config, &error), LL_OK);
    config.port = net_listen_port(c);
    assert_int_equal(net_listen_open(&d, loop, &config, &error), LL_OK);
    net_listen_close(&a);
    net_listen_close(&c);
    net_loop_del(&loop); /* closes d */
    text_fini(&error);
}

/* ----------------------------------------------------------------------------------------------------- Unix sockets */

static void unix_socket_and_control_client(void **state)
{
    (void)state;
    rig_server server;
    char *path = rig_path("control");
    rig_server_init(&server, (rig_options){.unix_path = path});
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    text answer;
    text_init(&answer, NULL, 1000);
    assert_int_equal(net_control_ask(path, SPAN("WHO\n"), NET_CONTROL_LINE, 5000, &answer), LL_OK);
    assert_string_equal(text_str(&answer), "unix near \n");
    text_clear(&answer);
    assert_int_equal(net_control_ask(path, SPAN("a\nQUIT\n"), NET_CONTROL_EOF, 5000, &answer), LL_OK);
    assert_string_equal(text_str(&answer), "=a\nbye\n");
    text_clear(&answer);
    assert_int_equal(net_control_ask(path, SPAN("no newline"), NET_CONTROL_LINE, 60, &answer), LL_ETIMEOUT);
    assert_int_equal(net_control_ask(path, SPAN("BIG 5000\n"), NET_CONTROL_EOF, 5000, &answer), LL_ELIMIT);
    text_clear(&answer);
    assert_int_equal(net_control_ask(path, SPAN("ABORT\n"), NET_CONTROL_LINE, 5000, &answer), LL_ECLOSED);
    rig_server_fini(&server);
    assert_int_equal(stat(path, &st), -1); /* unlinked */
    assert_int_equal(net_control_ask(path, SPAN("x\n"), NET_CONTROL_LINE, 100, &answer), LL_ENOTFOUND);
    text_fini(&answer);
    free(path);
}

static void stale_sockets_only_are_replaced(void **state)
{
    (void)state;
    net_loop *loop;
    text error;
    text_init(&error, NULL, 1000);
    assert_int_equal(net_loop_new(&loop), LL_OK);
    char *path = rig_path("stale"), *file = rig_path("file");
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&un, sizeof un), 0);
    assert_int_equal(listen(fd, 1), 0);
    net_listen *listener;
    net_listen_config config = {.unix_path = path, .accept = accept_none};
    assert_int_equal(net_listen_open(&listener, loop, &config, &error), LL_EBUSY); /* somebody answers */
    close(fd);
    assert_int_equal(net_listen_open(&listener, loop, &config, &error), LL_OK); /* nobody does */
    unlink(path);
    close(open(path, O_CREAT | O_WRONLY, 0600)); /* another's file at our place */
    net_listen_close(&listener);
    assert_int_equal(access(path, F_OK), 0);
    close(open(file, O_CREAT | O_WRONLY, 0600));
    config.unix_path = file;
    assert_int_equal(net_listen_open(&listener, loop, &config, &error), LL_EBUSY);
    assert_int_equal(access(file, F_OK), 0);
    config.unix_path = "/nonexistent-folder/socket";
    assert_int_equal(net_listen_open(&listener, loop, &config, &error), LL_EINVAL);
    net_loop_del(&loop);
    text_fini(&error);
    free(path);
    free(file);
}

/* ----------------------------------------------------------------------------------------------------------- limits */

static void the_gate_refuses_politely(void **state)
{
    (void)state;
    rig_server server;
    net_gate *gate = net_gate_new(10, 2, false);
    rig_server_init(&server, (rig_options){.gate = gate});
    rig_client a = rig_connect(&server), b = rig_connect(&server);
    rig_say(&a, "a\n");
    rig_expect(&a, "=a");
    rig_say(&b, "b\n");
    rig_expect(&b, "=b");
    rig_client c = rig_connect(&server);
    rig_expect(&c, "421 too many");
    rig_client_fini(&c);
    rig_say(&a, "QUIT\n");
    rig_expect(&a, "bye");
    rig_client_fini(&a);
    rig_wait_closed(&server, 1, NULL);
    c = rig_connect(&server);
    rig_say(&c, "c\n");
    rig_expect(&c, "=c");
    rig_client_fini(&b);
    rig_client_fini(&c);
    rig_server_fini(&server);
    net_gate_counts counts;
    net_gate_counts_now(gate, &counts);
    assert_int_equal(counts.open, 0);
    assert_int_equal(counts.accepted, 3);
    assert_int_equal(counts.refused_address, 1);
    net_gate_del(&gate);
}

typedef struct starved {
    net_loop *loop;
    unsigned accepted, logs;
} starved;

static size_t take_all(void *context, ll_span bytes)
{
    (void)context;
    return bytes.size;
}

static void ignore_end(void *context, const char *reason)
{
    (void)context, (void)reason;
}

static void accept_and_count(void *context, net_conn *conn)
{
    static const net_conn_callbacks callbacks = {.on_input = take_all, .on_closed = ignore_end};
    starved *s = context;
    s->accepted++;
    net_conn_begin(conn, &callbacks, s);
}

static void log_and_count(void *context, ll_span line)
{
    starved *s = context;
    assert_non_null(strstr(line.data, "accept-paused"));
    s->logs++;
}

static void stop(void *context)
{
    net_loop_stop(((starved *)context)->loop);
}

static void run_for(starved *s, uint64_t ms)
{
    net_timer *timer = net_timer_new(s->loop, stop, s);
    net_timer_start(timer, ms);
    net_loop_run(s->loop);
    net_timer_del(&timer);
}

static uint64_t cpu_ms(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

/* In a child, because descriptors are counted per process. Peers' bug: accept spins on EMFILE at full CPU, logging each
 * time. */
static int starve(void)
{
    starved s = {0};
    text error;
    text_init(&error, NULL, 1000);
    net_listen *listener;
    if (net_loop_new(&s.loop))
        return 1;
    net_listen_config config = {
        .address = "127.0.0.1", .accept = accept_and_count, .log = log_and_count, .context = &s};
    if (net_listen_open(&listener, s.loop, &config, &error))
        return 2;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(net_listen_port(listener))};
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int last = 0;
    for (int i = 0; i < 10; i++) {
        last = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (last < 0 || connect(last, (const struct sockaddr *)&in, sizeof in) != 0)
            return 3;
    }
    struct rlimit before, low;
    getrlimit(RLIMIT_NOFILE, &before);
    low = before;
    low.rlim_cur = (rlim_t)last + 3; /* two more */
    setrlimit(RLIMIT_NOFILE, &low);
    uint64_t cpu = cpu_ms();
    run_for(&s, 350);
    cpu = cpu_ms() - cpu;
    net_listen_counts counts = net_listen_counts_now(listener);
    if (s.accepted != 2 || s.logs != 1)
        return 4;
    if (counts.exhausted < 2 || counts.exhausted > 4 || cpu > 150)
        return 5;
    setrlimit(RLIMIT_NOFILE, &before);
    run_for(&s, 250);
    if (s.accepted != 10 || s.logs != 1)
        return 6;
    net_loop_del(&s.loop);
    text_fini(&error);
    return 0;
}

static void no_descriptors_left_pauses_accepting(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0)
        _exit(starve());
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int teardown(void **state)
{
    (void)state;
    rig_folder_del();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_descriptors_left_pauses_accepting),
        cmocka_unit_test(addresses_and_errors),
        cmocka_unit_test(ports_are_taken_or_shared),
        cmocka_unit_test(unix_socket_and_control_client),
        cmocka_unit_test(stale_sockets_only_are_replaced),
        cmocka_unit_test(the_gate_refuses_politely),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
