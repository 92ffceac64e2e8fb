
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_IDENTITY_H_INCLUDED_
#define _NGX_DEPLOY_IDENTITY_H_INCLUDED_


#include "ngx_deploy_core.h"
#include "ngx_deploy_form.h"


#define NGX_DEPLOY_IDENTITY_LEN  64      /* hexadecimal digits */


/*
 * What makes two deliveries the same one: the SHA-256 of the scheme, the
 * location and what was signed, so that nobody can make a delivery another
 * one without the secret (DESIGN, section 10).
 */

typedef struct {
    void                 *md;
    unsigned              is_form;
    ngx_deploy_form_t     form;
} ngx_deploy_identity_t;


/*
 * Begins an identity of a delivery that was verified by the scheme at the
 * location: an id without its location would let one sender take the ids of
 * another.  form is 1 where no more than the field "payload" of a form was
 * signed: written in another way it is the same delivery.  NGX_DEPLOY_OK or
 * NGX_DEPLOY_ERROR, then there is nothing to free.
 */
int ngx_deploy_identity_begin(ngx_deploy_identity_t *identity,
    const char *scheme, const ngx_deploy_str_t *location, unsigned form);

/*
 * The next bytes of what was signed, or of its form: NGX_DEPLOY_OK,
 * NGX_DEPLOY_DECLINED for a form that is none, or NGX_DEPLOY_ERROR.
 */
int ngx_deploy_identity_update(ngx_deploy_identity_t *identity,
    const u_char *p, size_t len);

/* writes the digits, to be called once: NGX_DEPLOY_OK or NGX_DEPLOY_ERROR */
int ngx_deploy_identity_end(ngx_deploy_identity_t *identity,
    u_char hex[NGX_DEPLOY_IDENTITY_LEN]);

/* may be called more than once, also for a zeroed identity */
void ngx_deploy_identity_free(ngx_deploy_identity_t *identity);


#endif /* _NGX_DEPLOY_IDENTITY_H_INCLUDED_ */
