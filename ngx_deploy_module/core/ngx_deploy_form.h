
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_FORM_H_INCLUDED_
#define _NGX_DEPLOY_FORM_H_INCLUDED_


#include "ngx_deploy_core.h"


/*
 * application/x-www-form-urlencoded as a stream: the decoded values of the
 * fields wanted are handed on in pieces as the bytes arrive.
 */

#define NGX_DEPLOY_FORM_MAX_FIELDS  1024
#define NGX_DEPLOY_FORM_MAX_NAME    256      /* decoded bytes of one name */
#define NGX_DEPLOY_FORM_MAX_WANTED  32


/* a decoded piece of a field; anything but NGX_DEPLOY_OK ends the form */
typedef int (*ngx_deploy_form_pt)(void *data, const u_char *p, size_t len);


typedef struct {
    const char *const    *names;         /* of the fields wanted, then NULL */
    const char           *name_only[2];
    ngx_deploy_form_pt    handler;
    void                 *data;
    const char           *reason;        /* static, set with DECLINED */

    int                   rc;
    unsigned              state;
    unsigned              current;       /* the index of a field wanted */
    unsigned              wanted;        /* in its value */
    uint32_t              found;         /* bits of the fields wanted */
    unsigned              fields;
    unsigned              hex;
    size_t                len;
    u_char                name[NGX_DEPLOY_FORM_MAX_NAME];
} ngx_deploy_form_t;


/* field is the name wanted, once; handler gets its value with data */
void ngx_deploy_form_init(ngx_deploy_form_t *form, const char *field,
    ngx_deploy_form_pt handler, void *data);

/*
 * The same for several fields: names ends with NULL, has at most
 * NGX_DEPLOY_FORM_MAX_WANTED and lives as long as the form.  While the
 * handler is called, form->current is the index of the name.  All of them
 * may be missing, form->found tells.
 */
void ngx_deploy_form_init_names(ngx_deploy_form_t *form,
    const char *const *names, ngx_deploy_form_pt handler, void *data);

/*
 * The next bytes.  "+" is a space, "%XX" a byte; a bad escape, a NUL, a
 * wanted field twice, too many fields or too long a name are
 * NGX_DEPLOY_DECLINED with form->reason.  Otherwise NGX_DEPLOY_OK or the
 * handler's code.  ";" does not separate (WHATWG URL, 5.1).
 */
int ngx_deploy_form_feed(ngx_deploy_form_t *form, const u_char *p, size_t len);

/*
 * The end: NGX_DEPLOY_DECLINED when cut in an escape, or when the only field
 * wanted is missing
 */
int ngx_deploy_form_end(ngx_deploy_form_t *form);


#endif /* _NGX_DEPLOY_FORM_H_INCLUDED_ */
