
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_retry.h"
#include "ngx_deploy_tap.h"


#define HALF   0x8000
#define NEVER  1000000


/* the delay after a failure of a class, the first attempt having been made */

static int64_t
next(ngx_deploy_reply_class_e class, int64_t after, int64_t left,
    unsigned random)
{
    ngx_deploy_retry_t         retry;
    ngx_deploy_retry_bucket_t  bucket;

    memset(&retry, 0, sizeof(retry));
    memset(&bucket, 0, sizeof(bucket));

    retry.attempts = 1;

    return ngx_deploy_retry_next(&retry, &bucket, class, after, left, random);
}


static void
test_classes(void)
{
    is_int(next(NGX_DEPLOY_REPLY_STARTED, -1, NEVER, HALF), -1, "started");
    is_int(next(NGX_DEPLOY_REPLY_REFUSED, -1, NEVER, HALF), -1, "refused");
    is_int(next(NGX_DEPLOY_REPLY_CAPACITY, -1, NEVER, HALF), -1, "capacity");
    is_int(next(NGX_DEPLOY_REPLY_THROTTLED, -1, NEVER, HALF), 500,
           "throttled");
    is_int(next(NGX_DEPLOY_REPLY_TRANSIENT, -1, NEVER, HALF), 25,
           "transient");
    is_int(next(NGX_DEPLOY_REPLY_CREDENTIALS, -1, NEVER, HALF), 25,
           "other credentials");
    is_int(next(NGX_DEPLOY_REPLY_SKEW, -1, NEVER, HALF), 25, "another time");
}


static void
test_after(void)
{
    is_int(next(NGX_DEPLOY_REPLY_TRANSIENT, 0, NEVER, HALF), 25, "after 0");
    is_int(next(NGX_DEPLOY_REPLY_TRANSIENT, 20, NEVER, HALF), 25,
           "after less than the delay");
    is_int(next(NGX_DEPLOY_REPLY_TRANSIENT, 26, NEVER, HALF), 26,
           "after more");
    is_int(next(NGX_DEPLOY_REPLY_TRANSIENT, 5025, NEVER, HALF), 5025,
           "after the most");
    is_int(next(NGX_DEPLOY_REPLY_TRANSIENT, 5026, NEVER, HALF), 5025,
           "after too much");
    is_int(next(NGX_DEPLOY_REPLY_TRANSIENT, INT64_MAX, NEVER, HALF), 5025,
           "after for ever");
    is_int(next(NGX_DEPLOY_REPLY_REFUSED, 20, NEVER, HALF), -1,
           "after, but refused");

    is_int(next(NGX_DEPLOY_REPLY_THROTTLED, -1, 501, HALF), 500,
           "in the time that is left");
    is_int(next(NGX_DEPLOY_REPLY_THROTTLED, -1, 500, HALF), -1,
           "not in the time that is left");
    is_int(next(NGX_DEPLOY_REPLY_THROTTLED, -1, 0, 0), -1, "no time left");
    is_int(next(NGX_DEPLOY_REPLY_THROTTLED, -1, -1, 0), -1, "too late");
    is_int(next(NGX_DEPLOY_REPLY_THROTTLED, 2000, 1000, HALF), -1,
           "the service asks for more than is left");
}


static void
test_attempts(void)
{
    ngx_deploy_retry_t         retry;
    ngx_deploy_retry_bucket_t  bucket;

    memset(&retry, 0, sizeof(retry));
    memset(&bucket, 0, sizeof(bucket));

    is_int(ngx_deploy_retry_next(&retry, &bucket, NGX_DEPLOY_REPLY_TRANSIENT,
                                 -1, NEVER, HALF),
           -1, "no attempt was made");

    retry.attempts = 1;

    is_int(ngx_deploy_retry_next(&retry, &bucket, NGX_DEPLOY_REPLY_TRANSIENT,
                                 -1, NEVER, HALF),
           25, "the second attempt");

    retry.attempts = 2;

    is_int(ngx_deploy_retry_next(&retry, &bucket, NGX_DEPLOY_REPLY_TRANSIENT,
                                 -1, NEVER, HALF),
           50, "the third attempt");

    retry.attempts = 3;

    is_int(ngx_deploy_retry_next(&retry, &bucket, NGX_DEPLOY_REPLY_TRANSIENT,
                                 -1, NEVER, HALF),
           -1, "no fourth");
    is_int(bucket.spent, 28, "paid for two");

    /* the two that the caller repairs: once each, and not one for the other */

    memset(&retry, 0, sizeof(retry));
    retry.attempts = 1;

    ok(ngx_deploy_retry_next(&retry, &bucket, NGX_DEPLOY_REPLY_CREDENTIALS,
                             -1, NEVER, HALF)
       >= 0, "other credentials");

    retry.attempts = 2;

    is_int(ngx_deploy_retry_next(&retry, &bucket,
                                 NGX_DEPLOY_REPLY_CREDENTIALS, -1, NEVER,
                                 HALF),
           -1, "once");
    ok(ngx_deploy_retry_next(&retry, &bucket, NGX_DEPLOY_REPLY_SKEW, -1,
                             NEVER, HALF)
       >= 0, "then another time");

    memset(&retry, 0, sizeof(retry));
    retry.attempts = 1;

    ok(ngx_deploy_retry_next(&retry, &bucket, NGX_DEPLOY_REPLY_SKEW, -1,
                             NEVER, HALF)
       >= 0, "another time");

    retry.attempts = 2;

    is_int(ngx_deploy_retry_next(&retry, &bucket, NGX_DEPLOY_REPLY_SKEW, -1,
                                 NEVER, HALF),
           -1, "another time, once");
}


static void
test_bucket(void)
{
    unsigned                   n;
    ngx_deploy_retry_t         retry;
    ngx_deploy_retry_bucket_t  bucket;

    memset(&retry, 0, sizeof(retry));
    memset(&bucket, 0, sizeof(bucket));

    retry.attempts = 1;

    for (n = 0;
         ngx_deploy_retry_next(&retry, &bucket, NGX_DEPLOY_REPLY_TRANSIENT,
                               -1, NEVER, 0)
         == 0;
         n++)
    {
        /* void */
    }

    is_int(n, 35, "500 tokens are 35 retries");
    is_int(bucket.spent, 490, "490 tokens");

    is_int(ngx_deploy_retry_next(&retry, &bucket, NGX_DEPLOY_REPLY_THROTTLED,
                                 -1, NEVER, 0),
           0, "and one or two after throttling");
    is_int(ngx_deploy_retry_next(&retry, &bucket, NGX_DEPLOY_REPLY_THROTTLED,
                                 -1, NEVER, 0),
           0, "which are cheaper");
    is_int(ngx_deploy_retry_next(&retry, &bucket, NGX_DEPLOY_REPLY_THROTTLED,
                                 -1, NEVER, 0),
           -1, "then it is empty");
    is_int(bucket.spent, 500, "empty");

    /* what the last retry cost comes back, and one token without any */

    ngx_deploy_retry_succeeded(&retry, &bucket);

    is_int(bucket.spent, 495, "5 back");

    retry.cost = 14;
    ngx_deploy_retry_succeeded(&retry, &bucket);

    is_int(bucket.spent, 481, "14 back");

    retry.cost = 0;
    ngx_deploy_retry_succeeded(&retry, &bucket);

    is_int(bucket.spent, 480, "1 back");

    bucket.spent = 0;
    ngx_deploy_retry_succeeded(&retry, &bucket);

    is_int(bucket.spent, 0, "never above 500");

    retry.cost = 14;
    bucket.spent = 3;
    ngx_deploy_retry_succeeded(&retry, &bucket);

    is_int(bucket.spent, 0, "nor by more");

    /* what is not made costs nothing */

    memset(&retry, 0, sizeof(retry));
    retry.attempts = 1;

    ngx_deploy_retry_next(&retry, &bucket, NGX_DEPLOY_REPLY_TRANSIENT, -1, 0,
                          0);
    ngx_deploy_retry_next(&retry, &bucket, NGX_DEPLOY_REPLY_REFUSED, -1,
                          NEVER, 0);

    is_int(bucket.spent, 0, "no retry, no cost");
    is_int(retry.cost, 0, "nor is it remembered");
}


static void
test_skew_of(int64_t before, int64_t used, int64_t ahead, unsigned refused,
    unsigned learn, int64_t after, const char *name)
{
    int64_t  offset;

    offset = before;

    is_int(ngx_deploy_retry_skew(&offset, used, 1800000000,
                                 1800000000 + ahead, refused),
           learn, "%s: again", name);
    is_int(offset, after, "%s: offset", name);
}


static void
test_skew(void)
{
    test_skew_of(0, 0, 0, 0, 0, 0, "all well");
    test_skew_of(0, 0, 0, 1, 0, 0, "a wrong secret");
    test_skew_of(0, 0, 239, 1, 0, 0, "under four minutes ahead");
    test_skew_of(0, 0, -239, 1, 0, 0, "under four minutes behind");
    test_skew_of(0, 0, 240, 1, 1, 240, "four minutes ahead");
    test_skew_of(0, 0, -240, 1, 1, -240, "four minutes behind");
    test_skew_of(0, 0, 900, 1, 1, 900, "fifteen minutes ahead");
    test_skew_of(0, 0, -86400, 1, 1, -86400, "a day behind");
    test_skew_of(0, 0, 900, 0, 0, 0, "far ahead, but taken");

    test_skew_of(900, 900, 900, 1, 0, 900, "corrected, but refused");
    test_skew_of(900, 900, 901, 0, 0, 901, "corrected, follows");
    test_skew_of(900, 900, 239, 0, 0, 0, "our clock was set");
    test_skew_of(900, 900, 0, 1, 1, 0, "our clock was set, and refused");
    test_skew_of(900, 900, -900, 1, 1, -900, "the other way round");

    /* another call has learnt it in the meantime */

    test_skew_of(900, 0, 900, 1, 1, 900, "signed before it was known");
    test_skew_of(900, 0, 900, 0, 0, 900, "taken before it was known");
}


/* builds in the queue of the store */

static void
test_queue(void)
{
    int64_t                   n, waited, delay;
    unsigned                  random;
    ngx_deploy_reply_class_e  class;

    class = NGX_DEPLOY_REPLY_TRANSIENT;

    is_int(ngx_deploy_retry_queue(1, 0, class, -1, 0), 1, "at once");
    is_int(ngx_deploy_retry_queue(1, 0, class, -1, 65535), 2000,
           "the first within 2 s");
    is_int(ngx_deploy_retry_queue(2, 0, class, -1, HALF), 2001, "then 4 s");
    is_int(ngx_deploy_retry_queue(4, 0, class, -1, 65535), 16000, "16 s");
    is_int(ngx_deploy_retry_queue(5, 0, class, -1, 65535), 20000, "20 s");
    is_int(ngx_deploy_retry_queue(500, 299999, class, -1, 65535), 20000,
           "20 s for five minutes");
    is_int(ngx_deploy_retry_queue(500, 600000, class, -1, 65535), 40000,
           "40 s after ten");
    is_int(ngx_deploy_retry_queue(500, 3600000, class, -1, 65535), 239997,
           "4 minutes after an hour");
    is_int(ngx_deploy_retry_queue(5000, 21600000, class, -1, 65535), 299996,
           "never more than 5 minutes");

    class = NGX_DEPLOY_REPLY_CAPACITY;

    is_int(ngx_deploy_retry_queue(1, 0, class, -1, 0), 10000,
           "capacity: slowly");
    is_int(ngx_deploy_retry_queue(1, 0, class, -1, 65535), 19999,
           "capacity: 20 s");

    class = NGX_DEPLOY_REPLY_THROTTLED;

    is_int(ngx_deploy_retry_queue(1, 0, class, 60000, 65535), 60000,
           "as the service asks");
    is_int(ngx_deploy_retry_queue(5, 0, class, 10, 65535), 20000,
           "but not sooner");

    /* six hours are not more than some hundred attempts */

    waited = 0;
    random = 1;

    for (n = 1; waited < 21600000; n++) {
        random = (random * 1103515245 + 12345) & 0xffff;
        delay = ngx_deploy_retry_queue(n, waited, class, -1, random);
        waited += delay;

        if (delay < 1 || delay > 300001) {
            break;
        }
    }

    ok(waited >= 21600000 && n > 100 && n < 400, "%d attempts", (int) n);
}


int
main(void)
{
    test_classes();
    test_after();
    test_attempts();
    test_bucket();
    test_skew();
    test_queue();

    return plan_done();
}
