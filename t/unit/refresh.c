
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_refresh.h"
#include "ngx_deploy_tap.h"


#define LAST  65535


static void
test_time(void)
{
    int64_t   life, at;
    unsigned  random;

    is_int(ngx_deploy_refresh_time(1000, 0, 0), 0, "never");
    is_int(ngx_deploy_refresh_time(1000, 1000, 0), 1000, "expired");
    is_int(ngx_deploy_refresh_time(1000, 900, LAST), 900, "expired before");

    is_int(ngx_deploy_refresh_time(0, 3600, 0), 3300, "five minutes before");
    is_int(ngx_deploy_refresh_time(0, 3600, 32768), 3150, "half of it more");
    is_int(ngx_deploy_refresh_time(0, 3600, LAST), 3001, "up to ten minutes");
    is_int(ngx_deploy_refresh_time(0, 21600, 0), 21300, "six hours");

    is_int(ngx_deploy_refresh_time(0, 900, 0), 675, "a short life");
    is_int(ngx_deploy_refresh_time(0, 900, LAST), 451, "half of it at least");
    is_int(ngx_deploy_refresh_time(0, 4, 0), 3, "seconds");
    is_int(ngx_deploy_refresh_time(0, 3, 0), 3, "less");
    is_int(ngx_deploy_refresh_time(0, 1, LAST), 1, "one second");

    for (life = 1; life < 100000; life = life * 3 + 1) {

        for (random = 0; random < 0x10000; random += 0xfff) {
            at = ngx_deploy_refresh_time(50, 50 + life, random);

            if (at > 50 + life || at < 50 + life / 2) {
                break;
            }
        }

        ok(random >= 0x10000, "a life of %lld", (long long) life);
    }
}


static void
test_extend(void)
{
    is_int(ngx_deploy_refresh_extend(0, 1000, 0), 0, "never");
    is_int(ngx_deploy_refresh_extend(900, 1000, 0), 1300, "five minutes");
    is_int(ngx_deploy_refresh_extend(900, 1000, LAST), 1599, "to ten");
    is_int(ngx_deploy_refresh_extend(1200, 1000, 0), 1300, "about to expire");
    is_int(ngx_deploy_refresh_extend(2000, 1000, LAST), 2000, "is valid");
}


static void
test_delay(void)
{
    unsigned  i, max;

    is_int(ngx_deploy_refresh_delay(1, 0), 500, "first, least");
    is_int(ngx_deploy_refresh_delay(1, LAST), 999, "first, most");
    is_int(ngx_deploy_refresh_delay(3, 0), 2000, "third, least");
    is_int(ngx_deploy_refresh_delay(7, 0), 30000, "a minute at most");
    is_int(ngx_deploy_refresh_delay(4000000000u, LAST), 59999, "for ever");
    is_int(ngx_deploy_refresh_delay(0, 0), 500, "none");

    is_int(ngx_deploy_retry_delay(1, 0, LAST), 49, "50 ms");
    is_int(ngx_deploy_retry_delay(2, 0, LAST), 99, "100 ms");
    is_int(ngx_deploy_retry_delay(1, 1, LAST), 999, "after throttling");
    is_int(ngx_deploy_retry_delay(2, 1, 32768), 1000, "half of 2 s");
    is_int(ngx_deploy_retry_delay(5, 1, 0), 0, "full jitter");

    for (i = 0; i < 70; i++) {
        max = ngx_deploy_retry_delay(i, 1, LAST);
        ok(max < 20000 && (i < 6 || max == 19999), "attempt %u: %u", i, max);
    }
}


int
main(void)
{
    test_time();
    test_extend();
    test_delay();

    return plan_done();
}
