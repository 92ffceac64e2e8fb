
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_STORE_V1_H_INCLUDED_
#define _NGX_DEPLOY_STORE_V1_H_INCLUDED_


/*
 * A store of version 1, as the code of that version made it: a delivery with
 * two builds, one started, one queued after a refusal, and one without any.
 */

static const char  store_v1[] =
    "BEGIN TRANSACTION;\n"
    "CREATE TABLE deliveries ( id INTEGER PRIMARY KEY, location TEXT NO"
    "T NULL, identity TEXT NOT NULL, scheme TEXT NOT NULL, server TEXT,"
    " provider TEXT, delivery TEXT, received INTEGER NOT NULL, events T"
    "EXT, rules TEXT, UNIQUE (location, identity));\n"
    "INSERT INTO deliveries VALUES(1,'/hook','i1','github','localhost',"
    "'github','old-1',1700000000000,'[{\"repo\":\"acme/api\"}]','[]');\n"
    "INSERT INTO deliveries VALUES(2,'/hook','i2','github','localhost',"
    "'github','old-2',1700000000005,'[{\"repo\":\"acme/api\"}]','[]');\n"
    "CREATE TABLE builds ( id INTEGER PRIMARY KEY, delivery INTEGER NOT"
    " NULL, event INTEGER NOT NULL, run INTEGER NOT NULL, paths_unknown"
    " INTEGER NOT NULL, state INTEGER NOT NULL, fence INTEGER NOT NULL,"
    " since INTEGER NOT NULL, due INTEGER NOT NULL, waited INTEGER NOT "
    "NULL, attempts INTEGER NOT NULL, unknown INTEGER NOT NULL, owner T"
    "EXT, project TEXT NOT NULL, region TEXT NOT NULL, endpoint TEXT, r"
    "ole TEXT, credentials TEXT, token TEXT NOT NULL, error TEXT, messa"
    "ge TEXT, build TEXT, arn TEXT, url TEXT, number INTEGER, body TEXT"
    " NOT NULL);\n"
    "INSERT INTO builds VALUES(1,1,0,1,1,2,1,1700000000100,0,0,1,0,NULL"
    ",'api0','us-east-1','http://127.0.0.1:1',NULL,NULL,'0123456789abcd"
    "ef0123456789abcdef0123456789abcdef0123456789abcdef',NULL,NULL,'api"
    "0:1','arn:1','https://url/1',7,'{\"projectName\":\"api\",\"idempot"
    "encyToken\":\"0123456789abcdef0123456789abcdef0123456789abcdef0123"
    "456789abcdef\"}');\n"
    "INSERT INTO builds VALUES(2,1,0,1,0,0,1,1700000000200,170000000120"
    "0,200,1,0,NULL,'api1','us-east-1','http://127.0.0.1:1',NULL,NULL,'"
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef',"
    "'ThrottlingException','Rate exceeded',NULL,NULL,NULL,NULL,'{\"proj"
    "ectName\":\"api\",\"idempotencyToken\":\"0123456789abcdef012345678"
    "9abcdef0123456789abcdef0123456789abcdef\"}');\n"
    "CREATE TABLE attempts ( build INTEGER NOT NULL, n INTEGER NOT NULL"
    ", at INTEGER NOT NULL, duration INTEGER, status INTEGER, error TEX"
    "T, message TEXT, PRIMARY KEY (build, n)) WITHOUT ROWID;\n"
    "INSERT INTO attempts VALUES(1,1,1700000000100,0,0,NULL,NULL);\n"
    "INSERT INTO attempts VALUES(2,1,1700000000200,0,429,'ThrottlingExc"
    "eption','Rate exceeded');\n"
    "CREATE TABLE runs ( build TEXT PRIMARY KEY, project TEXT, status T"
    "EXT, phase TEXT, message TEXT, url TEXT, updated INTEGER NOT NULL)"
    " WITHOUT ROWID;\n"
    "CREATE TABLE phases ( build TEXT NOT NULL, phase TEXT NOT NULL, st"
    "atus TEXT, message TEXT, at INTEGER NOT NULL, duration INTEGER NOT"
    " NULL, PRIMARY KEY (build, phase)) WITHOUT ROWID;\n"
    "CREATE TABLE messages ( build TEXT NOT NULL, channel TEXT NOT NULL"
    ", ts TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (build, chann"
    "el)) WITHOUT ROWID;\n"
    "CREATE INDEX deliveries_delivery ON deliveries (delivery);\n"
    "CREATE INDEX deliveries_received ON deliveries (received);\n"
    "CREATE INDEX builds_delivery ON builds (delivery);\n"
    "CREATE INDEX builds_build ON builds (build) WHERE build IS NOT NUL"
    "L;\n"
    "CREATE INDEX builds_due ON builds (due) WHERE state < 2;\n"
    "CREATE INDEX builds_since ON builds (since) WHERE state < 2;\n"
    "CREATE INDEX runs_updated ON runs (updated);\n"
    "CREATE INDEX messages_at ON messages (at);\n"
    "COMMIT;\n"
    "PRAGMA application_id = 1852073328;\n"
    "PRAGMA user_version = 1;\n";


#endif /* _NGX_DEPLOY_STORE_V1_H_INCLUDED_ */
