
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_region.h"
#include "ngx_deploy_tap.h"


#define FIPS       NGX_DEPLOY_REGION_FIPS
#define DUALSTACK  NGX_DEPLOY_REGION_DUALSTACK


static void
test_host(const char *service, const char *region, unsigned flags,
    const char *want)
{
    ngx_deploy_str_t  s, host;

    s = tap_str(region);
    host.len = 0;
    host.data = NULL;

    is_int(ngx_deploy_region_host(tap_pool(), service, &s, flags, &host),
           want ? NGX_DEPLOY_OK : NGX_DEPLOY_DECLINED, "%s in %s, %u",
           service, region, flags);
    is_str(host, want, "%s in %s, %u: host", service, region, flags);
}


/* the standard name, FIPS, dual stack, both; NULL: there is none */

static void
test_hosts(const char *region, const char *standard, const char *fips,
    const char *dualstack, const char *both)
{
    test_host("codebuild", region, 0, standard);
    test_host("codebuild", region, FIPS, fips);
    test_host("codebuild", region, DUALSTACK, dualstack);
    test_host("codebuild", region, FIPS|DUALSTACK, both);
}


static void
test_partitions(void)
{
    test_hosts("us-east-1",
               "codebuild.us-east-1.amazonaws.com",
               "codebuild-fips.us-east-1.amazonaws.com",
               "codebuild.us-east-1.api.aws",
               "codebuild-fips.us-east-1.api.aws");

    test_hosts("mx-central-1",
               "codebuild.mx-central-1.amazonaws.com",
               "codebuild-fips.mx-central-1.amazonaws.com",
               "codebuild.mx-central-1.api.aws",
               "codebuild-fips.mx-central-1.api.aws");

    test_hosts("cn-north-1",
               "codebuild.cn-north-1.amazonaws.com.cn",
               "codebuild-fips.cn-north-1.amazonaws.com.cn",
               "codebuild.cn-north-1.api.amazonwebservices.com.cn",
               "codebuild-fips.cn-north-1.api.amazonwebservices.com.cn");

    test_hosts("us-gov-west-1",
               "codebuild.us-gov-west-1.amazonaws.com",
               "codebuild-fips.us-gov-west-1.amazonaws.com",
               "codebuild.us-gov-west-1.api.aws",
               "codebuild-fips.us-gov-west-1.api.aws");

    test_hosts("eusc-de-east-1",
               "codebuild.eusc-de-east-1.amazonaws.eu", NULL, NULL, NULL);

    test_hosts("us-iso-east-1",
               "codebuild.us-iso-east-1.c2s.ic.gov",
               "codebuild-fips.us-iso-east-1.c2s.ic.gov", NULL, NULL);

    test_hosts("us-isob-east-1",
               "codebuild.us-isob-east-1.sc2s.sgov.gov",
               "codebuild-fips.us-isob-east-1.sc2s.sgov.gov", NULL, NULL);

    test_hosts("eu-isoe-west-1",
               "codebuild.eu-isoe-west-1.cloud.adc-e.uk",
               "codebuild-fips.eu-isoe-west-1.cloud.adc-e.uk", NULL, NULL);

    test_hosts("us-isof-south-1",
               "codebuild.us-isof-south-1.csp.hci.ic.gov",
               "codebuild-fips.us-isof-south-1.csp.hci.ic.gov", NULL, NULL);

    test_host("sts", "eu-west-1", 0, "sts.eu-west-1.amazonaws.com");
    test_host("sns", "cn-northwest-1", 0, "sns.cn-northwest-1.amazonaws.com"
              ".cn");
}


static void
test_region(const char *region, unsigned good)
{
    ngx_deploy_str_t  s, host;

    s = tap_str(region);

    is_int(ngx_deploy_region_check(&s),
           good ? NGX_DEPLOY_OK : NGX_DEPLOY_DECLINED, "region \"%s\"",
           region);
    is_int(ngx_deploy_region_host(tap_pool(), "codebuild", &s, 0, &host),
           good ? NGX_DEPLOY_OK : NGX_DEPLOY_DECLINED, "host in \"%s\"",
           region);
}


static void
test_regions(void)
{
    ngx_deploy_str_t  s, host;

    test_region("us-east-1", 1);
    test_region("a-b-c678901234567890123456789012", 1);
    test_region("a-b-c6789012345678901234567890123", 0);
    test_region("", 0);
    test_region("useast1", 0);
    test_region("us-east", 0);
    test_region("-us-east-1", 0);
    test_region("us-east-1-", 0);
    test_region("US-EAST-1", 0);
    test_region("us-east-1.evil", 0);
    test_region("us-east-1/", 0);
    test_region("us-east-1\n", 0);

    s = tap_str("us-east-1");

    tap_pool_limit(0);

    is_int(ngx_deploy_region_host(tap_pool(), "codebuild", &s, 0, &host),
           NGX_DEPLOY_ERROR, "no memory");

    tap_pool_limit(-1);
}


int
main(void)
{
    test_partitions();
    test_regions();

    return plan_done();
}
