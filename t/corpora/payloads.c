
/*
 * Copyright (C) ngx_deploy_module authors
 */


/*
 * payloads DIR PROVIDER...: the deliveries of DIR/payloads/MANIFEST.tsv have
 * to yield the facts written there, however the body is cut, and as a form
 */


#include "ngx_deploy_tap.h"
#include "ngx_deploy_payload.h"


#define MAX_COLUMNS  64
#define MAX_LISTED   20      /* paths in the manifest */
#define MAX_BODY     (32 * 1024 * 1024)


typedef struct {
    char                  *names[MAX_COLUMNS];
    char                  *values[MAX_COLUMNS];
    int                    n;
} row_t;


typedef struct {
    const char            *column;
    ngx_deploy_fact_e      fact;
} fact_t;


/* how the deliveries of a provider come */

typedef struct {
    const char            *provider;
    const char            *scheme;
    const char            *header;       /* of the event, or a value of it */
    const char            *value;
    unsigned               form;         /* forms are sent, too */
} sender_t;


static const sender_t  senders[] = {
    { "github", "github", "x-github-event", NULL, 1 },
    { "gitea", "gitea", "x-gitea-event", NULL, 1 },
    { "forgejo", "forgejo", "x-forgejo-event", NULL, 1 },
    { "gogs", "gogs", "x-gogs-event", NULL, 1 },
    { "bitbucket", "bitbucket", "x-event-key", NULL, 0 },
    { "bitbucket-server", "bitbucket", "x-event-key", NULL, 0 },
    { "gitlab", "gitlab", "x-gitlab-event", NULL, 0 },
    { "azure-devops", "azure", NULL, NULL, 0 },
    { "aws", "sns", "x-amz-sns-message-type", NULL, 0 },
    { "slack", "slack", "x-slack-signature", "v0=", 1 },
    { NULL, NULL, NULL, NULL, 0 }
};


static const fact_t  facts[] = {
    { "event", NGX_DEPLOY_EVENT },
    { "action", NGX_DEPLOY_ACTION },
    { "repo", NGX_DEPLOY_REPO },
    { "branch", NGX_DEPLOY_BRANCH },
    { "tag", NGX_DEPLOY_TAG },
    { "commit", NGX_DEPLOY_COMMIT },
    { "sender", NGX_DEPLOY_SENDER },
    { "source_branch", NGX_DEPLOY_SOURCE_BRANCH },
    { "number", NGX_DEPLOY_NUMBER },
    { "title", NGX_DEPLOY_TITLE },
    { "url", NGX_DEPLOY_URL },
    { NULL, 0 }
};


static ngx_deploy_str_t
read_file(const char *name)
{
    FILE              *f;
    ngx_deploy_str_t   s = ngx_deploy_null_string;

    f = fopen(name, "rb");
    if (f == NULL) {
        return s;
    }

    s.data = malloc(MAX_BODY);
    if (s.data != NULL) {
        s.len = fread(s.data, 1, MAX_BODY - 1, f);
        s.data[s.len] = '\0';
    }

    fclose(f);

    return s;
}


static int
split(char *line, char **cells)
{
    int  n;

    for (n = 0; line != NULL && n < MAX_COLUMNS; /* void */) {
        cells[n++] = strsep(&line, "\t");
    }

    return n;
}


static const char *
cell(row_t *row, const char *name)
{
    int  i;

    for (i = 0; i < row->n; i++) {
        if (strcmp(row->names[i], name) == 0) {
            return row->values[i];
        }
    }

    printf("Bail out! no column \"%s\"\n", name);
    exit(1);
}


static int
differs(const char *how, const char *column, const ngx_deploy_str_t *got,
    const char *want)
{
    if (got->len == strlen(want)
        && (got->len == 0 || memcmp(got->data, want, got->len) == 0))
    {
        return 0;
    }

    printf("# %s: %s: got \"%.*s\", want \"%s\"\n", how, column,
           (int) got->len, got->data ? (char *) got->data : "", want);

    return 1;
}


static int
differs_text(const char *how, const char *column, const char *got,
    const char *want)
{
    ngx_deploy_str_t  s;

    s = tap_str(got);

    return differs(how, column, &s, want);
}


static const char *
flag(int value)
{
    return (value == -1) ? "" : value ? "true" : "false";
}


static int
check_paths(const char *how, ngx_deploy_event_t *event, row_t *row)
{
    int                bad;
    char               n[32];
    size_t             i;
    const char        *want;
    ngx_deploy_str_t   joined;

    want = cell(row, "n_paths");

    if (*want == '\0') {
        snprintf(n, sizeof(n), "%s", event->npaths ? "some" : "");

    } else {
        snprintf(n, sizeof(n), "%zu", event->npaths);
    }

    bad = differs_text(how, "n_paths", n, want);

    joined = tap_copy("", 0);

    for (i = 0; i < event->npaths && i < MAX_LISTED; i++) {
        joined.data = realloc(i ? joined.data : NULL,
                              joined.len + event->paths[i].len + 1);
        if (joined.data == NULL) {
            return 1;
        }

        if (i) {
            joined.data[joined.len++] = '|';
        }

        memcpy(joined.data + joined.len, event->paths[i].data,
               event->paths[i].len);
        joined.len += event->paths[i].len;
    }

    bad += differs(how, "paths", &joined, cell(row, "paths"));

    if (i) {
        free(joined.data);
    }

    return bad;
}


static int
check_refs(const char *how, ngx_deploy_event_t *events, size_t n, row_t *row)
{
    int                bad;
    char               text[8192], *p, *last;
    size_t             i;
    const char        *want;
    ngx_deploy_str_t  *name, *commit;

    want = cell(row, "n_changes");

    if (*want == '\0') {
        bad = (n != 1);

    } else {
        bad = (n != (size_t) atoi(want));
    }

    if (bad) {
        printf("# %s: %zu events, want \"%s\"\n", how, n, want);
    }

    text[0] = '\0';
    p = text;
    last = text + sizeof(text);

    for (i = 0; n > 1 && i < n; i++) {
        name = &events[i].facts[NGX_DEPLOY_BRANCH];
        commit = &events[i].facts[NGX_DEPLOY_COMMIT];

        if (name->data == NULL) {
            name = &events[i].facts[NGX_DEPLOY_TAG];
        }

        p += snprintf(p, last - p, "%s%s:%.*s@%.*s", i ? ";" : "",
                      events[i].facts[NGX_DEPLOY_TAG].data ? "tag" : "branch",
                      (int) name->len, name->data, (int) commit->len,
                      commit->data);
    }

    return bad + differs_text(how, "all_refs", text, cell(row, "all_refs"));
}


static int
check_events(const char *how, ngx_deploy_event_t *event, size_t n, row_t *row)
{
    int                 bad;
    const fact_t       *fact;
    ngx_deploy_str_t    json;
    const char         *reason;
    ngx_deploy_json_t  *tree;
    ngx_deploy_json_out_t  out;

    bad = check_refs(how, event, n, row);

    if (n == 0) {

        /* nothing but the number can be told of an empty push */

        return bad;
    }

    bad += differs(how, "provider", &event->facts[NGX_DEPLOY_PROVIDER],
                   cell(row, "provider"));

    for (fact = facts; fact->column; fact++) {
        bad += differs(how, fact->column, &event->facts[fact->fact],
                       cell(row, fact->column));
    }

    bad += differs_text(how, "merged", flag(event->merged),
                        cell(row, "merged"));
    bad += differs_text(how, "created", flag(event->created),
                        cell(row, "created"));
    bad += differs_text(how, "deleted", flag(event->deleted),
                        cell(row, "deleted"));
    bad += differs_text(how, "forced", flag(event->forced),
                        cell(row, "forced"));
    bad += check_paths(how, event, row);

    tree = NULL;
    reason = "no memory";

    ngx_deploy_json_out_begin(&out, tap_pool(), 1024);
    ngx_deploy_event_json(event, &out);

    if (ngx_deploy_json_out_end(&out, &json) == NGX_DEPLOY_OK) {
        tree = ngx_deploy_json_parse(json.data, json.len, json.len, &reason);
    }

    if (tree == NULL) {
        printf("# %s: no JSON of the event: %s\n", how, reason);
        bad++;
    }

    ngx_deploy_json_free(tree);

    return bad;
}


static int
run(const char *how, row_t *row, const sender_t *sender, ngx_deploy_str_t body,
    size_t piece, unsigned form)
{
    int                     rc;
    size_t                  n, size, len;
    const char             *reason;
    tap_header_t            headers[2];
    ngx_deploy_str_t        part;
    ngx_deploy_event_t     *events;
    ngx_deploy_senders_t   *tables;
    ngx_deploy_payload_t   *payload;
    ngx_deploy_delivery_t   delivery;

    headers[0].name = sender->header;
    headers[0].value = sender->value ? sender->value
                                     : cell(row, "event_header");
    headers[1].name = NULL;

    if (strcmp(headers[0].value, "-") == 0) {
        headers[0].name = NULL;
    }

    delivery.scheme = (piece == 4096) ? "hmac" : sender->scheme;
    delivery.get_header = tap_get_header;
    delivery.data = headers;
    delivery.form = form;
    delivery.seed = 42;

    tables = ngx_deploy_senders_create(tap_pool());
    if (tables == NULL) {
        return 1;
    }

    reason = "";

    rc = ngx_deploy_payload_create(&payload, tap_pool(), tables, &delivery,
                                   &reason);
    if (rc != NGX_DEPLOY_OK) {
        printf("# %s: %d %s\n", how, rc, reason);
        return 1;
    }

    for (len = 0; len < body.len && rc == NGX_DEPLOY_OK; len += size) {
        size = (piece && piece < body.len - len) ? piece : body.len - len;

        if (piece == 7 || piece == 0) {
            part = tap_copy(body.data + len, size);

        } else {
            part.data = body.data + len;
        }

        rc = ngx_deploy_payload_feed(payload, part.data, size);
    }

    if (rc == NGX_DEPLOY_OK) {
        rc = ngx_deploy_payload_end(payload, &events, &n);
    }

    if (rc != NGX_DEPLOY_OK) {
        printf("# %s: %d %s at %zu\n", how, rc,
               ngx_deploy_payload_reason(payload),
               ngx_deploy_payload_offset(payload));
        return 1;
    }

    return check_events(how, events, n, row);
}


static ngx_deploy_str_t
encode(ngx_deploy_str_t body)
{
    size_t             i;
    u_char             c, *p;
    ngx_deploy_str_t   form;

    form.data = malloc(body.len * 3 + sizeof("payload="));
    if (form.data == NULL) {
        exit(1);
    }

    memcpy(form.data, "payload=", 8);
    p = form.data + 8;

    for (i = 0; i < body.len; i++) {
        c = body.data[i];

        if (c == ' ') {
            *p++ = '+';

        } else if (strchr("{}[]\":,&+%=;\r\n", c) != NULL || c >= 0x80) {
            p += sprintf((char *) p, "%%%02X", c);

        } else {
            *p++ = c;
        }
    }

    form.len = p - form.data;

    return form;
}


static void
run_row(const char *dir, row_t *row)
{
    int                bad;
    char               name[4096];
    const sender_t    *sender;
    ngx_deploy_str_t   body, form;

    snprintf(name, sizeof(name), "%s/payloads/%s", dir, cell(row, "file"));

    body = read_file(name);
    if (body.data == NULL) {
        ok(0, "%s: no such file", cell(row, "file"));
        return;
    }

    for (sender = senders; sender->provider; sender++) {
        if (strcmp(sender->provider, cell(row, "provider")) == 0) {
            break;
        }
    }

    if (sender->provider == NULL) {
        ok(0, "%s: how does it come?", cell(row, "file"));
        return;
    }

    bad = run("whole", row, sender, body, 0, 0);
    bad += run("bytes", row, sender, body, 1, 0);
    bad += run("pieces", row, sender, body, 7, 0);
    bad += run("told by itself", row, sender, body, 4096, 0);

    if (sender->form) {
        form = encode(body);

        bad += run("form", row, sender, form, 0, 1);
        bad += run("form, bytes", row, sender, form, 1, 1);
        bad += run("form, pieces", row, sender, form, 7, 1);

        free(form.data);
    }

    ok(bad == 0, "%s", cell(row, "file"));

    free(body.data);
    tap_pool_reset();
}


int
main(int argc, char **argv)
{
    int                i, wanted;
    char               name[4096], *line, *rest;
    row_t              row;
    ngx_deploy_str_t   manifest;

    if (argc < 3) {
        fprintf(stderr, "usage: payloads DIR PROVIDER...\n");
        return 2;
    }

    ngx_deploy_json_init();

    snprintf(name, sizeof(name), "%s/payloads/MANIFEST.tsv", argv[1]);

    manifest = read_file(name);
    if (manifest.data == NULL) {
        fprintf(stderr, "cannot read %s\n", name);
        return 2;
    }

    memset(&row, 0, sizeof(row_t));

    rest = (char *) manifest.data;

    row.n = split(strsep(&rest, "\n"), row.names);

    while (rest != NULL) {
        line = strsep(&rest, "\n");

        if (*line == '\0' || split(line, row.values) != row.n) {
            continue;
        }

        wanted = 0;

        for (i = 2; i < argc; i++) {
            wanted |= (strcmp(cell(&row, "provider"), argv[i]) == 0);
        }

        if (wanted) {
            run_row(argv[1], &row);
        }
    }

    free(manifest.data);

    return plan_done();
}
