
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_ini.h"


/* which section a line stands in */

typedef enum {
    NGX_DEPLOY_INI_OTHER = 0,
    NGX_DEPLOY_INI_PLAIN,           /* [NAME], [default] */
    NGX_DEPLOY_INI_PROFILE          /* [profile NAME] */
} ngx_deploy_ini_section_e;


static ngx_deploy_str_t ngx_deploy_ini_line(ngx_deploy_str_t *text);
static ngx_deploy_ini_section_e ngx_deploy_ini_section(
    const ngx_deploy_str_t *line, unsigned config,
    const ngx_deploy_str_t *profile);
static void ngx_deploy_ini_value(const ngx_deploy_str_t *line,
    const char *key, ngx_deploy_str_t *value);
static void ngx_deploy_ini_trim(ngx_deploy_str_t *s);
static void ngx_deploy_ini_unquote(ngx_deploy_str_t *s);
static unsigned ngx_deploy_ini_blank(u_char c);


ngx_deploy_str_t
ngx_deploy_ini_get(const ngx_deploy_str_t *text, unsigned config,
    const ngx_deploy_str_t *profile, const char *key, unsigned *section)
{
    unsigned                  found[NGX_DEPLOY_INI_PROFILE + 1];
    ngx_deploy_str_t          rest, line, values[NGX_DEPLOY_INI_PROFILE + 1];
    ngx_deploy_ini_section_e  current;

    memset(found, 0, sizeof(found));
    memset(values, 0, sizeof(values));

    current = NGX_DEPLOY_INI_OTHER;

    rest = *text;

    if (ngx_deploy_str_starts(&rest, "\xef\xbb\xbf")) {
        rest.data += 3;
        rest.len -= 3;
    }

    while (rest.len) {
        line = ngx_deploy_ini_line(&rest);

        /* a line that is indented continues or nests: no key of ours */

        if (line.len == 0 || line.data[0] == '#' || line.data[0] == ';'
            || ngx_deploy_ini_blank(line.data[0]))
        {
            continue;
        }

        if (line.data[0] == '[') {
            current = ngx_deploy_ini_section(&line, config, profile);
            found[current] = 1;
            continue;
        }

        if (current != NGX_DEPLOY_INI_OTHER) {
            ngx_deploy_ini_value(&line, key, &values[current]);
        }
    }

    /* the one section hides the other, it does not add to it */

    current = found[NGX_DEPLOY_INI_PROFILE] ? NGX_DEPLOY_INI_PROFILE
                                            : NGX_DEPLOY_INI_PLAIN;

    *section = found[current];

    return values[current];
}


static ngx_deploy_str_t
ngx_deploy_ini_line(ngx_deploy_str_t *text)
{
    u_char            *p;
    ngx_deploy_str_t   line;

    line.data = text->data;

    p = memchr(text->data, '\n', text->len);

    if (p) {
        line.len = p - text->data;
        text->len -= line.len + 1;
        text->data = p + 1;

    } else {
        line.len = text->len;
        text->data += line.len;
        text->len = 0;
    }

    if (line.len && line.data[line.len - 1] == '\r') {
        line.len--;
    }

    return line;
}


static ngx_deploy_ini_section_e
ngx_deploy_ini_section(const ngx_deploy_str_t *line, unsigned config,
    const ngx_deploy_str_t *profile)
{
    u_char                    *p;
    ngx_deploy_str_t           name;
    ngx_deploy_ini_section_e   section;

    p = memchr(line->data, ']', line->len);

    if (p == NULL) {
        return NGX_DEPLOY_INI_OTHER;
    }

    name.data = line->data + 1;
    name.len = p - name.data;

    ngx_deploy_ini_trim(&name);

    section = NGX_DEPLOY_INI_PLAIN;

    if (config && !ngx_deploy_str_is(&name, "default")) {

        if (!ngx_deploy_str_starts(&name, "profile")
            || name.len == sizeof("profile") - 1
            || !ngx_deploy_ini_blank(name.data[sizeof("profile") - 1]))
        {
            return NGX_DEPLOY_INI_OTHER;
        }

        name.data += sizeof("profile") - 1;
        name.len -= sizeof("profile") - 1;

        ngx_deploy_ini_trim(&name);

        section = NGX_DEPLOY_INI_PROFILE;
    }

    ngx_deploy_ini_unquote(&name);

    if (name.len == 0 || name.len != profile->len
        || memcmp(name.data, profile->data, name.len) != 0)
    {
        return NGX_DEPLOY_INI_OTHER;
    }

    return section;
}


/* of a key given twice the last value stands */

static void
ngx_deploy_ini_value(const ngx_deploy_str_t *line, const char *key,
    ngx_deploy_str_t *value)
{
    size_t             i;
    u_char            *p;
    ngx_deploy_str_t   s;

    p = memchr(line->data, '=', line->len);

    if (p == NULL) {
        return;
    }

    s.data = line->data;
    s.len = p - line->data;

    ngx_deploy_ini_trim(&s);

    if (!ngx_deploy_str_is_nocase(&s, key)) {
        return;
    }

    s.data = p + 1;
    s.len = line->data + line->len - s.data;

    for (i = 1; i < s.len; i++) {

        if ((s.data[i] == '#' || s.data[i] == ';')
            && ngx_deploy_ini_blank(s.data[i - 1]))
        {
            s.len = i;
            break;
        }
    }

    ngx_deploy_ini_trim(&s);

    *value = s;
}


static void
ngx_deploy_ini_trim(ngx_deploy_str_t *s)
{
    while (s->len && ngx_deploy_ini_blank(s->data[0])) {
        s->data++;
        s->len--;
    }

    while (s->len && ngx_deploy_ini_blank(s->data[s->len - 1])) {
        s->len--;
    }
}


static void
ngx_deploy_ini_unquote(ngx_deploy_str_t *s)
{
    if (s->len < 2 || (s->data[0] != '"' && s->data[0] != '\'')
        || s->data[s->len - 1] != s->data[0])
    {
        return;
    }

    s->data++;
    s->len -= 2;
}


static unsigned
ngx_deploy_ini_blank(u_char c)
{
    return c == ' ' || c == '\t';
}
