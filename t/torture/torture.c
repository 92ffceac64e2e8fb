
/*
 * Copyright (C) ngx_deploy_module authors
 */


#define _GNU_SOURCE

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>


/*
 * A library to be preloaded into nginx: makes the Nth call of a kind fail.
 * It is told by a file that the environment names, mapped when the master
 * starts and inherited by its workers.
 *
 * The calls of libc, OpenSSL and the like are found by the linker.  nginx's
 * own functions are defined in its executable, which comes first; the calls
 * that the module makes of them are caught in its table of procedures as it
 * is loaded.
 */


#define TORTURE_ENV     "TEST_DEPLOY_TORTURE"
#define TORTURE_MODULE  "ngx_deploy_module"
#define TORTURE_TRACE   24

#define TORTURE_ALLOC   0x01
#define TORTURE_CRYPTO  0x02
#define TORTURE_RANDOM  0x04
#define TORTURE_THREAD  0x08
#define TORTURE_POST    0x10

#define TORTURE_ERROR   ((uintptr_t) -1)


/* as t/lib/Test/Deploy/Torture.pm packs it; nth is 0 when nothing fails */

typedef struct {
    uint64_t  nth;
    uint64_t  all;
    uint64_t  kinds;
    uint64_t  counted;
    uint64_t  failed;
    uint64_t  ntrace;
    uint64_t  trace[TORTURE_TRACE];
} torture_t;


typedef struct {
    const char  *name;
    void        *wrapper;
    void       **real;
} torture_wrap_t;


typedef uintptr_t (*torture_pt)(uintptr_t a, uintptr_t b, uintptr_t c,
    uintptr_t d, uintptr_t e, uintptr_t f);


extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);


static torture_t     *torture;
static __thread int   torture_inside;


__attribute__((constructor)) static void
torture_init(void)
{
    int          fd;
    void        *p, *trace[2];
    const char  *name;

    name = getenv(TORTURE_ENV);
    if (name == NULL) {
        return;
    }

    fd = open(name, O_RDWR|O_CLOEXEC);
    if (fd == -1) {
        abort();
    }

    p = mmap(NULL, sizeof(torture_t), PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED) {
        abort();
    }

    close(fd);

    /* loads what it needs now */
    (void) backtrace(trace, 2);

    torture = p;
}


static int
torture_fails(uint64_t kind)
{
    int       i, n;
    void     *trace[TORTURE_TRACE];
    uint64_t  nth, count;

    if (torture == NULL || torture_inside) {
        return 0;
    }

    nth = __atomic_load_n(&torture->nth, __ATOMIC_ACQUIRE);

    if (nth == 0 || !(torture->kinds & kind)) {
        return 0;
    }

    count = __atomic_add_fetch(&torture->counted, 1, __ATOMIC_ACQ_REL);

    if (count < nth || (count > nth && !torture->all)) {
        return 0;
    }

    if (count == nth) {
        torture_inside = 1;

        n = backtrace(trace, TORTURE_TRACE);

        for (i = 0; i < n; i++) {
            torture->trace[i] = (uintptr_t) trace[i];
        }

        torture->ntrace = n;

        torture_inside = 0;
    }

    (void) __atomic_add_fetch(&torture->failed, 1, __ATOMIC_ACQ_REL);

    errno = ENOMEM;

    return 1;
}


/* memory of libc, and of all that takes it from there */


void *
malloc(size_t size)
{
    return torture_fails(TORTURE_ALLOC) ? NULL : __libc_malloc(size);
}


void *
calloc(size_t n, size_t size)
{
    return torture_fails(TORTURE_ALLOC) ? NULL : __libc_calloc(n, size);
}


void *
realloc(void *p, size_t size)
{
    if (size && torture_fails(TORTURE_ALLOC)) {
        return NULL;
    }

    return __libc_realloc(p, size);
}


void *
memalign(size_t alignment, size_t size)
{
    return torture_fails(TORTURE_ALLOC) ? NULL
                                        : __libc_memalign(alignment, size);
}


void *
aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}


int
posix_memalign(void **memptr, size_t alignment, size_t size)
{
    void  *p;

    p = memalign(alignment, size);
    if (p == NULL) {
        return ENOMEM;
    }

    *memptr = p;

    return 0;
}


/* functions of libraries that fail by themselves */


#define torture_library(kind, type, name, args, call, failure)                \
                                                                              \
    type                                                                      \
    name args                                                                 \
    {                                                                         \
        static type  (*real) args;                                            \
                                                                              \
        if (real == NULL) {                                                   \
            real = (type (*) args) dlsym(RTLD_NEXT, #name);                   \
        }                                                                     \
                                                                              \
        return torture_fails(kind) ? failure : real call;                     \
    }

torture_library(TORTURE_CRYPTO, void *, EVP_MAC_CTX_dup, (const void *src),
                (src), NULL)
torture_library(TORTURE_CRYPTO, int, EVP_MAC_init, (void *ctx,
                const unsigned char *key, size_t len, const void *params),
                (ctx, key, len, params), 0)
torture_library(TORTURE_CRYPTO, int, EVP_MAC_update, (void *ctx,
                const unsigned char *data, size_t len), (ctx, data, len), 0)
torture_library(TORTURE_CRYPTO, int, EVP_MAC_final, (void *ctx,
                unsigned char *out, size_t *len, size_t size),
                (ctx, out, len, size), 0)
torture_library(TORTURE_CRYPTO, int, EVP_DigestInit_ex, (void *ctx,
                const void *type, void *engine), (ctx, type, engine), 0)
torture_library(TORTURE_CRYPTO, int, EVP_DigestUpdate, (void *ctx,
                const void *data, size_t len), (ctx, data, len), 0)
torture_library(TORTURE_CRYPTO, int, EVP_DigestFinal_ex, (void *ctx,
                unsigned char *md, unsigned int *len), (ctx, md, len), 0)
torture_library(TORTURE_CRYPTO, int, EVP_Digest, (const void *data,
                size_t len, unsigned char *md, unsigned int *size,
                const void *type, void *engine),
                (data, len, md, size, type, engine), 0)
torture_library(TORTURE_CRYPTO, int, EVP_DigestVerifyInit, (void *ctx,
                void **pctx, const void *type, void *engine, void *key),
                (ctx, pctx, type, engine, key), 0)
torture_library(TORTURE_CRYPTO, int, EVP_DigestVerifyFinal, (void *ctx,
                const unsigned char *sig, size_t len), (ctx, sig, len), -1)
torture_library(TORTURE_CRYPTO, unsigned char *, HMAC, (const void *md,
                const void *key, int keylen, const unsigned char *data,
                size_t len, unsigned char *out, unsigned int *outlen),
                (md, key, keylen, data, len, out, outlen), NULL)
torture_library(TORTURE_CRYPTO, unsigned char *, SHA256,
                (const unsigned char *data, size_t len, unsigned char *out),
                (data, len, out), NULL)

torture_library(TORTURE_RANDOM, int, RAND_bytes, (unsigned char *buf, int n),
                (buf, n), 0)
torture_library(TORTURE_RANDOM, int, RAND_priv_bytes,
                (unsigned char *buf, int n), (buf, n), 0)
torture_library(TORTURE_RANDOM, ssize_t, getrandom,
                (void *buf, size_t len, unsigned int flags),
                (buf, len, flags), -1)

torture_library(TORTURE_THREAD, int, pthread_create, (pthread_t *thread,
                const pthread_attr_t *attr, void *(*start)(void *), void *arg),
                (thread, attr, start, arg), EAGAIN)


/* functions of nginx that the module calls */


#define torture_nginx(kind, name, failure)                                    \
                                                                              \
    static void  *torture_real_ ## name;                                      \
                                                                              \
    static uintptr_t                                                          \
    torture_ ## name(uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d,      \
        uintptr_t e, uintptr_t f)                                             \
    {                                                                         \
        if (torture_fails(kind)) {                                            \
            return failure;                                                   \
        }                                                                     \
                                                                              \
        return ((torture_pt) torture_real_ ## name)(a, b, c, d, e, f);        \
    }

torture_nginx(TORTURE_ALLOC, ngx_alloc, 0)
torture_nginx(TORTURE_ALLOC, ngx_calloc, 0)
torture_nginx(TORTURE_ALLOC, ngx_palloc, 0)
torture_nginx(TORTURE_ALLOC, ngx_pnalloc, 0)
torture_nginx(TORTURE_ALLOC, ngx_pcalloc, 0)
torture_nginx(TORTURE_ALLOC, ngx_pstrdup, 0)
torture_nginx(TORTURE_ALLOC, ngx_create_pool, 0)
torture_nginx(TORTURE_ALLOC, ngx_pool_cleanup_add, 0)
torture_nginx(TORTURE_ALLOC, ngx_array_create, 0)
torture_nginx(TORTURE_ALLOC, ngx_array_push, 0)
torture_nginx(TORTURE_ALLOC, ngx_array_push_n, 0)
torture_nginx(TORTURE_ALLOC, ngx_list_push, 0)
torture_nginx(TORTURE_ALLOC, ngx_alloc_chain_link, 0)
torture_nginx(TORTURE_ALLOC, ngx_create_temp_buf, 0)
torture_nginx(TORTURE_ALLOC, ngx_slab_calloc, 0)
torture_nginx(TORTURE_ALLOC, ngx_http_create_request, 0)
torture_nginx(TORTURE_ALLOC, ngx_http_subrequest, TORTURE_ERROR)
torture_nginx(TORTURE_ALLOC, ngx_http_complex_value, TORTURE_ERROR)
torture_nginx(TORTURE_ALLOC, ngx_http_read_client_request_body, 500)
torture_nginx(TORTURE_ALLOC, ngx_http_send_header, TORTURE_ERROR)
torture_nginx(TORTURE_ALLOC, ngx_http_output_filter, TORTURE_ERROR)
torture_nginx(TORTURE_ALLOC, ngx_get_connection, 0)
torture_nginx(TORTURE_POST, ngx_thread_task_post, TORTURE_ERROR)


#define torture_entry(name)                                                   \
    { #name, (void *) torture_ ## name, &torture_real_ ## name }

static torture_wrap_t  torture_wraps[] = {
    torture_entry(ngx_alloc),
    torture_entry(ngx_calloc),
    torture_entry(ngx_palloc),
    torture_entry(ngx_pnalloc),
    torture_entry(ngx_pcalloc),
    torture_entry(ngx_pstrdup),
    torture_entry(ngx_create_pool),
    torture_entry(ngx_pool_cleanup_add),
    torture_entry(ngx_array_create),
    torture_entry(ngx_array_push),
    torture_entry(ngx_array_push_n),
    torture_entry(ngx_list_push),
    torture_entry(ngx_alloc_chain_link),
    torture_entry(ngx_create_temp_buf),
    torture_entry(ngx_slab_calloc),
    torture_entry(ngx_http_create_request),
    torture_entry(ngx_http_subrequest),
    torture_entry(ngx_http_complex_value),
    torture_entry(ngx_http_read_client_request_body),
    torture_entry(ngx_http_send_header),
    torture_entry(ngx_http_output_filter),
    torture_entry(ngx_get_connection),
    torture_entry(ngx_thread_task_post),
    { NULL, NULL, NULL }
};


static void
torture_patch(struct link_map *map)
{
    void           **slot;
    size_t           size, i;
    uintptr_t        page;
    ElfW(Dyn)       *dyn;
    ElfW(Rela)      *rela;
    ElfW(Sym)       *sym;
    const char      *strings, *name;
    torture_wrap_t  *w;

    rela = NULL;
    sym = NULL;
    strings = NULL;
    size = 0;

    for (dyn = map->l_ld; dyn->d_tag != DT_NULL; dyn++) {
        switch (dyn->d_tag) {

        case DT_JMPREL:
            rela = (ElfW(Rela) *) dyn->d_un.d_ptr;
            break;

        case DT_PLTRELSZ:
            size = dyn->d_un.d_val / sizeof(ElfW(Rela));
            break;

        case DT_SYMTAB:
            sym = (ElfW(Sym) *) dyn->d_un.d_ptr;
            break;

        case DT_STRTAB:
            strings = (const char *) dyn->d_un.d_ptr;
            break;
        }
    }

    for (i = 0; i < size; i++) {
        name = strings + sym[ELF64_R_SYM(rela[i].r_info)].st_name;

        for (w = torture_wraps; w->name; w++) {
            if (strcmp(name, w->name) == 0) {
                break;
            }
        }

        slot = (void **) (map->l_addr + rela[i].r_offset);

        if (w->name == NULL || *slot == w->wrapper) {
            continue;
        }

        page = (uintptr_t) slot & ~((uintptr_t) sysconf(_SC_PAGESIZE) - 1);

        if (mprotect((void *) page, sysconf(_SC_PAGESIZE),
                     PROT_READ|PROT_WRITE)
            != 0)
        {
            abort();
        }

        *w->real = *slot;
        *slot = w->wrapper;
    }
}


void *
dlopen(const char *file, int flags)
{
    void         *handle;
    static void  *(*real)(const char *, int);

    if (real == NULL) {
        real = (void *(*)(const char *, int)) dlsym(RTLD_NEXT, "dlopen");
    }

    handle = real(file, flags);

    if (handle && torture && file && strstr(file, TORTURE_MODULE)) {
        torture_patch(handle);
    }

    return handle;
}
