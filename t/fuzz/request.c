
/*
 * Copyright (C) ngx_deploy_module authors
 */


#define _GNU_SOURCE

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_thread_pool.h>

#include <ftw.h>
#include <sanitizer/lsan_interface.h>

#include "ngx_deploy_tool_sender.h"
#include "ngx_deploy_tap.h"


/*
 * Whole requests: nginx itself, with the module, in this process.  An input:
 *
 *     a byte for the location, FUZZ_SIGN and others, where the body is cut,
 *     the headers, "\n--\n", the body, and for each request that nginx sends
 *     to CodeBuild, Slack or SNS "\n--\n" and what is replied
 *
 * "@build" in a body is the last build that was started, and "/build" is signed
 * with the token of it.
 *
 * Nothing waits: when nginx has nothing to do, the time of its next timer
 * comes.  Nothing may start a build or pass by a secret that only nginx has,
 * tell a secret, alert, or keep a connection.  FUZZ_VERBOSE in the
 * environment prints the answers.
 */


#define FUZZ_SIGN     0x01      /* as the sender does, with the secret */
#define FUZZ_RAW      0x02      /* the headers are all of the request's head */
#define FUZZ_CHUNKED  0x04
#define FUZZ_CUT      0x08      /* the body comes in pieces */
#define FUZZ_ABORT    0x10      /* the client is gone before the answer */
#define FUZZ_TWICE    0x20      /* the same delivery once more */
#define FUZZ_FORM     0x40
#define FUZZ_SHORT    0x80      /* the body never comes whole */

#define FUZZ_PARTS    16
#define FUZZ_CONNS    32
#define FUZZ_IDLE     2         /* ms before the next timer */
#define FUZZ_TRAVELS  64


#define fuzz_check(cond, ...)                                                 \
    if (!(cond)) {                                                            \
        fprintf(stderr, "%s line %d: %s\n", __FILE__, __LINE__, #cond);       \
        fprintf(stderr, __VA_ARGS__);                                         \
        fputc('\n', stderr);                                                  \
        abort();                                                              \
    }


typedef struct {
    const char              *scheme;
    const char              *param;
    const char              *secret;
} fuzz_scheme_t;


typedef struct {
    int                      fd;
    size_t                   len;
    u_char                   buf[262144];
} fuzz_conn_t;


typedef struct {
    size_t                   len;
    const u_char            *data;
} fuzz_part_t;


typedef struct {
    void                   (*handler)(void *data, ngx_log_t *log);
    void                    *ctx;
} fuzz_job_t;


int nginx_main(int argc, char *const *argv);
void fuzz_process_cycle(ngx_cycle_t *cycle);
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void __wrap_ngx_log_error_core(ngx_uint_t level, ngx_log_t *log,
    ngx_err_t err, const char *fmt, ...);
ngx_int_t __wrap_ngx_thread_task_post(ngx_thread_pool_t *tp,
    ngx_thread_task_t *task);
ngx_int_t __real_ngx_thread_task_post(ngx_thread_pool_t *tp,
    ngx_thread_task_t *task);


static fuzz_scheme_t  fuzz_schemes[] = {
    { "github", NULL, "secret-0123456789" },
    { "gitlab", NULL, "secret-0123456789" },
    { "gitlab", NULL, "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz" },
    { "bitbucket", NULL, "secret-0123456789" },
    { "gitea", NULL, "secret-0123456789" },
    { "forgejo", NULL, "secret-0123456789" },
    { "gogs", NULL, "secret-0123456789" },
    { "azure", NULL, "user:secret-0123456789" },
    { "slack", NULL, "secret-0123456789" },
    { "standard", NULL, "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz" },
    { "token", NULL, "secret-0123456789" },
    { "hmac", "header=X-Signature", "secret-0123456789" }
};

#define FUZZ_NSCHEMES  (sizeof(fuzz_schemes) / sizeof(fuzz_scheme_t))

static ngx_deploy_verifier_t  fuzz_verifiers[FUZZ_NSCHEMES];

/* behind the schemes; the first ones never take what is not signed */

#define FUZZ_BUILD   FUZZ_NSCHEMES
#define FUZZ_CLOSED  (FUZZ_NSCHEMES + 3)
#define FUZZ_HUSHED  (FUZZ_NSCHEMES + 4)

static const char    *fuzz_others[] = {
    "/build", "/sns", "/edge", "/off", "/status", "/no"
};

#define FUZZ_NOTHERS  (sizeof(fuzz_others) / sizeof(char *))


static ngx_uint_t     fuzz_ready;
static ngx_uint_t     fuzz_verbose;
static ngx_uint_t     fuzz_base;
static int            fuzz_jobs;
static ngx_uint_t     fuzz_number;
static ngx_uint_t     fuzz_nbuilds;
static ngx_uint_t     fuzz_reply;
static ngx_uint_t     fuzz_nparts;
static fuzz_part_t    fuzz_parts[FUZZ_PARTS];
static fuzz_conn_t    fuzz_conns[FUZZ_CONNS];

static int            fuzz_port;
static int            fuzz_service_port;
static int            fuzz_service;
static ngx_event_t    fuzz_tick;
static ngx_connection_t  fuzz_tick_connection;

static char           fuzz_dir[64];
static char           fuzz_unknown[65];      /* a secret, a project's name */
static char           fuzz_key[65];          /* of AWS */
static char           fuzz_build[64] = "api:1";
static char           fuzz_token[256];


static const char  fuzz_conf[] =
    "daemon off;\n"
    "master_process off;\n"
    "error_log stderr info;\n"
    "pid %s/pid;\n"
    "events { worker_connections 256; }\n"
    "http {\n"
    "    client_body_temp_path %s/body;\n"
    "    proxy_temp_path %s/proxy;\n"
    "    fastcgi_temp_path %s/fastcgi;\n"
    "    uwsgi_temp_path %s/uwsgi;\n"
    "    scgi_temp_path %s/scgi;\n"
    "    log_format all '$remote_addr $request $status $deploy_verify '\n"
    "        '$deploy_verify_secret $deploy_provider $deploy_delivery '\n"
    "        '$deploy_event $deploy_action $deploy_repo $deploy_branch '\n"
    "        '$deploy_source_branch $deploy_tag $deploy_commit $deploy_url '\n"
    "        '$deploy_sender $deploy_number $deploy_title $deploy_message '\n"
    "        '$deploy_target $deploy_user $deploy_channel $deploy_status '\n"
    "        '$deploy_project $deploy_build_id';\n"
    "    access_log /dev/null all;\n"
    "    lingering_close off;\n"
    "    reset_timedout_connection on;\n"
    "    deploy_zone fuzz:1m;\n"
    "    deploy_store %s/store retry=1m;\n"
    "    deploy_region us-east-1;\n"
    "    deploy_endpoint %s;\n"
    "    deploy_slack token_file=%s/slack channel=C0 endpoint=%s;\n"
    "    deploy_notify slack;\n"
    "    deploy_project api {\n"
    "        env SENDER $deploy_sender;\n"
    "        env TITLE $deploy_title;\n"
    "        override timeoutInMinutesOverride 30;\n"
    "    }\n"
    "    server {\n"
    "        listen 127.0.0.1:%d;\n"
    "        location = /off { deploy_verify off; deploy_build off-1 on=any;\n"
    "            deploy_build $1 repo=~(.+)/api on=push branch=main; }\n"
    "        location = /sns { deploy_verify sns endpoint=%s\n"
    "            topic=arn:aws:sns:us-east-1:123456789012:builds;\n"
    "            deploy_build %s on=any; }\n"
    "        location = /build { deploy_verify build url=https://f/;\n"
    "            deploy_receive; }\n"
    "        location /edge { deploy_verify github %s/unknown;\n"
    "            proxy_pass %s; }\n"
    "        location = /status { deploy_status; }\n"
    "        location /no { return 404; }\n";

static const char  fuzz_locations[] =
    "        location = /s/%d { deploy_verify %s %s/secret.%d %s;\n"
    "            client_body_buffer_size %s;\n"
    "            deploy_build api on=any,command,build;\n"
    "            deploy_build merged branch=main sender!=bot;\n"
    "            deploy_build $1-docs repo=~acme/(.+) on=push path=docs/**;\n"
    "            deploy_build cmd on=command target=api user=U2,U3;\n"
    "            deploy_build next on=build project=api status=succeeded; }\n"
    "        location = /u/%d { deploy_verify %s %s/unknown%s %s;\n"
    "            deploy_build %s on=any,command,build; }\n";


/* memmem() would tell the fuzzer what is looked for */

__attribute__((no_sanitize("coverage")))
static ngx_uint_t
fuzz_tells(const u_char *p, size_t len, const char *secret)
{
    size_t  i, n;

    for (i = 0; i + 64 <= len; i++) {

        for (n = 0; n < 64 && p[i + n] == (u_char) secret[n]; n++) {
            /* void */
        }

        if (n == 64) {
            return 1;
        }
    }

    return 0;
}


/* what nginx would complain of, and what should never be told */

void
__wrap_ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
    u_char   *p, buf[8192];
    va_list   args;

    va_start(args, fmt);
    p = ngx_vslprintf(buf, buf + sizeof(buf) - 1, fmt, args);
    va_end(args);

    if (log && log->handler && level > NGX_LOG_CRIT) {
        p = log->handler(log, p, buf + sizeof(buf) - 1 - p);
    }

    *p = '\0';

    if (fuzz_ready) {
        fuzz_check(!fuzz_tells(buf, p - buf, fuzz_unknown), "%s", buf);
        fuzz_check(!fuzz_tells(buf, p - buf, fuzz_key), "%s", buf);
        fuzz_check(level > NGX_LOG_CRIT, "[%d] %s (%d)", (int) level, buf,
                   (int) err);

    } else if (level <= NGX_LOG_WARN) {
        fprintf(stderr, "%s (%d)\n", buf, (int) err);
    }
}


/* counts what threads have to do */

static void
fuzz_job(void *data, ngx_log_t *log)
{
    fuzz_job_t *job = data;

    job->handler(job->ctx, log);
    free(job);

    __atomic_sub_fetch(&fuzz_jobs, 1, __ATOMIC_SEQ_CST);
}


ngx_int_t
__wrap_ngx_thread_task_post(ngx_thread_pool_t *tp, ngx_thread_task_t *task)
{
    fuzz_job_t  *job;

    job = malloc(sizeof(fuzz_job_t));

    job->handler = task->handler;
    job->ctx = task->ctx;
    task->handler = fuzz_job;
    task->ctx = job;

    __atomic_add_fetch(&fuzz_jobs, 1, __ATOMIC_SEQ_CST);

    if (__real_ngx_thread_task_post(tp, task) == NGX_OK) {
        return NGX_OK;
    }

    __atomic_sub_fetch(&fuzz_jobs, 1, __ATOMIC_SEQ_CST);
    free(job);

    return NGX_ERROR;
}


static void
fuzz_tick_handler(ngx_event_t *ev)
{
    /* void */
}


static int
fuzz_listen(int *port)
{
    int                 fd;
    socklen_t           len;
    struct sockaddr_in  sin;

    fd = socket(AF_INET, SOCK_STREAM|SOCK_NONBLOCK, 0);

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    len = sizeof(sin);

    fuzz_check(fd != -1 && bind(fd, (struct sockaddr *) &sin, len) == 0
               && listen(fd, 128) == 0
               && getsockname(fd, (struct sockaddr *) &sin, &len) == 0,
               "errno %d", errno);

    *port = ntohs(sin.sin_port);

    return fd;
}


static void
fuzz_random(char *text)
{
    u_char  raw[32];

    fuzz_check(getentropy(raw, 32) == 0, "errno %d", errno);
    ngx_deploy_hex_encode((u_char *) text, raw, 32);
    text[64] = '\0';
}


static void
fuzz_file(const char *name, const char *text)
{
    int    fd;
    char   path[128];

    snprintf(path, sizeof(path), "%s/%s", fuzz_dir, name);
    fd = open(path, O_WRONLY|O_CREAT|O_TRUNC, 0600);

    fuzz_check(fd != -1 && dprintf(fd, "%s\n", text) > 0, "%s", path);
    close(fd);
}


static int
fuzz_remove(const char *path, const struct stat *sb, int flag,
    struct FTW *ftw)
{
    return remove(path);
}


static void
fuzz_clean(void)
{
    nftw(fuzz_dir, fuzz_remove, 16, FTW_DEPTH|FTW_PHYS);
}


/* for as long as the process lives */

static void *
fuzz_alloc(void *data, size_t size)
{
    return malloc(size);
}


static void
fuzz_write_conf(const char *path)
{
    int                   i;
    char                  url[64];
    FILE                 *f;
    const char           *d, *param;
    ngx_deploy_pool_t      pool;
    ngx_deploy_str_t      s;
    ngx_deploy_secrets_t  report;
    fuzz_scheme_t        *scheme;
    ngx_deploy_verifier_t  *v;

    pool.alloc = fuzz_alloc;
    pool.data = NULL;

    d = fuzz_dir;
    snprintf(url, sizeof(url), "http://127.0.0.1:%d", fuzz_service_port);

    f = fopen(path, "w");
    fuzz_check(f != NULL, "%s", path);

    fprintf(f, fuzz_conf, d, d, d, d, d, d, d, url, d, url, fuzz_port, url,
            fuzz_unknown, d, url);

    for (i = 0; i < (int) FUZZ_NSCHEMES; i++) {
        char  name[32];

        scheme = &fuzz_schemes[i];
        v = &fuzz_verifiers[i];
        param = scheme->param ? scheme->param : "";

        snprintf(name, sizeof(name), "secret.%d", i);
        fuzz_file(name, scheme->secret);

        fprintf(f, fuzz_locations, i, scheme->scheme, d, i, param,
                (i % 2) ? "1k" : "128k", i, scheme->scheme, d,
                strcmp(scheme->scheme, "azure") == 0 ? ".pair"
                : strncmp(scheme->secret, "whsec_", 6) == 0 ? ".key" : "",
                param, fuzz_unknown);

        s = tap_str(scheme->scheme);
        fuzz_check(ngx_deploy_verifier_init(v, &s) == NGX_DEPLOY_OK, "%d", i);

        if (scheme->param) {
            const char  *reason;

            s = tap_str(scheme->param);
            fuzz_check(ngx_deploy_verifier_param(v, &pool, &s, &reason)
                       == NGX_DEPLOY_OK, "%d", i);
        }

        s = tap_str(scheme->secret);
        fuzz_check(ngx_deploy_verifier_secrets(v, &pool, &s, &report)
                   == NGX_DEPLOY_OK, "%d: %s", i, report.reason);
    }

    fprintf(f, "    }\n}\n");
    fclose(f);
}


int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    int          i, fd;
    char         conf[128], text[128];
    const char  *tmp;
    char        *args[] = { "nginx", "-e", "stderr", "-c", conf, "-p", text,
                            NULL };

    static const int  signals[] = {
        SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH, SIGTERM, SIGQUIT, SIGALRM, SIGINT,
        SIGIO, SIGCHLD, SIGSYS
    };

    tmp = (access("/dev/shm", W_OK) == 0) ? "/dev/shm" : "/tmp";
    snprintf(fuzz_dir, sizeof(fuzz_dir), "%s/ngx-deploy-fuzz-XXXXXX", tmp);
    fuzz_check(mkdtemp(fuzz_dir) != NULL, "%s", fuzz_dir);
    atexit(fuzz_clean);

    fuzz_random(fuzz_unknown);
    fuzz_random(fuzz_key);

    fuzz_file("unknown", fuzz_unknown);
    snprintf(text, sizeof(text), "user:%s", fuzz_unknown);
    fuzz_file("unknown.pair", text);
    snprintf(text, sizeof(text), "whsec_%s", fuzz_unknown);
    fuzz_file("unknown.key", text);
    fuzz_file("slack", "xoxb-1234567890-abcdefghij");

    fuzz_verbose = (getenv("FUZZ_VERBOSE") != NULL);

    clearenv();
    setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
    setenv("AWS_SECRET_ACCESS_KEY", fuzz_key, 1);

    fuzz_service = fuzz_listen(&fuzz_service_port);

    fd = fuzz_listen(&fuzz_port);
    close(fd);

    /* a configuration is never freed */

    __lsan_disable();

    snprintf(conf, sizeof(conf), "%s/nginx.conf", fuzz_dir);
    snprintf(text, sizeof(text), "%s/", fuzz_dir);
    fuzz_write_conf(conf);

    fuzz_check(nginx_main(7, args) == 0 && fuzz_base, "nginx did not start");
    __lsan_enable();

    for (i = 0; i < (int) (sizeof(signals) / sizeof(int)); i++) {
        signal(signals[i], SIG_DFL);
    }

    fuzz_ready = 1;

    return 0;
}


/* in place of the loop of a single process */

void
fuzz_process_cycle(ngx_cycle_t *cycle)
{
    ngx_uint_t  i;

    for (i = 0; cycle->modules[i]; i++) {
        if (cycle->modules[i]->init_process
            && cycle->modules[i]->init_process(cycle) == NGX_ERROR)
        {
            return;
        }
    }

    fuzz_tick_connection.fd = (ngx_socket_t) -1;
    fuzz_tick.handler = fuzz_tick_handler;
    fuzz_tick.data = &fuzz_tick_connection;
    fuzz_tick.log = cycle->log;

    for (i = 0; i < FUZZ_CONNS; i++) {
        fuzz_conns[i].fd = -1;
    }

    fuzz_base = cycle->free_connection_n;
}


/* one turn of the event loop, that waits for at most so many ms */

static void
fuzz_turn(ngx_msec_t wait)
{
    ngx_add_timer(&fuzz_tick, wait);

    ngx_process_events_and_timers((ngx_cycle_t *) ngx_cycle);

    if (fuzz_tick.timer_set) {
        ngx_del_timer(&fuzz_tick);
    }
}


/*
 * A timer that a thread sets again, by the real time, would always be the
 * next one: in the end it is farther and farther.
 */

static void
fuzz_travel(ngx_uint_t n)
{
    ngx_msec_t          far;
    ngx_rbtree_node_t  *node, *root, *sentinel;

    root = ngx_event_timer_rbtree.root;
    sentinel = ngx_event_timer_rbtree.sentinel;

    if (root == sentinel) {
        return;
    }

    node = ngx_rbtree_min(root, sentinel);

    if ((ngx_msec_int_t) (node->key - ngx_current_msec) > 0) {
        ngx_current_msec = node->key;
    }

    if (n > 8) {
        far = (ngx_msec_t) 1000 << ngx_min(n - 8, 20);
        ngx_current_msec += far;
    }

    ngx_event_expire_timers();
    ngx_event_process_posted((ngx_cycle_t *) ngx_cycle, &ngx_posted_events);
}


/* the last build of "api", and what it gets to report with */

static void
fuzz_started(fuzz_conn_t *conn, const char *id)
{
    u_char      *p, *end;
    ngx_uint_t   i;

    end = conn->buf + conn->len;
    p = memmem(conn->buf, conn->len, "\"deploy1.api.", 13);

    if (p == NULL) {
        return;
    }

    for (i = 0, p++; p < end && *p != '"' && i < 255; i++) {
        fuzz_token[i] = *p++;
    }

    fuzz_token[i] = '\0';
    snprintf(fuzz_build, sizeof(fuzz_build), "%s", id);
}


/* CodeBuild, Slack, SNS: the next reply of the input, or a good one */

static void
fuzz_answer(fuzz_conn_t *conn)
{
    int           n;
    char          id[64], text[1024];
    ssize_t       rc;
    fuzz_part_t  *part;
    const char   *body;

    fuzz_check(!fuzz_tells(conn->buf, conn->len, fuzz_unknown),
               "nothing was signed:\n%.*s", (int) conn->len, conn->buf);
    fuzz_check(!fuzz_tells(conn->buf, conn->len, fuzz_key),
               "the key:\n%.*s", (int) conn->len, conn->buf);

    if (fuzz_reply < fuzz_nparts) {
        part = &fuzz_parts[fuzz_reply++];

        if (part->len && part->data[0] == '?') {
            return;
        }

        if (part->len < 5 || memcmp(part->data, "HTTP/", 5) != 0) {
            n = snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\n"
                         "Content-Type: application/json\r\n"
                         "Content-Length: %zu\r\n\r\n", part->len);
            rc = send(conn->fd, text, n, MSG_NOSIGNAL);
        }

        rc = send(conn->fd, part->data, part->len, MSG_NOSIGNAL);

    } else {
        body = memmem(conn->buf, conn->len, ".StartBuild\r\n", 13)
               ? "{\"build\":{\"id\":\"%s\",\"buildNumber\":7,"
                 "\"buildStatus\":\"IN_PROGRESS\"}}"
               : "{\"ok\":true,\"channel\":\"C0\",\"ts\":\"1700000000.1\"}";

        snprintf(id, sizeof(id), "api:00000000-0000-4000-8000-%012d",
                 (int) ++fuzz_nbuilds);

        if (body[2] == 'b') {
            fuzz_started(conn, id);
        }

        n = snprintf(text + 512, 512, body, id);
        n = snprintf(text, 512, "HTTP/1.1 200 OK\r\n"
                     "Content-Type: application/json\r\n"
                     "Content-Length: %d\r\n\r\n%s", n, text + 512);
        rc = send(conn->fd, text, n, MSG_NOSIGNAL);
    }

    (void) rc;

    close(conn->fd);
    conn->fd = -1;
}


static ngx_uint_t
fuzz_whole(fuzz_conn_t *conn)
{
    u_char  *p, *end;
    size_t   len;

    if (conn->len == sizeof(conn->buf)) {
        return 1;
    }

    end = memmem(conn->buf, conn->len, "\r\n\r\n", 4);

    if (end == NULL) {
        return 0;
    }

    len = 0;
    p = memmem(conn->buf, end - conn->buf, "\r\nContent-Length: ", 18);

    if (p) {
        for (p += 18; *p >= '0' && *p <= '9'; p++) {
            len = len * 10 + (*p - '0');
        }
    }

    return conn->len >= (size_t) (end + 4 - conn->buf) + len;
}


/* 1 when something came */

static ngx_uint_t
fuzz_serve(void)
{
    int           fd;
    ssize_t       n;
    ngx_uint_t    i, some;
    fuzz_conn_t  *conn;

    some = 0;

    for (i = 0; i < FUZZ_CONNS; i++) {
        conn = &fuzz_conns[i];

        if (conn->fd == -1) {
            fd = accept4(fuzz_service, NULL, NULL, SOCK_NONBLOCK);
            if (fd == -1) {
                continue;
            }

            conn->fd = fd;
            conn->len = 0;
            some = 1;
        }

        n = recv(conn->fd, conn->buf + conn->len,
                 sizeof(conn->buf) - conn->len, 0);

        if (n == -1 && errno == EAGAIN) {
            continue;
        }

        some = 1;

        if (n <= 0) {
            close(conn->fd);
            conn->fd = -1;
            continue;
        }

        conn->len += n;

        if (fuzz_whole(conn)) {
            fuzz_answer(conn);
        }
    }

    return some;
}


/* the request up to its body, its size */

static size_t
fuzz_head(u_char *buf, size_t size, unsigned where, unsigned flags,
    ngx_deploy_str_t *body)
{
    int                     n;
    char                    now[32], id[32], uri[32];
    unsigned                index;
    fuzz_part_t            *part;
    fuzz_scheme_t          *scheme;
    ngx_deploy_str_t        ids, time, secret, value;
    ngx_deploy_verifier_t  *v;

    part = &fuzz_parts[0];
    value.len = 0;
    value.data = (u_char *) "";
    v = NULL;
    id[0] = now[0] = '\0';

    if (where < FUZZ_NSCHEMES) {
        index = where;
        snprintf(uri, sizeof(uri), "/%c/%u", (flags & FUZZ_SIGN) ? 's' : 'u',
                 index);

        if (flags & FUZZ_SIGN) {
            scheme = &fuzz_schemes[index];
            v = &fuzz_verifiers[index];

            snprintf(now, sizeof(now), "%lu", (unsigned long) ngx_time());
            snprintf(id, sizeof(id), "id-%lu", (unsigned long) fuzz_number);

            ids = tap_str(id);
            time = tap_str(now);
            secret = tap_str(scheme->secret);

            fuzz_check(ngx_deploy_tool_sign(tap_pool(), v, 0, &secret, &ids,
                                            &time, body, &value)
                       == NGX_DEPLOY_OK, "%s", scheme->scheme);
        }

    } else {
        snprintf(uri, sizeof(uri), "%s", fuzz_others[where - FUZZ_NSCHEMES]);
    }

    n = snprintf((char *) buf, size, "POST %s HTTP/1.1\r\nHost: fuzz\r\n"
                 "Connection: close\r\n%.*s%s", uri, (int) part->len,
                 (char *) part->data, part->len ? "\r\n" : "");

    /* a NUL ends the headers */

    n = strlen((char *) buf);

    if (v) {
        n += snprintf((char *) buf + n, size - n, "%.*s: %.*s\r\n",
                      (int) v->header.len, (char *) v->header.data,
                      (int) value.len, (char *) value.data);

        if (v->id_header.len) {
            n += snprintf((char *) buf + n, size - n, "%.*s: %s\r\n",
                          (int) v->id_header.len,
                          (char *) v->id_header.data, id);
        }

        if (v->time_header.len) {
            n += snprintf((char *) buf + n, size - n, "%.*s: %s\r\n",
                          (int) v->time_header.len,
                          (char *) v->time_header.data, now);
        }
    }

    if (where == FUZZ_BUILD && (flags & FUZZ_SIGN)) {
        n += snprintf((char *) buf + n, size - n,
                      "Authorization: Bearer %s\r\n", fuzz_token);
    }

    n += snprintf((char *) buf + n, size - n, "Content-Type: %s\r\n",
                  (flags & FUZZ_FORM) ? "application/x-www-form-urlencoded"
                                      : "application/json");

    if (flags & FUZZ_CHUNKED) {
        n += snprintf((char *) buf + n, size - n,
                      "Transfer-Encoding: chunked\r\n\r\n");
    } else {
        n += snprintf((char *) buf + n, size - n,
                      "Content-Length: %zu\r\n\r\n", body->len);
    }

    return n;
}


static void
fuzz_send(int fd, const void *data, size_t len)
{
    ssize_t  n;

    while (len) {
        n = send(fd, data, len, MSG_NOSIGNAL);

        if (n == -1 && errno != EAGAIN) {
            return;
        }

        if (n > 0) {
            data = (u_char *) data + n;
            len -= n;
        }

        fuzz_turn(0);
    }
}


static void
fuzz_send_body(int fd, unsigned flags, unsigned cut, ngx_deploy_str_t *body)
{
    int      n;
    char     text[32];
    size_t   len, size;
    u_char  *p;

    p = body->data;
    len = body->len;

    if (flags & FUZZ_SHORT) {
        len /= 2;
    }

    while (len) {
        size = (flags & FUZZ_CUT) ? ngx_min(len, cut * 16 + 1) : len;

        if (flags & FUZZ_CHUNKED) {
            n = snprintf(text, sizeof(text), "%zx\r\n", size);
            fuzz_send(fd, text, n);
        }

        fuzz_send(fd, p, size);

        if (flags & FUZZ_CHUNKED) {
            fuzz_send(fd, "\r\n", 2);
        }

        p += size;
        len -= size;
    }

    if ((flags & (FUZZ_CHUNKED|FUZZ_SHORT)) == FUZZ_CHUNKED) {
        fuzz_send(fd, "0\r\n\r\n", 5);
    }
}


/* what a request may not be told */

static void
fuzz_check_answer(unsigned where, unsigned flags, u_char *p, size_t len)
{
    u_char  *status;

    fuzz_check(!fuzz_tells(p, len, fuzz_key), "the key of AWS");

    /* "/status" and "/no" have nothing to hide from a raw request */

    if (where < FUZZ_HUSHED) {
        fuzz_check(!fuzz_tells(p, len, fuzz_unknown)
                   || (flags & FUZZ_RAW), "a secret: %.*s", (int) len, p);
    }

    if ((flags & FUZZ_RAW) || len == 0 || where >= FUZZ_CLOSED
        || ((flags & FUZZ_SIGN) && where <= FUZZ_BUILD))
    {
        return;
    }

    status = p;

    while (len > 25 && memcmp(status, "HTTP/1.1 100 Continue\r\n\r\n", 25) == 0)
    {
        status += 25;
        len -= 25;
    }

    if (where < FUZZ_NSCHEMES
        && strcmp(fuzz_schemes[where].scheme, "slack") == 0
        && memmem(status, len, "\r\nContent-Length: 0\r\n", 21))
    {
        return;         /* ssl_check */
    }

    fuzz_check(len < 12 || status[9] == '4' || status[9] == '5'
               || memcmp(status, "HTTP/", 5) != 0,
               "nothing was signed: %.*s", (int) len, status);
}


static void
fuzz_request(unsigned where, unsigned flags, unsigned cut,
    ngx_deploy_str_t *body)
{
    int                 fd;
    size_t              got;
    ssize_t             n;
    ngx_uint_t          idle, travels, some;
    struct sockaddr_in  sin;

    static u_char       head[131072], answer[1048576];

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_port = htons(fuzz_port);
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    fd = socket(AF_INET, SOCK_STREAM, 0);

    fuzz_check(fd != -1
               && connect(fd, (struct sockaddr *) &sin, sizeof(sin)) == 0
               && fcntl(fd, F_SETFL, O_NONBLOCK) == 0, "errno %d", errno);

    if (flags & FUZZ_RAW) {
        fuzz_send(fd, fuzz_parts[0].data, fuzz_parts[0].len);
        fuzz_send(fd, body->data, body->len);

    } else {
        n = fuzz_head(head, sizeof(head), where, flags, body);
        fuzz_send(fd, head, n);
        fuzz_send_body(fd, flags, cut, body);
    }

    got = 0;

    for (idle = 0, travels = 0; ; /* void */ ) {

        fuzz_turn(idle ? 1 : 0);
        some = fuzz_serve();

        while (fd != -1) {
            n = recv(fd, answer + got, sizeof(answer) - got, 0);

            if (n == -1 && errno == EAGAIN) {
                break;
            }

            some = 1;

            if (n <= 0) {
                close(fd);
                fd = -1;
                break;
            }

            got += n;

            if (got == sizeof(answer)) {
                got = sizeof(answer) / 2;
            }
        }

        if (some || __atomic_load_n(&fuzz_jobs, __ATOMIC_SEQ_CST)) {
            idle = !some;
            continue;
        }

        if (fd == -1 && ngx_cycle->free_connection_n == fuzz_base) {
            break;
        }

        if (fd != -1 && (flags & FUZZ_ABORT) && idle) {
            close(fd);
            fd = -1;
        }

        if (idle++ < FUZZ_IDLE) {
            continue;
        }

        fuzz_check(travels++ < FUZZ_TRAVELS,
                   "%s, %u connections of %u are free",
                   fd == -1 ? "answered" : "no end of the answer",
                   (unsigned) ngx_cycle->free_connection_n,
                   (unsigned) fuzz_base);

        if (travels == 2 && fd != -1 && (flags & FUZZ_RAW)) {
            shutdown(fd, SHUT_WR);
        }

        fuzz_travel(travels);
        idle = 0;
    }

    if (fuzz_verbose) {
        fprintf(stderr, "%.*s\n", (int) got, answer);
    }

    if (!(flags & FUZZ_ABORT)) {
        fuzz_check_answer(where, flags, answer, got);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char            *p, *end;
    unsigned           i, where, flags, cut;
    fuzz_part_t        part;
    ngx_deploy_str_t   body;

    if (size < 3 || size > 65536) {
        return 0;
    }

    where = data[0] % (FUZZ_NSCHEMES + FUZZ_NOTHERS);
    flags = data[1];
    cut = data[2];

    p = (u_char *) data + 3;
    size -= 3;

    for (fuzz_nparts = 0; fuzz_nparts < FUZZ_PARTS; fuzz_nparts++) {
        end = memmem(p, size, "\n--\n", 4);

        fuzz_parts[fuzz_nparts].data = p;
        fuzz_parts[fuzz_nparts].len = end ? (size_t) (end - p) : size;

        if (end == NULL) {
            fuzz_nparts++;
            break;
        }

        size -= end + 4 - p;
        p = end + 4;
    }

    fuzz_reply = 2;
    fuzz_number++;

    part.len = 0;
    part.data = NULL;

    if (fuzz_nparts > 1) {
        part = fuzz_parts[1];
    }

    body.data = ngx_deploy_palloc(tap_pool(), part.len + 128);
    end = body.data;
    p = part.len ? memmem(part.data, part.len, "@build", 6) : NULL;

    if (p) {
        end = ngx_cpymem(end, part.data, p - part.data);
        end = ngx_cpymem(end, fuzz_build, strlen(fuzz_build));
        part.len -= p + 6 - part.data;
        part.data = p + 6;
    }

    if (part.len) {
        end = ngx_cpymem(end, part.data, part.len);
    }

    /* blanks in the end: another delivery than the one before */

    for (i = 0; end != body.data && i < 32 && !(flags & FUZZ_FORM); i++) {
        *end++ = (fuzz_number >> i) & 1 ? ' ' : '\n';
    }

    body.len = end - body.data;

    fuzz_request(where, flags, cut, &body);

    if (flags & FUZZ_TWICE) {
        fuzz_request(where, flags & ~FUZZ_ABORT, cut, &body);
    }

    tap_pool_reset();

    return 0;
}
