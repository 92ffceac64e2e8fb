
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_CLAIM_H_INCLUDED_
#define _NGX_DEPLOY_CLAIM_H_INCLUDED_


#include "ngx_deploy_signature.h"


/*
 * What the headers of a request claim: private to the files of signatures.
 * The functions give a verdict, NGX_DEPLOY_VERIFY_SUCCESS to go on.
 */


/* the one value of a header, blanks at its ends taken off */
ngx_deploy_verify_e ngx_deploy_claim_header(const ngx_deploy_str_t *name,
    ngx_deploy_get_header_pt get, void *data, ngx_deploy_str_t *value);

/* fills sig->claims from the value of the verifier's header */
ngx_deploy_verify_e ngx_deploy_claim_value(ngx_deploy_signature_t *sig,
    ngx_deploy_str_t *value);

/* checks sig->timestamp against now */
ngx_deploy_verify_e ngx_deploy_claim_timestamp(ngx_deploy_signature_t *sig,
    time_t now);

/*
 * Checks sig->id: visible ASCII without a dot, which would make the place of
 * the timestamp in the signed text ambiguous (providers.md, section 8)
 */
ngx_deploy_verify_e ngx_deploy_claim_id(ngx_deploy_signature_t *sig);


#endif /* _NGX_DEPLOY_CLAIM_H_INCLUDED_ */
