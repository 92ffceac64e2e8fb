// Copyright (C) ngx_deploy_module authors
//
// bolt.js FILE SECRET HTTP_PORT EXPRESS_PORT: two apps of Slack's framework,
// with either of its receivers.  What their listeners are given is written to
// FILE, a line of JSON each.

'use strict';

const fs = require('fs');
const { App, ExpressReceiver, HTTPReceiver, LogLevel } =
    require('@slack/bolt');

const [file, signingSecret, ...ports] = process.argv.slice(2);

const receivers = {
    http: new HTTPReceiver({ signingSecret, endpoints: ['/slack'],
                             logLevel: LogLevel.ERROR,
                             unhandledRequestTimeoutMillis: 500 }),
    express: new ExpressReceiver({ signingSecret, endpoints: ['/slack'],
                                   logLevel: LogLevel.ERROR,
                                   unhandledRequestTimeoutMillis: 500 }),
};

function note(receiver, kind, args) {
    fs.appendFileSync(file, JSON.stringify({ receiver, kind, ...args })
                            + '\n');
}

async function start(name, port) {
    const app = new App({
        receiver: receivers[name],
        logLevel: LogLevel.ERROR,
        authorize: async () => ({ botToken: 'xoxb-1', botId: 'B1',
                                  botUserId: 'U0BOT' }),
    });

    app.command(/.*/, async ({ command, ack }) => {
        note(name, 'command', { command });
        await ack();
    });

    app.action(/^deploy_/, async ({ action, body, ack }) => {
        note(name, 'action', { action, body });
        await ack();
    });

    // the log is for errors of our own
    app.error(async () => {});

    await app.start({ port: Number(port), host: '127.0.0.1' });
}

async function main() {
    await start('http', ports[0]);
    await start('express', ports[1]);
    note('', 'up', {});
}

process.on('SIGTERM', () => process.exit(0));

main();
