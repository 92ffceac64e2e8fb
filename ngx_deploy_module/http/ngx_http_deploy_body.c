
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_body.h"
#include "ngx_http_deploy_thread.h"


#define NGX_HTTP_DEPLOY_READ_SIZE   65536

/* the threads are for others, too */

#define NGX_HTTP_DEPLOY_MAX_BODIES  32


struct ngx_http_deploy_piece_s {
    u_char      *data;                       /* NULL: in the file */
    ngx_fd_t     fd;
    off_t        offset;
    off_t        size;
};


static ngx_int_t ngx_http_deploy_body_pieces(ngx_http_request_t *r,
    ngx_http_deploy_body_t *body);
static ngx_int_t ngx_http_deploy_body_result(ngx_http_deploy_body_t *body);
static void ngx_http_deploy_body_run(void *data);
static ngx_int_t ngx_http_deploy_body_file(ngx_http_deploy_body_t *body,
    ngx_http_deploy_piece_t *piece);
static void ngx_http_deploy_body_done(ngx_http_deploy_job_t *job);
static void ngx_http_deploy_body_event(ngx_http_request_t *r);


static ngx_uint_t  ngx_http_deploy_nbodies;


ngx_int_t
ngx_http_deploy_body_pass(ngx_http_request_t *r, ngx_http_deploy_body_t *body)
{
    ngx_http_deploy_ctx_t  *ctx;
    ngx_http_deploy_job_t  *job;

    body->request = r;

    if (ngx_http_deploy_body_pieces(r, body) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_deploy_body_size(r) <= NGX_HTTP_DEPLOY_LARGE_BODY) {
        ngx_http_deploy_body_run(body);
        return ngx_http_deploy_body_result(body);
    }

    if (ngx_http_deploy_nbodies >= NGX_HTTP_DEPLOY_MAX_BODIES) {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "deploy has %ui large bodies under way, no more",
                      ngx_http_deploy_nbodies);
        return NGX_BUSY;
    }

    job = ngx_http_deploy_job_create(ngx_cycle->log);
    if (job == NULL) {
        return NGX_ERROR;
    }

    job->run = ngx_http_deploy_body_run;
    job->done = ngx_http_deploy_body_done;
    job->data = body;

    if (ngx_http_deploy_job_post(job) != NGX_OK) {
        return NGX_BUSY;
    }

    ngx_http_deploy_nbodies++;

    ctx = ngx_http_deploy_get_ctx(r);
    ctx->body = body;

    /* what the thread reads stays, even when the request is terminated */

    r->main->blocked++;
    r->aio = 1;

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_deploy_body_event;

    return NGX_AGAIN;
}


off_t
ngx_http_deploy_body_size(ngx_http_request_t *r)
{
    off_t         size;
    ngx_chain_t  *cl;

    size = 0;

    for (cl = r->request_body ? r->request_body->bufs : NULL; cl;
         cl = cl->next)
    {
        size += ngx_buf_size(cl->buf);
    }

    return size;
}


/* the thread looks at nothing of nginx */

static ngx_int_t
ngx_http_deploy_body_pieces(ngx_http_request_t *r,
    ngx_http_deploy_body_t *body)
{
    ngx_buf_t                *b;
    ngx_uint_t                n;
    ngx_chain_t              *cl, *bufs;
    ngx_http_deploy_piece_t  *piece;

    body->npieces = 0;

    bufs = r->request_body ? r->request_body->bufs : NULL;

    for (n = 0, cl = bufs; cl; cl = cl->next) {
        n++;
    }

    body->pieces = ngx_pcalloc(r->pool, n * sizeof(ngx_http_deploy_piece_t));
    if (body->pieces == NULL) {
        return NGX_ERROR;
    }

    for (cl = bufs; cl; cl = cl->next) {

        b = cl->buf;
        piece = &body->pieces[body->npieces];

        if (ngx_buf_in_memory(b)) {
            piece->data = b->pos;
            piece->size = b->last - b->pos;

        } else if (b->in_file) {
            piece->fd = b->file->fd;
            piece->offset = b->file_pos;
            piece->size = b->file_last - b->file_pos;

            if (body->buf == NULL) {
                body->buf = ngx_palloc(r->pool, NGX_HTTP_DEPLOY_READ_SIZE);
                if (body->buf == NULL) {
                    return NGX_ERROR;
                }
            }

        } else {
            continue;
        }

        body->npieces++;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_deploy_body_result(ngx_http_deploy_body_t *body)
{
    if (body->rc == NGX_ABORT) {
        ngx_log_error(NGX_LOG_CRIT, body->request->connection->log, body->err,
                      "deploy cannot read the file of a request body");
        body->rc = NGX_ERROR;
    }

    if (body->buf) {
        ngx_pfree(body->request->pool, body->buf);
        body->buf = NULL;
    }

    return body->rc;
}


/* in a thread or not */

static void
ngx_http_deploy_body_run(void *data)
{
    ngx_http_deploy_body_t *body = data;

    ngx_int_t                 rc;
    ngx_uint_t                i;
    ngx_http_deploy_piece_t  *piece;

    rc = NGX_OK;

    for (i = 0; i < body->npieces && rc == NGX_OK; i++) {

        piece = &body->pieces[i];

        rc = piece->data ? body->feed(body->data, piece->data, piece->size)
                         : ngx_http_deploy_body_file(body, piece);
    }

    if (rc == NGX_OK && body->end) {
        rc = body->end(body->data);
    }

    body->rc = rc;
}


static ngx_int_t
ngx_http_deploy_body_file(ngx_http_deploy_body_t *body,
    ngx_http_deploy_piece_t *piece)
{
    off_t      done;
    size_t     size;
    ssize_t    n;
    ngx_int_t  rc;

    for (done = 0; done < piece->size; done += n) {

        size = (size_t) ngx_min(piece->size - done, NGX_HTTP_DEPLOY_READ_SIZE);

        n = pread(piece->fd, body->buf, size, piece->offset + done);

        if (n <= 0) {
            body->err = n ? errno : 0;
            return NGX_ABORT;
        }

        rc = body->feed(body->data, body->buf, n);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


static void
ngx_http_deploy_body_done(ngx_http_deploy_job_t *job)
{
    ngx_connection_t        *c;
    ngx_http_request_t      *r;
    ngx_http_deploy_body_t  *body;

    body = job->data;

    r = body->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ngx_http_deploy_nbodies--;

    body->complete = 1;

    r->main->blocked--;
    r->aio = 0;

    /* not ours any more if the request was terminated */

    r->write_event_handler(r);

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_deploy_body_event(ngx_http_request_t *r)
{
    ngx_http_deploy_ctx_t   *ctx;
    ngx_http_deploy_body_t  *body;

    ctx = ngx_http_deploy_get_ctx(r);
    body = ctx->body;

    if (!body->complete) {
        return;
    }

    ctx->body = NULL;

    r->write_event_handler = ngx_http_request_empty_handler;

    body->done(r, body->data, ngx_http_deploy_body_result(body));
}
