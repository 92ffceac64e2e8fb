
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_WORK_H_INCLUDED_
#define _NGX_DEPLOY_WORK_H_INCLUDED_


#include "ngx_deploy_core.h"


/*
 * Once per process, in a worker after fork() and before a thread calls
 * anything of work/: libcurl, whose memory is wiped when it is freed.  The
 * process has to ignore SIGPIPE, as nginx does.
 * NGX_DEPLOY_OK or NGX_DEPLOY_ERROR.
 */
int ngx_deploy_work_init(void);

/* undoes it, when no thread is in work/ any more */
void ngx_deploy_work_exit(void);


#endif /* _NGX_DEPLOY_WORK_H_INCLUDED_ */
