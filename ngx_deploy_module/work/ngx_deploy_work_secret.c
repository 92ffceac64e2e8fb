
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ngx_deploy_signature.h"
#include "ngx_deploy_work_secret.h"


static int ngx_deploy_work_secret_fd(ngx_deploy_pool_t *pool, int fd,
    ngx_deploy_str_t *text, const char **reason, int *err);


/* nothing but a regular file: opening a FIFO must not hang */

int
ngx_deploy_work_secret(ngx_deploy_pool_t *pool, const char *path,
    ngx_deploy_str_t *text, const char **reason, int *err)
{
    int  fd, rc;

    fd = open(path, O_RDONLY|O_NONBLOCK|O_CLOEXEC);

    if (fd == -1) {
        *err = errno;
        *reason = "cannot be opened";
        return NGX_DEPLOY_DECLINED;
    }

    rc = ngx_deploy_work_secret_fd(pool, fd, text, reason, err);

    (void) close(fd);

    return rc;
}


static int
ngx_deploy_work_secret_fd(ngx_deploy_pool_t *pool, int fd,
    ngx_deploy_str_t *text, const char **reason, int *err)
{
    ssize_t      n;
    struct stat  st;

    *err = 0;
    *reason = NULL;

    if (fstat(fd, &st) == -1) {
        *err = errno;
        *reason = "cannot be read";

    } else if (!S_ISREG(st.st_mode)) {
        *reason = "is not a regular file";

    } else if (st.st_mode & S_IROTH) {
        *reason = "is readable by everybody";

    } else if (st.st_size == 0) {
        *reason = "is empty";

    } else if (st.st_size > NGX_DEPLOY_MAX_SECRET_FILE) {
        *reason = "is too large";
    }

    if (*reason) {
        return NGX_DEPLOY_DECLINED;
    }

    text->len = (size_t) st.st_size;
    text->data = ngx_deploy_palloc(pool, text->len);

    if (text->data == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    n = read(fd, text->data, text->len);

    if (n != (ssize_t) text->len) {
        *err = (n == -1) ? errno : 0;
        *reason = "cannot be read";
        return NGX_DEPLOY_DECLINED;
    }

    return NGX_DEPLOY_OK;
}
