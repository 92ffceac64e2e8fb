
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_TOOL_SENDER_H_INCLUDED_
#define _NGX_DEPLOY_TOOL_SENDER_H_INCLUDED_


#include "ngx_deploy_core.h"
#include "ngx_deploy_json.h"
#include "ngx_deploy_signature.h"


/* what senders send besides the payload (providers.md, section 1.1) */

typedef struct {
    const char  *scheme;           /* of deploy_verify, or "bitbucket-server" */
    const char  *events[6];        /* headers with the word of the event */
    const char  *ids[5];           /* headers with the id of the delivery */
    const char  *digests[3];       /* headers that repeat the bare digest */
    const char  *prefixed;         /* that repeats it behind "sha256=" */
} ngx_deploy_tool_sender_t;


/*
 * The sender of a scheme; of both that "bitbucket" stands for the one that
 * has such an event.  event may be NULL.
 */
const ngx_deploy_tool_sender_t *ngx_deploy_tool_sender(const char *scheme,
    const ngx_deploy_str_t *event);

/*
 * The word that the sender has in the header of the event, told from the
 * payload.  NGX_DEPLOY_OK; NGX_DEPLOY_DECLINED: it does not tell, *reason is
 * static; event is absent for senders without such a header.
 */
int ngx_deploy_tool_event(const char *scheme, ngx_deploy_json_t *json,
    ngx_deploy_str_t *event, const char **reason);

/* GitLab's word for the header, "Push Hook", of an object_kind; or NULL */
const char *ngx_deploy_tool_gitlab_hook(const ngx_deploy_str_t *kind);

/*
 * The value of the header of a signature, by a secret of the verifier; secret
 * is its text, id and time are signed where the scheme has them.
 * NGX_DEPLOY_OK or NGX_DEPLOY_ERROR: memory, OpenSSL.
 */
int ngx_deploy_tool_sign(ngx_deploy_pool_t *pool,
    const ngx_deploy_verifier_t *verifier, size_t index,
    const ngx_deploy_str_t *secret, const ngx_deploy_str_t *id,
    const ngx_deploy_str_t *time, const ngx_deploy_str_t *body,
    ngx_deploy_str_t *value);

/*
 * Appends name=value to a form in memory of the pool that is long enough:
 * 3 bytes for each byte of both, and 2
 */
u_char *ngx_deploy_tool_form(u_char *p, const ngx_deploy_str_t *name,
    const ngx_deploy_str_t *value);


#endif /* _NGX_DEPLOY_TOOL_SENDER_H_INCLUDED_ */
