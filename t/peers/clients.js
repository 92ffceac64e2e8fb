// Copyright (C) ngx_deploy_module authors
//
// Reads lines of JSON, { "api": ..., "json": ... }, posts each message with
// Slack's own client to a server of its own, and writes what arrived there as
// lines of JSON: method, path, headers, and the members of the body.

'use strict';

const fs = require('fs');
const http = require('http');
const { WebClient } = require('@slack/web-api');
const { IncomingWebhook } = require('@slack/webhook');

const TOKEN = 'xoxb-1234567890-abcdefghijklmnop';

// what of a form is JSON in a body of JSON
const JSON_MEMBERS = /^(?:attachments|blocks|unfurl_links|unfurl_media)$/;

let arrived;

function members(type, body) {
    if (type.startsWith('application/json')) {
        return JSON.parse(body);
    }

    const json = {};

    for (const [name, value] of new URLSearchParams(body)) {
        json[name] = JSON_MEMBERS.test(name) ? JSON.parse(value) : value;
    }

    return json;
}

const server = http.createServer((req, res) => {
    let body = '';

    req.setEncoding('utf8');
    req.on('data', (data) => { body += data; });
    req.on('end', () => {
        arrived = { method: req.method, path: req.url, headers: req.headers,
                    json: members(req.headers['content-type'], body) };

        if (req.url.startsWith('/api/')) {
            res.setHeader('Content-Type', 'application/json; charset=utf-8');
            res.end('{"ok":true,"channel":"C1","ts":"1700000000.000001"}');

        } else {
            res.end('ok');
        }
    });
});

server.listen(0, '127.0.0.1', async () => {
    const url = `http://127.0.0.1:${server.address().port}`;
    const client = new WebClient(TOKEN, { slackApiUrl: `${url}/api/` });
    const webhook = new IncomingWebhook(`${url}/services/T/B/x`);

    const post = {
        'chat.postMessage': (json) => client.chat.postMessage(json),
        'chat.update': (json) => client.chat.update(json),
        webhook: (json) => webhook.send(json),
    };

    for (const line of fs.readFileSync(0, 'utf8').split('\n')) {
        if (line !== '') {
            const { api, json } = JSON.parse(line);

            await post[api](json);
            console.log(JSON.stringify(arrived));
        }
    }

    server.closeAllConnections();
    server.close();
});
