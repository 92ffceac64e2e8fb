
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "ngx_deploy_json.h"
#include "ngx_deploy_work.h"
#include "ngx_deploy_work_credentials.h"


/*
 * Walks the chain once, with the environment it is started in, and prints
 * what came of it as JSON.  For the tests in Perl.
 *
 *     credentials [kind=chain] [profile=P] [region=R] [role=ARN]
 *                 [external_id=ID] [session_name=N] [duration=S]
 *                 [limit=MS] [now=TIME] [stop=MS] [find=HEX]...
 *
 * stop sets the stop flag after MS.  find looks for the bytes, exclusive-ored
 * with 0x55, in all memory that can be written once the result was wiped, and
 * prints how often they are there, but no keys.
 */

#define TOOL_MAX_FIND  8


static volatile sig_atomic_t  tool_stop;
static unsigned char          tool_find[TOOL_MAX_FIND][256];
static size_t                 tool_find_len[TOOL_MAX_FIND];
static unsigned               tool_nfind;


static void *
tool_alloc(void *data, size_t size)
{
    (void) data;

    return malloc(size);
}


static void
tool_alarm(int signo)
{
    (void) signo;

    tool_stop = 1;
}


static void
tool_die(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(2);
}


static long long
tool_ms(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (long long) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


/* open descriptors, to see that none is left */

static int
tool_descriptors(void)
{
    int  fd, n;

    n = 0;

    for (fd = 0; fd < 1024; fd++) {
        n += (lseek(fd, 0, SEEK_CUR) != -1 || isatty(fd)
              || dup2(fd, fd) == fd);
    }

    return n;
}


static void
tool_add_find(const char *hex)
{
    size_t    n;
    unsigned  byte;

    n = 0;

    for ( /* void */ ; hex[0] && hex[1] && n < sizeof(tool_find[0]); hex += 2)
    {
        if (sscanf(hex, "%2x", &byte) != 1) {
            tool_die("find=HEX");
        }

        tool_find[tool_nfind][n++] = (unsigned char) byte;
    }

    tool_find_len[tool_nfind++] = n;
}


static long
tool_count(const unsigned char *p, const unsigned char *last)
{
    long      found;
    size_t    i;
    unsigned  n;

    found = 0;

    for ( /* void */ ; p < last; p++) {

        for (n = 0; n < tool_nfind; n++) {

            if ((size_t) (last - p) < tool_find_len[n]) {
                continue;
            }

            for (i = 0; i < tool_find_len[n]; i++) {
                if ((p[i] ^ 0x55) != tool_find[n][i]) {
                    break;
                }
            }

            found += (i == tool_find_len[n]);
        }
    }

    return found;
}


static long
tool_search(void)
{
    FILE          *f;
    char           line[512], mode[8];
    long           found;
    unsigned long  from, to;

    if (tool_nfind == 0) {
        return 0;
    }

    f = fopen("/proc/self/maps", "r");

    if (f == NULL) {
        tool_die("no /proc/self/maps");
    }

    found = 0;

    while (fgets(line, sizeof(line), f)) {

        if (sscanf(line, "%lx-%lx %4s", &from, &to, mode) != 3
            || mode[0] != 'r' || mode[1] != 'w' || strstr(line, "[v"))
        {
            continue;
        }

        found += tool_count((unsigned char *) from, (unsigned char *) to);
    }

    fclose(f);

    return found;
}


static const char *
tool_value(int argc, char **argv, const char *name)
{
    int     i;
    size_t  n;

    n = strlen(name);

    for (i = 1; i < argc; i++) {

        if (strncmp(argv[i], name, n) == 0 && argv[i][n] == '=') {
            return argv[i] + n + 1;
        }
    }

    return NULL;
}


static long
tool_number(int argc, char **argv, const char *name, long dflt)
{
    const char  *value;

    value = tool_value(argc, argv, name);

    return value ? strtol(value, NULL, 10) : dflt;
}


static void
tool_print(int rc, ngx_deploy_work_set_t *set, long long ms, int fds)
{
    long                found;
    ngx_deploy_str_t    out;
    ngx_deploy_pool_t   pool = { tool_alloc, NULL };
    ngx_deploy_json_t  *json;

    found = 0;

    /* before anything is made of the keys here */

    if (tool_nfind) {
        ngx_deploy_work_wipe(set);
        found = tool_search();
    }

    json = ngx_deploy_json_object();

    ngx_deploy_json_set(json, "rc", ngx_deploy_json_text(
                            rc == NGX_DEPLOY_OK ? "ok"
                            : rc == NGX_DEPLOY_DECLINED ? "declined"
                                                        : "error"));
    ngx_deploy_json_set(json, "kind", ngx_deploy_json_text(
                            ngx_deploy_work_kind_name(set->kind)));

    if (rc == NGX_DEPLOY_OK) {
        ngx_deploy_json_set_str(json, "id", &set->credentials.access_key_id);
        ngx_deploy_json_set_str(json, "secret",
                                &set->credentials.secret_access_key);
        ngx_deploy_json_set_str(json, "token",
                                &set->credentials.session_token);
        ngx_deploy_json_set_str(json, "source", &set->source);
        ngx_deploy_json_set(json, "expires",
                            ngx_deploy_json_int(set->expires));
        ngx_deploy_json_set(json, "stable", ngx_deploy_json_int(set->stable));

    } else {
        ngx_deploy_json_set(json, "reason",
                            ngx_deploy_json_text(set->reason));
        ngx_deploy_json_set(json, "retry", ngx_deploy_json_int(set->retry));
    }

    ngx_deploy_json_set(json, "ms", ngx_deploy_json_int(ms));
    ngx_deploy_json_set(json, "fds", ngx_deploy_json_int(fds));

    ngx_deploy_json_set(json, "found", ngx_deploy_json_int(found));

    if (ngx_deploy_json_dump(json, &pool, &out) != NGX_DEPLOY_OK) {
        tool_die("no memory");
    }

    printf("%.*s\n", (int) out.len, out.data);

    free(out.data);
    ngx_deploy_json_free(json);
}


int
main(int argc, char **argv)
{
    int                        rc, fds, i;
    long                       stop;
    long long                  started;
    const char                *kind;
    ngx_deploy_str_t           name;
    ngx_deploy_pool_t          pool = { tool_alloc, NULL };
    struct itimerval           timer;
    ngx_deploy_work_set_t      set;
    ngx_deploy_work_source_t   source;

    signal(SIGPIPE, SIG_IGN);
    signal(SIGALRM, tool_alarm);

    ngx_deploy_json_init();

    if (ngx_deploy_work_init() != NGX_DEPLOY_OK) {
        tool_die("ngx_deploy_work_init() failed");
    }

    memset(&source, 0, sizeof(ngx_deploy_work_source_t));

    for (i = 0; i < NGX_DEPLOY_WORK_NENV; i++) {
        source.env[i] = getenv(ngx_deploy_work_env_names[i]);
    }

    for (i = 1; i < argc; i++) {
        if (strncmp(argv[i], "find=", 5) == 0 && tool_nfind < TOOL_MAX_FIND) {
            tool_add_find(argv[i] + 5);
        }
    }

    kind = tool_value(argc, argv, "kind");
    name.data = (u_char *) (kind ? kind : "chain");
    name.len = strlen((char *) name.data);
    i = ngx_deploy_work_kind(&name);

    if (i == -1) {
        tool_die("no such kind");
    }

    source.kind = i;
    source.profile = tool_value(argc, argv, "profile");
    source.region = tool_value(argc, argv, "region");
    source.role = tool_value(argc, argv, "role");
    source.external_id = tool_value(argc, argv, "external_id");
    source.session_name = tool_value(argc, argv, "session_name");
    source.duration = tool_number(argc, argv, "duration", 0);
    source.limit = tool_number(argc, argv, "limit", 20000);
    source.now = tool_number(argc, argv, "now", (long) time(NULL));
    source.stop = &tool_stop;

    stop = tool_number(argc, argv, "stop", 0);

    if (stop) {
        memset(&timer, 0, sizeof(struct itimerval));
        timer.it_value.tv_sec = stop / 1000;
        timer.it_value.tv_usec = stop % 1000 * 1000;
        setitimer(ITIMER_REAL, &timer, NULL);
    }

    fds = tool_descriptors();
    started = tool_ms();

    rc = ngx_deploy_work_credentials(&pool, &source, &set);

    tool_print(rc, &set, tool_ms() - started, tool_descriptors() - fds);

    ngx_deploy_work_exit();

    fflush(stdout);

    /* what malloc() gave is not of interest to a leak check */

    free(set.source.data);
    free(set.credentials.access_key_id.data);
    free(set.credentials.secret_access_key.data);
    free(set.credentials.session_token.data);

    return 0;
}
