
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy.h"


static char *ngx_http_deploy_verify_param(ngx_conf_t *cf,
    ngx_deploy_verifier_t *v, ngx_str_t *value);
static char *ngx_http_deploy_verify_secrets(ngx_conf_t *cf,
    ngx_deploy_verifier_t *v, ngx_str_t *file);
static ngx_int_t ngx_http_deploy_read_secrets(ngx_conf_t *cf, ngx_str_t *file,
    ngx_deploy_str_t *text);
static void ngx_http_deploy_verify_cleanup(void *data);
static char *ngx_http_deploy_set_handler(ngx_conf_t *cf,
    ngx_http_deploy_loc_conf_t *dlcf, ngx_str_t *name);
static char *ngx_http_deploy_rule_conditions(ngx_conf_t *cf,
    ngx_http_deploy_rule_t *rule);
static char *ngx_http_deploy_rule_regex(ngx_conf_t *cf,
    ngx_deploy_pattern_t *pattern, ngx_str_t *arg);
static void ngx_http_deploy_rule_same(ngx_conf_t *cf, ngx_array_t *rules);
static unsigned ngx_http_deploy_same_conditions(ngx_array_t *a,
    ngx_array_t *b);


char *
ngx_http_deploy_verify(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_deploy_loc_conf_t *dlcf = conf;

    char                   *rv;
    ngx_str_t              *value;
    ngx_uint_t              i;
    ngx_pool_cleanup_t     *cln;
    ngx_deploy_verifier_t  *v;

    value = cf->args->elts;

    if (cf->args->nelts == 2) {

        if (ngx_strcmp(value[1].data, "off") != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"deploy_verify %V\" needs a file of secrets",
                               &value[1]);
            return NGX_CONF_ERROR;
        }

        if (dlcf->verify != NGX_CONF_UNSET_PTR) {
            return "is duplicate";
        }

        dlcf->verify = NULL;
        dlcf->off = 1;

        return NGX_CONF_OK;
    }

    if (dlcf->off == 1) {
        return "is duplicate";
    }

    dlcf->off = 0;

    if (dlcf->verify == NGX_CONF_UNSET_PTR) {

        dlcf->verify = ngx_array_create(cf->pool, 2,
                                        sizeof(ngx_deploy_verifier_t));
        if (dlcf->verify == NULL) {
            return NGX_CONF_ERROR;
        }

        cln = ngx_pool_cleanup_add(cf->pool, 0);
        if (cln == NULL) {
            return NGX_CONF_ERROR;
        }

        cln->handler = ngx_http_deploy_verify_cleanup;
        cln->data = dlcf->verify;

        dlcf->verify_file = cf->conf_file->file.name.data;
        dlcf->verify_line = cf->conf_file->line;
    }

    v = ngx_array_push(dlcf->verify);
    if (v == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_deploy_verifier_init(v, &value[1])
        != NGX_DEPLOY_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown scheme \"%V\" in \"deploy_verify\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    for (i = 3; i < cf->args->nelts; i++) {
        rv = ngx_http_deploy_verify_param(cf, v, &value[i]);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    if (v->header.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"deploy_verify %V\" needs \"header=\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    return ngx_http_deploy_verify_secrets(cf, v, &value[2]);
}


static char *
ngx_http_deploy_verify_param(ngx_conf_t *cf, ngx_deploy_verifier_t *v,
    ngx_str_t *value)
{
    ngx_int_t   n;
    ngx_str_t   s;
    ngx_uint_t  hmac, token;

    hmac = (ngx_strcmp(v->name, "hmac") == 0);
    token = (v->type == NGX_DEPLOY_SCHEME_TOKEN);

    if (ngx_strncmp(value->data, "header=", 7) == 0 && (hmac || token)) {

        v->header.len = value->len - 7;
        v->header.data = ngx_pnalloc(cf->pool, v->header.len + 1);
        if (v->header.data == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_strlow(v->header.data, value->data + 7, v->header.len);

        v->bearer = (token && ngx_deploy_str_is(&v->header, "authorization"));

        if (v->header.len == 0) {
            goto invalid;
        }

        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value->data, "algorithm=", 10) == 0 && hmac) {

        s.len = value->len - 10;
        s.data = value->data + 10;

        if (ngx_deploy_verifier_algorithm(v, &s)
            != NGX_DEPLOY_OK)
        {
            goto invalid;
        }

        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value->data, "encoding=", 9) == 0 && hmac) {

        if (ngx_strcmp(value->data + 9, "base64") == 0) {
            v->base64 = 1;

        } else if (ngx_strcmp(value->data + 9, "hex") == 0) {
            v->base64 = 0;

        } else {
            goto invalid;
        }

        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value->data, "prefix=", 7) == 0 && hmac) {
        v->prefix.len = value->len - 7;
        v->prefix.data = value->data + 7;
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value->data, "tolerance=", 10) == 0) {

        s.len = value->len - 10;
        s.data = value->data + 10;

        n = ngx_parse_time(&s, 1);

        if (n == NGX_ERROR || n == 0) {
            goto invalid;
        }

        v->tolerance = n;

        return NGX_CONF_OK;
    }

invalid:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" of \"deploy_verify %s\"",
                       value, v->name);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_deploy_verify_secrets(ngx_conf_t *cf, ngx_deploy_verifier_t *v,
    ngx_str_t *file)
{
    int                 rc;
    size_t              shortest;
    const char         *reason;
    ngx_deploy_str_t    text;
    ngx_deploy_pool_t   pool;

    if (ngx_conf_full_name(cf->cycle, file, 1) != NGX_OK
        || ngx_http_deploy_read_secrets(cf, file, &text) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    pool = ngx_http_deploy_pool(cf->pool);
    reason = "cannot be used";

    rc = ngx_deploy_verifier_secrets(v, &pool, &text, &shortest, &reason);

    ngx_explicit_memzero(text.data, text.len);

    if (rc != NGX_DEPLOY_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "secret file \"%V\" %s",
                           file, reason);
        return NGX_CONF_ERROR;
    }

    if (shortest < NGX_DEPLOY_SECRET_MIN) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "secret file \"%V\" holds a secret under "
                           "%d bytes", file, NGX_DEPLOY_SECRET_MIN);
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_deploy_read_secrets(ngx_conf_t *cf, ngx_str_t *file,
    ngx_deploy_str_t *text)
{
    int              fd;
    ssize_t          n;
    const char      *what;
    ngx_err_t        err;
    struct stat      st;

    /* nothing but a regular file: opening a FIFO must not hang */

    fd = open((char *) file->data, O_RDONLY|O_NONBLOCK|O_CLOEXEC);

    if (fd == -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "cannot open secret file \"%V\"", file);
        return NGX_ERROR;
    }

    err = 0;
    what = NULL;

    if (fstat(fd, &st) == -1) {
        err = ngx_errno;
        what = "cannot be read";

    } else if (!S_ISREG(st.st_mode)) {
        what = "is not a regular file";

    } else if (st.st_mode & S_IROTH) {
        what = "is readable by everybody";

    } else if (st.st_size == 0) {
        what = "is empty";

    } else if (st.st_size > NGX_DEPLOY_MAX_SECRET_FILE) {
        what = "is too large";
    }

    if (what == NULL) {
        text->len = (size_t) st.st_size;
        text->data = ngx_pnalloc(cf->pool, text->len);

        if (text->data == NULL) {
            close(fd);
            return NGX_ERROR;
        }

        n = read(fd, text->data, text->len);

        if (n != (ssize_t) text->len) {
            err = (n == -1) ? ngx_errno : 0;
            what = "cannot be read";
        }
    }

    close(fd);

    if (what) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, err, "secret file \"%V\" %s",
                           file, what);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_deploy_verify_cleanup(void *data)
{
    ngx_array_t *verify = data;

    ngx_uint_t              i;
    ngx_deploy_verifier_t  *v;

    v = verify->elts;

    for (i = 0; i < verify->nelts; i++) {
        ngx_deploy_verifier_free(&v[i]);
    }
}


char *
ngx_http_deploy_receive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    return ngx_http_deploy_set_handler(cf, conf, &value[0]);
}


static char *
ngx_http_deploy_set_handler(ngx_conf_t *cf, ngx_http_deploy_loc_conf_t *dlcf,
    ngx_str_t *name)
{
    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_deploy_main_conf_t *dmcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler && clcf->handler != ngx_http_deploy_handler) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in a location that has another handler",
                           name);
        return NGX_CONF_ERROR;
    }

    clcf->handler = ngx_http_deploy_handler;

    if (dlcf->handler != 1) {
        dlcf->handler = 1;
        dlcf->file = cf->conf_file->file.name.data;
        dlcf->line = cf->conf_file->line;
        dlcf->name = clcf->name;
    }

    dmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_deploy_module);
    dmcf->used = 1;

    return NGX_CONF_OK;
}


char *
ngx_http_deploy_build(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_deploy_loc_conf_t *dlcf = conf;

    char                              *rv;
    ngx_str_t                         *value;
    ngx_http_deploy_rule_t            *rule;
    ngx_http_deploy_srv_conf_t        *dscf;
    ngx_http_compile_complex_value_t   ccv;

    value = cf->args->elts;

    rv = ngx_http_deploy_set_handler(cf, dlcf, &value[0]);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (dlcf->rules == NULL) {
        dlcf->rules = ngx_array_create(cf->pool, 4,
                                       sizeof(ngx_http_deploy_rule_t));
        if (dlcf->rules == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    rule = ngx_array_push(dlcf->rules);
    if (rule == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(rule, sizeof(ngx_http_deploy_rule_t));

    rule->text = value[1];
    rule->file = cf->conf_file->file.name.data;
    rule->line = cf->conf_file->line;

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &value[1];
    ccv.complex_value = &rule->project;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (rule->project.lengths == NULL
        && ngx_deploy_codebuild_project_name(
                                      &value[1])
           != NGX_DEPLOY_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid project name \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    rv = ngx_http_deploy_rule_conditions(cf, rule);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    ngx_http_deploy_rule_same(cf, dlcf->rules);

    dscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_deploy_module);
    dscf->used = 1;

    return NGX_CONF_OK;
}


static char *
ngx_http_deploy_rule_conditions(ngx_conf_t *cf, ngx_http_deploy_rule_t *rule)
{
    int                                rc;
    char                              *rv;
    size_t                             k;
    ngx_str_t                         *value;
    ngx_uint_t                         i, on, event;
    const char                        *reason;
    ngx_deploy_pool_t                  pool;
    ngx_deploy_condition_t            *c, first;
    ngx_http_compile_complex_value_t   ccv;

    value = cf->args->elts;
    pool = ngx_http_deploy_pool(cf->pool);

    if (ngx_array_init(&rule->conditions, cf->pool, cf->args->nelts,
                       sizeof(ngx_deploy_condition_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    /* "on" is the first to be tested wherever it is written */

    c = ngx_array_push(&rule->conditions);
    if (c == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_deploy_condition_default(c);

    on = 0;
    event = 0;

    for (i = 2; i < cf->args->nelts; i++) {

        reason = "is invalid";

        rc = ngx_deploy_condition_parse(&first, &pool,
                                        &value[i],
                                        &reason);

        if (rc == NGX_DEPLOY_ERROR) {
            return NGX_CONF_ERROR;
        }

        if (rc == NGX_DEPLOY_OK
            && first.type == NGX_DEPLOY_KEY_ON && on++)
        {
            reason = "is duplicate";
            rc = NGX_DEPLOY_DECLINED;
        }

        if (rc != NGX_DEPLOY_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "condition \"%V\" %s", &value[i], reason);
            return NGX_CONF_ERROR;
        }

        if (first.type == NGX_DEPLOY_KEY_ON) {
            c = rule->conditions.elts;
            *c = first;
            continue;
        }

        event |= (first.type == NGX_DEPLOY_KEY_FACT
                  && first.fact == NGX_DEPLOY_EVENT);

        c = ngx_array_push(&rule->conditions);
        if (c == NULL) {
            return NGX_CONF_ERROR;
        }

        *c = first;

        for (k = 0; k < c->npatterns; k++) {
            if (c->patterns[k].type != NGX_DEPLOY_PATTERN_REGEX) {
                continue;
            }

            rv = ngx_http_deploy_rule_regex(cf, &c->patterns[k], &value[i]);
            if (rv != NGX_CONF_OK) {
                return rv;
            }
        }

        if (c->type == NGX_DEPLOY_KEY_IF) {

            c->value = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
            if (c->value == NULL) {
                return NGX_CONF_ERROR;
            }

            ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

            ccv.cf = cf;
            ccv.value = &c->want;
            ccv.complex_value = c->value;

            if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
                return NGX_CONF_ERROR;
            }
        }
    }

    if (event && on == 0) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"event=\" without \"on=\": only merges match, "
                           "write \"on=any\"");
    }

    return NGX_CONF_OK;
}


/*
 * Anchored by the text and checked again when it matched, so that neither
 * "|" nor a verb can get around it.
 */

static char *
ngx_http_deploy_rule_regex(ngx_conf_t *cf, ngx_deploy_pattern_t *pattern,
    ngx_str_t *arg)
{
    u_char                err[NGX_MAX_CONF_ERRSTR];
    ngx_http_regex_t     *re;
    ngx_regex_compile_t   rc;

    ngx_memzero(&rc, sizeof(ngx_regex_compile_t));

    rc.pattern.len = pattern->text.len;
    rc.pattern.data = pattern->text.data;
    rc.pool = cf->pool;
    rc.err.len = NGX_MAX_CONF_ERRSTR;
    rc.err.data = err;
    rc.options = pattern->caseless ? NGX_REGEX_CASELESS : 0;

    /* as written first: "a)(b" is no regex, "(?:a)(b)" is */

    if (ngx_regex_compile(&rc) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "condition \"%V\": %V",
                           arg, &rc.err);
        return NGX_CONF_ERROR;
    }

    rc.pattern.len = pattern->text.len + sizeof("\\A(?:)\\z") - 1;
    rc.pattern.data = ngx_pnalloc(cf->pool, rc.pattern.len + 1);
    if (rc.pattern.data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_sprintf(rc.pattern.data, "\\A(?:%V)\\z%Z",
                &pattern->text);

    rc.err.len = NGX_MAX_CONF_ERRSTR;
    rc.err.data = err;

    re = ngx_http_regex_compile(cf, &rc);
    if (re == NULL) {
        return NGX_CONF_ERROR;
    }

    pattern->regex = re;

    return NGX_CONF_OK;
}


static void
ngx_http_deploy_rule_same(ngx_conf_t *cf, ngx_array_t *rules)
{
    ngx_uint_t               i;
    ngx_http_deploy_rule_t  *rule, *last;

    rule = rules->elts;
    last = &rule[rules->nelts - 1];

    for (i = 0; i < rules->nelts - 1; i++) {

        if (rule[i].text.len == last->text.len
            && ngx_memcmp(rule[i].text.data, last->text.data, last->text.len)
               == 0
            && ngx_http_deploy_same_conditions(&rule[i].conditions,
                                               &last->conditions))
        {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "this rule never matches: the one in %s:%ui "
                               "is the same", rule[i].file, rule[i].line);
            return;
        }
    }
}


static unsigned
ngx_http_deploy_same_conditions(ngx_array_t *a, ngx_array_t *b)
{
    ngx_uint_t               i, j;
    ngx_deploy_condition_t  *ca, *cb;

    if (a->nelts != b->nelts) {
        return 0;
    }

    ca = a->elts;
    cb = b->elts;

    for (i = 0; i < a->nelts; i++) {

        for (j = 0; j < b->nelts; j++) {
            if (ca[i].negate == cb[j].negate
                && ngx_deploy_str_eq(&ca[i].key, &cb[j].key)
                && ngx_deploy_str_eq(&ca[i].want, &cb[j].want))
            {
                break;
            }
        }

        if (j == b->nelts) {
            return 0;
        }
    }

    return 1;
}
