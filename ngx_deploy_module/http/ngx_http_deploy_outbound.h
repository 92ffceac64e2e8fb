
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_HTTP_DEPLOY_OUTBOUND_H_INCLUDED_
#define _NGX_HTTP_DEPLOY_OUTBOUND_H_INCLUDED_


#include "ngx_http_deploy.h"


/*
 * One HTTP call to a service, hung on a detached request, through the
 * deploy_transport of a server.  Nothing of it is repeated here but what
 * never left this machine.
 */

typedef void (*ngx_http_deploy_outbound_pt)(ngx_http_deploy_outbound_t *out);

struct ngx_http_deploy_outbound_s {

    /* given by the caller; all of it has to live until the handler is called */
    ngx_pool_t                     *pool;        /* for the result */
    ngx_log_t                      *log;
    ngx_http_deploy_srv_conf_t     *dscf;        /* marked by _use() */
    ngx_uint_t                      method;      /* NGX_HTTP_GET or _POST */
    ngx_str_t                       url;         /* see ngx_deploy_url.h */
    ngx_deploy_header_t            *headers;     /* without Host */
    ngx_uint_t                      nheaders;
    ngx_str_t                       body;        /* none with GET */
    size_t                          max;         /* of the reply's body */
    ngx_http_deploy_outbound_pt     handler;
    void                           *data;

    /* the result: status 0 when there was no reply; absent texts are empty */
    ngx_uint_t                      status;
    ngx_str_t                       reply;
    ngx_str_t                       content_type;
    ngx_str_t                       error_type;  /* x-amzn-ErrorType */
    ngx_str_t                       request_id;  /* x-amzn-RequestId */
    time_t                          date;        /* of the reply, or -1 */
    ngx_int_t                       retry_after; /* seconds, 1 to 3600; -1 */
    ngx_int_t                       amz_retry_after; /* milliseconds or -1 */
    unsigned                        sent:1;      /* the service may have it */
    unsigned                        timedout:1;
    unsigned                        whole:1;     /* all of the reply is here */
    unsigned                        trusted:1;   /* of who it should be: TLS
                                                    verified or loopback */

    /* inner state */
    ngx_deploy_url_t                parts;       /* of url */
    ngx_str_t                       dates[3];    /* and times, as sent */
    size_t                          received;
    ngx_http_request_t             *request;
    ngx_http_request_t             *subrequest;
    ngx_event_t                     event;
    unsigned                        done:1;
};


/*
 * Sends the call.  NGX_OK: the handler will be called exactly once, from the
 * event loop; NGX_ERROR: it will not (memory, connections, a URL that
 * ngx_deploy_url_parse() refuses).
 */
ngx_int_t ngx_http_deploy_outbound(ngx_http_deploy_outbound_t *out);

/* 1 when the service has the whole request of a call under way */
ngx_uint_t ngx_http_deploy_outbound_sent(ngx_http_deploy_outbound_t *out);

/* the call that a subrequest carries, or NULL for any other request */
ngx_http_deploy_outbound_t *ngx_http_deploy_outbound_of(
    ngx_http_request_t *r);

/*
 * For setters of directives: something of the current level will call
 * services, so that its server, or each of the servers of http {}, has to
 * have a transport.
 */
void ngx_http_deploy_outbound_use(ngx_conf_t *cf);

ngx_int_t ngx_http_deploy_outbound_init(ngx_conf_t *cf);


#endif /* _NGX_HTTP_DEPLOY_OUTBOUND_H_INCLUDED_ */
