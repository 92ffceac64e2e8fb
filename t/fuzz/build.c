
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_build.h"
#include "ngx_deploy_json.h"
#include "ngx_deploy_tap.h"


/*
 * Bytes are reports: whatever their order, a final state is left only for
 * what AWS says.  What follows a zero byte is a dump, which is read or not.
 */


#define fuzz_check(cond)                                                      \
    if (!(cond)) {                                                            \
        fprintf(stderr, "%s line %d: " #cond "\n", __FILE__, __LINE__);       \
        abort();                                                              \
    }


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
fuzz_report(ngx_deploy_build_t *build, uint8_t byte)
{
    unsigned                   before, told;
    ngx_deploy_build_report_t  report;
    static const char *const   phases[] = { NULL, "build", "BUILD", "test" };

    before = build->status;
    told = build->told;

    ngx_deploy_build_report_init(&report);
    report.status = (byte & 0x0f) % NGX_DEPLOY_BUILD_STATUSES;
    report.told = (byte >> 4) & 1;
    report.time = byte;
    report.phase.name = tap_str(phases[(byte >> 5) & 3]);
    report.phase.status = report.status;

    (void) ngx_deploy_build_report(build, &report);

    fuzz_check(build->nphases <= 2);

    if (build->status == before) {
        return;
    }

    fuzz_check(build->status == report.status);

    if (ngx_deploy_build_final(before)) {
        fuzz_check(ngx_deploy_build_final(build->status));
        fuzz_check(!told && report.told);

    } else {
        fuzz_check(build->status > before);
    }

    /* the same once more is nothing new */

    fuzz_check(ngx_deploy_build_report(build, &report) == NGX_DEPLOY_DECLINED);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                 rc;
    ngx_deploy_str_t    dump, again;
    ngx_deploy_build_t  build, other;

    ngx_deploy_build_init(&build);
    build.project = tap_str("p");

    while (size && *data) {
        fuzz_report(&build, *data++);
        size--;
    }

    if (size) {
        dump = tap_copy(data + 1, size - 1);
        rc = ngx_deploy_build_load(&build, tap_pool(), &dump);

        fuzz_check(rc == NGX_DEPLOY_OK || rc == NGX_DEPLOY_DECLINED);

        if (rc != NGX_DEPLOY_OK) {
            tap_pool_reset();
            return 0;
        }
    }

    fuzz_check(ngx_deploy_build_dump(&build, tap_pool(), &dump)
               == NGX_DEPLOY_OK);

    if (dump.len <= NGX_DEPLOY_BUILD_MAX_DUMP) {
        fuzz_check(ngx_deploy_build_load(&other, tap_pool(), &dump)
                   == NGX_DEPLOY_OK);
        fuzz_check(ngx_deploy_build_dump(&other, tap_pool(), &again)
                   == NGX_DEPLOY_OK);
        fuzz_check(ngx_deploy_str_eq(&dump, &again));
    }

    tap_pool_reset();

    return 0;
}
