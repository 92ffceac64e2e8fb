
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_command.h"
#include "ngx_deploy_codebuild.h"


#define NGX_DEPLOY_COMMAND_MAX_WORDS  3     /* one more than is ever right */
#define NGX_DEPLOY_COMMAND_MAX_UUID   64


typedef struct {
    const char            *word;
    ngx_deploy_command_e   verb;
    size_t                 min;     /* words after it */
    size_t                 max;
    const char            *few;
    const char            *many;
} ngx_deploy_command_verb_t;


static int ngx_deploy_command_plain(ngx_deploy_pool_t *pool,
    const ngx_deploy_str_t *text, ngx_deploy_str_t *plain,
    const char **reason);
static size_t ngx_deploy_command_entity(const u_char *p, size_t len,
    u_char *ch);
static size_t ngx_deploy_command_link(const u_char *p, size_t len,
    u_char **dst);
static size_t ngx_deploy_command_words(const ngx_deploy_str_t *text,
    ngx_deploy_str_t *words);
static int ngx_deploy_command_arguments(ngx_deploy_command_t *command,
    const ngx_deploy_str_t *word, size_t n, const char **reason);
static int ngx_deploy_command_target(const ngx_deploy_str_t *word,
    const char **reason);
static int ngx_deploy_command_ref(const ngx_deploy_str_t *word,
    const char **reason);
static int ngx_deploy_command_delivery(const ngx_deploy_str_t *word,
    const char **reason);
static unsigned ngx_deploy_command_alnum(u_char ch);


static const ngx_deploy_command_verb_t  ngx_deploy_command_verbs[] = {

    { "help", NGX_DEPLOY_COMMAND_HELP, 0, 1, NULL,
      "`help` needs nothing else." },

    { "status", NGX_DEPLOY_COMMAND_STATUS, 0, 1, NULL,
      "`status` takes one target at most." },

    { "stop", NGX_DEPLOY_COMMAND_STOP, 1, 1,
      "Which build shall be stopped? `stop BUILD` wants its id, as in"
      " `stop api-prod:0c5c3d6e-1f5a-4c1b-9d38-5a1b7c2d3e4f`.",
      "`stop` takes the id of one build." },

    { "why", NGX_DEPLOY_COMMAND_WHY, 1, 1,
      "Which delivery is it about? `why DELIVERY` wants the id that the"
      " sender shows for it.",
      "`why` takes the id of one delivery." },

    { NULL, NGX_DEPLOY_COMMAND_TARGET, 0, 1, NULL,
      "Too many words: it is a target, and then a branch, a tag or a commit"
      " if you want another one than usual. `help` tells more." }
};


int
ngx_deploy_command_parse(ngx_deploy_pool_t *pool,
    const ngx_deploy_str_t *text, ngx_deploy_command_t *command,
    const char **reason)
{
    int                               rc;
    size_t                            n;
    ngx_deploy_str_t                  plain;
    ngx_deploy_str_t                  words[NGX_DEPLOY_COMMAND_MAX_WORDS];
    const ngx_deploy_command_verb_t  *verb;

    memset(command, 0, sizeof(ngx_deploy_command_t));

    rc = ngx_deploy_command_plain(pool, text, &plain, reason);

    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    n = ngx_deploy_command_words(&plain, words);

    if (n == 0) {
        command->verb = NGX_DEPLOY_COMMAND_HELP;
        return NGX_DEPLOY_OK;
    }

    for (verb = ngx_deploy_command_verbs; verb->word; verb++) {
        if (ngx_deploy_str_is_nocase(&words[0], verb->word)) {
            break;
        }
    }

    command->verb = verb->verb;

    if (n - 1 < verb->min) {
        *reason = verb->few;
        return NGX_DEPLOY_DECLINED;
    }

    if (n - 1 > verb->max) {
        *reason = verb->many;
        return NGX_DEPLOY_DECLINED;
    }

    return ngx_deploy_command_arguments(command, words, n, reason);
}


/* the text as it was typed; a copy, which the words lie in */

static int
ngx_deploy_command_plain(ngx_deploy_pool_t *pool,
    const ngx_deploy_str_t *text, ngx_deploy_str_t *plain,
    const char **reason)
{
    size_t         n;
    u_char        *p;
    const u_char  *s, *last;

    if (text->len > NGX_DEPLOY_COMMAND_MAX_TEXT) {
        *reason = "The command is too long.";
        return NGX_DEPLOY_DECLINED;
    }

    if (!ngx_deploy_utf8_valid(text->data, text->len)) {
        *reason = "The command is not UTF-8.";
        return NGX_DEPLOY_DECLINED;
    }

    p = ngx_deploy_palloc(pool, text->len);
    if (p == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    plain->data = p;
    last = text->data + text->len;

    for (s = text->data; s < last; s += n) {

        n = 0;

        if (*s == '&') {
            n = ngx_deploy_command_entity(s, last - s, p);
            p += (n != 0);

        } else if (*s == '<') {
            n = ngx_deploy_command_link(s, last - s, &p);

        } else if (last - s >= 2 && s[0] == 0xc2 && s[1] == 0xa0) {

            /* a space that does not break */

            n = 2;
            *p++ = ' ';
        }

        if (n == 0) {
            n = 1;
            *p++ = *s;
        }
    }

    plain->len = p - plain->data;

    return NGX_DEPLOY_OK;
}


static size_t
ngx_deploy_command_entity(const u_char *p, size_t len, u_char *ch)
{
    if (len >= 5 && memcmp(p, "&amp;", 5) == 0) {
        *ch = '&';
        return 5;
    }

    if (len >= 4 && memcmp(p, "&lt;", 4) == 0) {
        *ch = '<';
        return 4;
    }

    if (len >= 4 && memcmp(p, "&gt;", 4) == 0) {
        *ch = '>';
        return 4;
    }

    return 0;
}


/* "<@U1|bob>": "@bob"; "<#C1>": "#C1"; "<!here>": "@here"; "<url|text>" */

static size_t
ngx_deploy_command_link(const u_char *p, size_t len, u_char **dst)
{
    size_t         i, n, size;
    u_char         ch, *d;
    const u_char  *end, *label;

    end = memchr(p, '>', len);

    if (end == NULL || end == p + 1 || memchr(p + 1, '<', end - p - 1)) {
        return 0;
    }

    d = *dst;
    ch = p[1];

    label = memchr(p, '|', end - p);
    label = (label && label + 1 < end) ? label + 1 : NULL;

    if (ch == '@' || ch == '#' || ch == '!') {
        *d++ = (ch == '#') ? '#' : '@';

        if (label == NULL) {
            label = p + 2;
        }

        /* "<!subteam^S1|@group>" */

        if (label < end && *label == d[-1]) {
            label++;
        }

    } else if (label == NULL) {
        label = p + 1;
    }

    size = end - label;

    for (i = 0; i < size; i += n) {
        n = ngx_deploy_command_entity(label + i, size - i, &ch);

        if (n == 0) {
            n = 1;
            ch = label[i];
        }

        *d++ = ch;
    }

    *dst = d;

    return end + 1 - p;
}


static size_t
ngx_deploy_command_words(const ngx_deploy_str_t *text,
    ngx_deploy_str_t *words)
{
    size_t    i, n;
    u_char    ch;
    unsigned  inside;

    n = 0;
    inside = 0;

    for (i = 0; i < text->len; i++) {
        ch = text->data[i];

        if (ch == ' ' || (ch >= '\t' && ch <= '\r')) {
            inside = 0;
            continue;
        }

        if (!inside) {

            if (n == NGX_DEPLOY_COMMAND_MAX_WORDS) {
                break;
            }

            inside = 1;
            words[n].data = text->data + i;
            words[n++].len = 0;
        }

        words[n - 1].len++;
    }

    return n;
}


static int
ngx_deploy_command_arguments(ngx_deploy_command_t *command,
    const ngx_deploy_str_t *word, size_t n, const char **reason)
{
    ngx_deploy_str_t  project;

    switch (command->verb) {

    case NGX_DEPLOY_COMMAND_STATUS:

        if (n == 1) {
            return NGX_DEPLOY_OK;
        }

        command->target = word[1];

        return ngx_deploy_command_target(&word[1], reason);

    case NGX_DEPLOY_COMMAND_STOP:
        command->build = word[1];

        if (ngx_deploy_command_build(&word[1], &project) != NGX_DEPLOY_OK) {
            *reason = "That is no id of a build: it is the project, a colon"
                      " and a UUID, as the message of the build shows it.";
            return NGX_DEPLOY_DECLINED;
        }

        return NGX_DEPLOY_OK;

    case NGX_DEPLOY_COMMAND_WHY:
        command->delivery = word[1];

        return ngx_deploy_command_delivery(&word[1], reason);

    case NGX_DEPLOY_COMMAND_TARGET:
        command->target = word[0];

        if (ngx_deploy_command_target(&word[0], reason) != NGX_DEPLOY_OK) {
            return NGX_DEPLOY_DECLINED;
        }

        if (n == 1) {
            return NGX_DEPLOY_OK;
        }

        command->ref = word[1];

        return ngx_deploy_command_ref(&word[1], reason);

    default: /* NGX_DEPLOY_COMMAND_HELP */
        return NGX_DEPLOY_OK;
    }
}


static int
ngx_deploy_command_target(const ngx_deploy_str_t *word, const char **reason)
{
    size_t  i;

    if (word->len > NGX_DEPLOY_COMMAND_MAX_TARGET) {
        *reason = "The name of the target is too long.";
        return NGX_DEPLOY_DECLINED;
    }

    for (i = 0; i < word->len; i++) {

        if (ngx_deploy_command_alnum(word->data[i])) {
            continue;
        }

        if (i == 0 || word->data[i] == '\0'
            || strchr("._-/", word->data[i]) == NULL)
        {
            *reason = "That is no name of a target: it begins with a letter"
                      " or a digit and has letters, digits, `.`, `_`, `-`"
                      " and `/` only.";
            return NGX_DEPLOY_DECLINED;
        }
    }

    return NGX_DEPLOY_OK;
}


/* the rules of git check-ref-format, and no "-" at the front */

static int
ngx_deploy_command_ref(const ngx_deploy_str_t *word, const char **reason)
{
    size_t  i;
    u_char  ch, next;

    if (word->len > NGX_DEPLOY_COMMAND_MAX_REF) {
        *reason = "The name of the branch or tag is too long.";
        return NGX_DEPLOY_DECLINED;
    }

    *reason = "That is no branch, tag or commit as git would take it.";

    if (strchr("-/.", word->data[0])
        || strchr("/.", word->data[word->len - 1])
        || (word->len >= 5
            && memcmp(word->data + word->len - 5, ".lock", 5) == 0)
        || ngx_deploy_str_is(word, "@"))
    {
        return NGX_DEPLOY_DECLINED;
    }

    for (i = 0; i < word->len; i++) {
        ch = word->data[i];
        next = (i + 1 < word->len) ? word->data[i + 1] : 'x';

        if (ch <= ' ' || ch == 0x7f || strchr("~^:?*[\\", ch)
            || (ch == '.' && next == '.')
            || (ch == '/' && (next == '/' || next == '.'))
            || (ch == '@' && next == '{'))
        {
            return NGX_DEPLOY_DECLINED;
        }
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_command_delivery(const ngx_deploy_str_t *word,
    const char **reason)
{
    size_t  i;

    for (i = 0; i < word->len; i++) {
        if (word->data[i] <= ' ' || word->data[i] >= 0x7f) {
            break;
        }
    }

    if (i != word->len || i > NGX_DEPLOY_COMMAND_MAX_ID) {
        *reason = "That is no id of a delivery.";
        return NGX_DEPLOY_DECLINED;
    }

    return NGX_DEPLOY_OK;
}


int
ngx_deploy_command_build(const ngx_deploy_str_t *id,
    ngx_deploy_str_t *project)
{
    size_t         i;
    const u_char  *colon;

    if (id->len == 0 || id->len > NGX_DEPLOY_COMMAND_MAX_ID) {
        return NGX_DEPLOY_DECLINED;
    }

    colon = memchr(id->data, ':', id->len);

    if (colon == NULL) {
        return NGX_DEPLOY_DECLINED;
    }

    project->data = id->data;
    project->len = colon - id->data;

    if (ngx_deploy_codebuild_project_name(project) != NGX_DEPLOY_OK
        || id->len - project->len - 1 == 0
        || id->len - project->len - 1 > NGX_DEPLOY_COMMAND_MAX_UUID)
    {
        return NGX_DEPLOY_DECLINED;
    }

    for (i = project->len + 1; i < id->len; i++) {
        if (!ngx_deploy_command_alnum(id->data[i]) && id->data[i] != '-') {
            return NGX_DEPLOY_DECLINED;
        }
    }

    return NGX_DEPLOY_OK;
}


const char *
ngx_deploy_command_help(void)
{
    return "`TARGET [REF]` starts a deployment, of a branch, a tag or a"
           " commit if you name one\n"
           "`status [TARGET]` shows what is running and what ran last\n"
           "`stop BUILD` stops a build\n"
           "`why DELIVERY` tells what became of a delivery\n"
           "`help` shows this";
}


static unsigned
ngx_deploy_command_alnum(u_char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
           || (ch >= '0' && ch <= '9');
}
