
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_VERSION_H_INCLUDED_
#define _NGX_DEPLOY_VERSION_H_INCLUDED_


/* the one of CHANGES */

#define NGX_DEPLOY_VERSION  "0.1.0"


#endif /* _NGX_DEPLOY_VERSION_H_INCLUDED_ */
