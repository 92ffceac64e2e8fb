
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_work_chain.h"
#include "ngx_deploy_argv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>


/*
 * credential_process: a program, started without a shell.  A worker's
 * handler of SIGCHLD waits for any child, so that the status of one would be
 * lost and its death by a signal be an alert: the program is the child of a
 * child, which waits for it and tells by a pipe.
 */

#define NGX_DEPLOY_WORK_PROCESS_PATH                                          \
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#define NGX_DEPLOY_WORK_PROCESS_TICK   50       /* ms */
#define NGX_DEPLOY_WORK_PROCESS_GRACE  1000     /* ms after a kill */
#define NGX_DEPLOY_WORK_PROCESS_NENV   8

/* descriptors of the child in between */

#define NGX_DEPLOY_WORK_PROCESS_TELL   3
#define NGX_DEPLOY_WORK_PROCESS_HIGH   10


typedef struct {
    char              *path;
    char             **argv;
    char              *env[NGX_DEPLOY_WORK_PROCESS_NENV];

    int                out[2];
    int                tell[2];
    pid_t              child;      /* the one in between */
    pid_t              pid;        /* of the program, 0: not known yet */

    ngx_deploy_str_t   text;
    unsigned           overflow;
    unsigned           ended;
    int                status;
} ngx_deploy_work_process_t;


static int ngx_deploy_work_process_prepare(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_process_t *process, const ngx_deploy_str_t *command);
static char *ngx_deploy_work_process_path(ngx_deploy_work_ctx_t *ctx,
    const char *name);
static int ngx_deploy_work_process_start(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_process_t *process);
static int ngx_deploy_work_process_pipe(int fds[2]);
static void ngx_deploy_work_process_child(ngx_deploy_work_process_t *process);
static void ngx_deploy_work_process_exec(ngx_deploy_work_process_t *process);
static void ngx_deploy_work_process_close(int fd);
static int ngx_deploy_work_process_wait(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_process_t *process);
static unsigned ngx_deploy_work_process_read(
    ngx_deploy_work_process_t *process, struct pollfd *fds);
static int ngx_deploy_work_process_result(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_process_t *process, ngx_deploy_work_found_t *found);


int
ngx_deploy_work_process(ngx_deploy_work_ctx_t *ctx,
    const ngx_deploy_str_t *command, ngx_deploy_work_found_t *found)
{
    int                        rc;
    ngx_deploy_work_process_t  process;

    memset(&process, 0, sizeof(ngx_deploy_work_process_t));

    rc = ngx_deploy_work_process_prepare(ctx, &process, command);

    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    rc = ngx_deploy_work_process_start(ctx, &process);

    if (rc == NGX_DEPLOY_OK) {
        rc = ngx_deploy_work_process_wait(ctx, &process);

        (void) close(process.out[0]);
        (void) close(process.tell[0]);
    }

    if (rc == NGX_DEPLOY_OK) {
        rc = ngx_deploy_work_process_result(ctx, &process, found);
    }

    if (rc != NGX_DEPLOY_OK) {
        return ngx_deploy_work_blame(ctx, "\"%s\"", process.path);
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_work_process_prepare(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_process_t *process, const ngx_deploy_str_t *command)
{
    int          rc;
    char       **env;
    unsigned     i;
    const char  *value, *reason;

    static const ngx_deploy_work_env_e  passed[] = {
        NGX_DEPLOY_WORK_HOME, NGX_DEPLOY_WORK_CONFIG_FILE,
        NGX_DEPLOY_WORK_SHARED_CREDENTIALS_FILE, NGX_DEPLOY_WORK_REGION,
        NGX_DEPLOY_WORK_CA_BUNDLE
    };

    rc = ngx_deploy_argv_split(&ctx->pool, command, &process->argv, &reason);

    if (rc == NGX_DEPLOY_ERROR) {
        return ngx_deploy_work_fail(ctx, 1, "out of memory");
    }

    if (rc != NGX_DEPLOY_OK) {
        return ngx_deploy_work_fail(ctx, 0, "the command %s", reason);
    }

    process->path = ngx_deploy_work_process_path(ctx, process->argv[0]);

    if (process->path == NULL) {
        return ngx_deploy_work_fail(ctx, 0, "no program \"%s\"",
                                    process->argv[0]);
    }

    process->text.data = ngx_deploy_palloc(&ctx->pool,
                                           NGX_DEPLOY_CREDENTIALS_MAX_REPLY);
    if (process->text.data == NULL) {
        return ngx_deploy_work_fail(ctx, 1, "out of memory");
    }

    env = process->env;
    *env = ngx_deploy_work_printf(ctx, "PATH=" NGX_DEPLOY_WORK_PROCESS_PATH);

    for (i = 0; *env && i < sizeof(passed) / sizeof(passed[0]); i++) {
        value = ngx_deploy_work_env(ctx, passed[i]);

        if (value) {
            *++env = ngx_deploy_work_printf(ctx, "%s=%s",
                                            ngx_deploy_work_env_names[
                                            passed[i]], value);
        }
    }

    if (*env == NULL) {
        return ngx_deploy_work_fail(ctx, 1, "out of memory");
    }

    return NGX_DEPLOY_OK;
}


/* workers have no PATH */

static char *
ngx_deploy_work_process_path(ngx_deploy_work_ctx_t *ctx, const char *name)
{
    char        *path;
    size_t       n;
    const char  *dir;

    if (strchr(name, '/')) {
        return ngx_deploy_work_printf(ctx, "%s", name);
    }

    for (dir = NGX_DEPLOY_WORK_PROCESS_PATH; name[0]; dir += n + 1) {
        n = strcspn(dir, ":");

        path = ngx_deploy_work_printf(ctx, "%.*s/%s", (int) n, dir, name);

        if (path == NULL || access(path, X_OK) == 0) {
            return path;
        }

        if (dir[n] == '\0') {
            break;
        }
    }

    return NULL;
}


static int
ngx_deploy_work_process_start(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_process_t *process)
{
    sigset_t  all, old;

    if (ngx_deploy_work_process_pipe(process->out) == -1) {
        return ngx_deploy_work_fail(ctx, 1, "pipe() failed: %m");
    }

    if (ngx_deploy_work_process_pipe(process->tell) == -1) {
        (void) close(process->out[0]);
        (void) close(process->out[1]);
        return ngx_deploy_work_fail(ctx, 1, "pipe() failed: %m");
    }

    /* no handler of the process may run in the children */

    (void) sigfillset(&all);
    (void) pthread_sigmask(SIG_SETMASK, &all, &old);

    process->child = fork();

    if (process->child == 0) {
        ngx_deploy_work_process_child(process);
    }

    (void) pthread_sigmask(SIG_SETMASK, &old, NULL);

    (void) close(process->out[1]);
    (void) close(process->tell[1]);

    if (process->child == -1) {
        (void) close(process->out[0]);
        (void) close(process->tell[0]);
        return ngx_deploy_work_fail(ctx, 1, "fork() failed: %m");
    }

    return NGX_DEPLOY_OK;
}


/* the end that is read does not block */

static int
ngx_deploy_work_process_pipe(int fds[2])
{
    if (pipe(fds) == -1) {
        return -1;
    }

    (void) fcntl(fds[0], F_SETFD, FD_CLOEXEC);
    (void) fcntl(fds[1], F_SETFD, FD_CLOEXEC);

    return fcntl(fds[0], F_SETFL, O_NONBLOCK);
}


/*
 * From here to the exec only what is safe in the child of a process with
 * threads.  None of the process's descriptors may stay open in it.
 */

static void
ngx_deploy_work_process_child(ngx_deploy_work_process_t *process)
{
    int    null, out, tell, status;
    pid_t  pid;

    (void) signal(SIGCHLD, SIG_DFL);

    null = open("/dev/null", O_RDWR);
    null = fcntl(null, F_DUPFD, NGX_DEPLOY_WORK_PROCESS_HIGH);
    out = fcntl(process->out[1], F_DUPFD, NGX_DEPLOY_WORK_PROCESS_HIGH);
    tell = fcntl(process->tell[1], F_DUPFD, NGX_DEPLOY_WORK_PROCESS_HIGH);

    if (dup2(null, STDIN_FILENO) == -1 || dup2(out, STDOUT_FILENO) == -1
        || dup2(null, STDERR_FILENO) == -1
        || dup2(tell, NGX_DEPLOY_WORK_PROCESS_TELL) == -1
        || fcntl(NGX_DEPLOY_WORK_PROCESS_TELL, F_SETFD, FD_CLOEXEC) == -1)
    {
        _exit(0);
    }

    ngx_deploy_work_process_close(NGX_DEPLOY_WORK_PROCESS_TELL + 1);

    pid = fork();

    if (pid == 0) {
        ngx_deploy_work_process_exec(process);
    }

    if (pid == -1) {
        _exit(0);
    }

    (void) close(STDOUT_FILENO);

    if (write(NGX_DEPLOY_WORK_PROCESS_TELL, &pid, sizeof(pid_t))
        == sizeof(pid_t))
    {
        while (waitpid(pid, &status, 0) == -1 && errno == EINTR) {
            /* void */
        }

        (void) !write(NGX_DEPLOY_WORK_PROCESS_TELL, &status, sizeof(int));
    }

    _exit(0);
}


static void
ngx_deploy_work_process_exec(ngx_deploy_work_process_t *process)
{
    int       n;
    sigset_t  none;

    /* a group to be killed, and no terminal to be asked at */

    (void) setsid();

    for (n = 1; n < NSIG; n++) {
        (void) signal(n, SIG_DFL);
    }

    (void) sigemptyset(&none);
    (void) sigprocmask(SIG_SETMASK, &none, NULL);

    if (chdir("/") == 0) {
        (void) execve(process->path, process->argv, process->env);
    }

    _exit(127);
}


static void
ngx_deploy_work_process_close(int fd)
{
    struct rlimit  limit;

#ifdef SYS_close_range

    if (syscall(SYS_close_range, fd, ~0U, 0) == 0) {
        return;
    }

#endif

    if (getrlimit(RLIMIT_NOFILE, &limit) == -1
        || limit.rlim_cur > 1048576)
    {
        limit.rlim_cur = 1048576;
    }

    for ( /* void */ ; (rlim_t) fd < limit.rlim_cur; fd++) {
        (void) close(fd);
    }
}


static int
ngx_deploy_work_process_wait(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_process_t *process)
{
    int64_t        end;
    const char    *reason;
    struct pollfd  fds[2];

    fds[0].fd = process->out[0];
    fds[0].events = POLLIN;
    fds[1].fd = process->tell[0];
    fds[1].events = POLLIN;

    end = 0;
    reason = NULL;

    while (ngx_deploy_work_process_read(process, fds)) {

        if (reason == NULL
            && (process->overflow || ngx_deploy_work_left(ctx) == 0))
        {
            reason = process->overflow ? "its output is too long"
                                       : "it did not end in time";
            end = ngx_deploy_work_ms() + NGX_DEPLOY_WORK_PROCESS_GRACE;

            fds[0].fd = -1;
        }

        if (reason && process->pid && !process->ended) {
            (void) kill(-process->pid, SIGKILL);
        }

        if (reason && ngx_deploy_work_ms() > end) {
            break;
        }

        (void) poll(fds, 2, NGX_DEPLOY_WORK_PROCESS_TICK);
    }

    /* an error: a handler of SIGCHLD was faster */

    if (fds[1].fd == -1) {
        while (waitpid(process->child, NULL, 0) == -1 && errno == EINTR) {
            /* void */
        }
    }

    if (reason) {
        return ngx_deploy_work_fail(ctx, 1, "%s", reason);
    }

    return NGX_DEPLOY_OK;
}


/* 0 when both pipes have ended */

static unsigned
ngx_deploy_work_process_read(ngx_deploy_work_process_t *process,
    struct pollfd *fds)
{
    ssize_t  n;
    size_t   room;

    while (fds[0].fd != -1) {
        room = NGX_DEPLOY_CREDENTIALS_MAX_REPLY - process->text.len;

        if (room == 0) {
            process->overflow = 1;
            break;
        }

        n = read(fds[0].fd, process->text.data + process->text.len, room);

        if (n > 0) {
            process->text.len += n;

        } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
            fds[0].fd = -1;

        } else if (errno == EAGAIN) {

            /* what it left behind may hold the pipe open */

            if (process->ended) {
                fds[0].fd = -1;
            }

            break;
        }
    }

    while (fds[1].fd != -1) {

        if (process->pid == 0) {
            n = read(fds[1].fd, &process->pid, sizeof(pid_t));

        } else {
            n = read(fds[1].fd, &process->status, sizeof(int));
            process->ended |= (n > 0);
        }

        if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR)) {
            fds[1].fd = -1;

        } else if (n == -1 && errno == EAGAIN) {
            break;
        }
    }

    return fds[0].fd != -1 || fds[1].fd != -1;
}


static int
ngx_deploy_work_process_result(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_process_t *process, ngx_deploy_work_found_t *found)
{
    int                              rc;
    const char                      *reason;
    ngx_deploy_credentials_reply_t   reply;

    if (!process->ended) {
        return ngx_deploy_work_fail(ctx, 1, "it could not be started");
    }

    if (WIFSIGNALED(process->status)) {
        return ngx_deploy_work_fail(ctx, 1, "it was ended by signal %d",
                                    WTERMSIG(process->status));
    }

    if (WEXITSTATUS(process->status) == 127) {
        return ngx_deploy_work_fail(ctx, 1, "it could not be run");
    }

    if (WEXITSTATUS(process->status) != 0) {
        return ngx_deploy_work_fail(ctx, 1, "its exit status is %d",
                                    WEXITSTATUS(process->status));
    }

    rc = ngx_deploy_credentials_read(&ctx->pool,
                                     NGX_DEPLOY_CREDENTIALS_PROCESS,
                                     &process->text, &reply, &reason);

    if (rc == NGX_DEPLOY_ERROR) {
        return ngx_deploy_work_fail(ctx, 1, "out of memory");
    }

    if (rc != NGX_DEPLOY_OK) {
        return ngx_deploy_work_fail(ctx, 1, "its output: %s", reason);
    }

    found->credentials = reply.credentials;
    found->expires = reply.expires;

    return NGX_DEPLOY_OK;
}
