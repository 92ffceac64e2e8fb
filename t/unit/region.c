
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_region.h"
#include "ngx_deploy_tap.h"


static void
test_host(const char *service, const char *region, unsigned flags,
    const char *want)
{
    int               rc;
    ngx_deploy_str_t  s, host;

    s = tap_copy(region, strlen(region));

    rc = ngx_deploy_region_host(tap_pool(), service, &s, flags, &host);

    is_int(rc, want ? NGX_DEPLOY_OK : NGX_DEPLOY_DECLINED, "%s %s %u",
           service, region, flags);

    if (want) {
        is_str(host, want, "%s", want);
    }
}


int
main(void)
{
    ngx_deploy_str_t  s, host;

    test_host("codebuild", "us-east-1", 0, "codebuild.us-east-1.amazonaws.com");
    test_host("codebuild", "us-east-1", NGX_DEPLOY_REGION_FIPS,
              "codebuild-fips.us-east-1.amazonaws.com");
    test_host("codebuild", "us-east-1", NGX_DEPLOY_REGION_DUALSTACK,
              "codebuild.us-east-1.api.aws");
    test_host("codebuild", "cn-north-1",
              NGX_DEPLOY_REGION_FIPS|NGX_DEPLOY_REGION_DUALSTACK,
              "codebuild-fips.cn-north-1.api.amazonwebservices.com.cn");
    test_host("codebuild", "us-gov-east-1", NGX_DEPLOY_REGION_FIPS,
              "codebuild-fips.us-gov-east-1.amazonaws.com");
    test_host("codebuild", "us-isob-east-1", 0,
              "codebuild.us-isob-east-1.sc2s.sgov.gov");
    test_host("codebuild", "eu-isoe-west-1", 0,
              "codebuild.eu-isoe-west-1.cloud.adc-e.uk");
    test_host("codebuild", "us-isof-south-1", 0,
              "codebuild.us-isof-south-1.csp.hci.ic.gov");
    test_host("codebuild", "us-isof-south-1", NGX_DEPLOY_REGION_DUALSTACK,
              NULL);

    test_host("codebuild", "", 0, NULL);
    test_host("codebuild", "us-east", 0, NULL);
    test_host("codebuild", "-us-east-1", 0, NULL);
    test_host("codebuild", "us-east-1-", 0, NULL);
    test_host("codebuild", "us-east-1/x", 0, NULL);
    test_host("codebuild", "US-EAST-1", 0, NULL);
    test_host("codebuild", "us-east-1.evil.example", 0, NULL);
    test_host("codebuild", "us-east-111111111111111111111111111", 0, NULL);
    test_host("a-service-whose-name-is-so-long-that-no-host-could-hold-it-nor"
              "-would-anyone-want-to-write-it-twice-in-one-and-the-same-line",
              "us-east-1", 0, NULL);

    s = tap_str("us-east-1");

    tap_pool_limit(0);
    is_int(ngx_deploy_region_host(tap_pool(), "sts", &s, 0, &host),
           NGX_DEPLOY_ERROR, "no memory");

    return plan_done();
}
