// Copyright (C) ngx_deploy_module authors
//
// Reads lines of JSON, { "api": ..., "json": ... }, and has the TypeScript
// compiler hold each message against the types of Slack's packages: a member
// that is missing, unknown or of another type is an error.  Writes a line of
// JSON for each: { "errors": [...] }.

'use strict';

const fs = require('fs');
const path = require('path');
const ts = require('typescript');

// Blocks of any type are allowed there, here known ones alone; each attachment
// and each block is held against its type by itself, as members of no type
// are found so only.

const HEAD = `
import type { KnownBlock, MessageAttachment } from '@slack/types';
import type { ChatPostMessageArguments, ChatUpdateArguments }
    from '@slack/web-api';
import type { IncomingWebhookSendArguments } from '@slack/webhook';
import type { RespondArguments } from '@slack/bolt';

type Types = {
    'chat.postMessage': ChatPostMessageArguments,
    'chat.update': ChatUpdateArguments,
    webhook: IncomingWebhookSendArguments,
    response: RespondArguments,
};
`;

const lines = fs.readFileSync(0, 'utf8').split('\n').filter((s) => s !== '');
const name = path.join(__dirname, 'messages.ts');

// a line each, so that an error leads back to its message

let n = 0;

function constant(type, value) {
    return `export const v${n++}: ${type} = ${JSON.stringify(value)};`;
}

const text = `${HEAD}\n` + lines.map((line) => {
    const { api, json } = JSON.parse(line);
    const attachments = json.attachments ?? [];
    const blocks = [json, ...attachments].flatMap((o) => o.blocks ?? []);

    return [constant(`Types['${api}']`, json),
            ...attachments.map((a) => constant('MessageAttachment', a)),
            ...blocks.map((b) => constant('KnownBlock', b))].join(' ');
}).join('\n');

const first = HEAD.split('\n').length;

const options = { strict: true, noEmit: true, skipLibCheck: true,
                  target: ts.ScriptTarget.ES2022,
                  module: ts.ModuleKind.Node16,
                  moduleResolution: ts.ModuleResolutionKind.Node16, types: [] };

const host = ts.createCompilerHost(options);
const { getSourceFile, fileExists, readFile } = host;

host.fileExists = (f) => f === name || fileExists.call(host, f);
host.readFile = (f) => (f === name ? text : readFile.call(host, f));
host.getSourceFile = (f, version, ...rest) => (f === name
    ? ts.createSourceFile(f, text, version)
    : getSourceFile.call(host, f, version, ...rest));

const program = ts.createProgram([name], options, host);
const errors = lines.map(() => []);

for (const d of ts.getPreEmitDiagnostics(program)) {
    const message = ts.flattenDiagnosticMessageText(d.messageText, ' ');
    const line = d.file?.fileName === name
        ? d.file.getLineAndCharacterOfPosition(d.start).line - first : -1;

    if (line >= 0) {
        errors[line].push(message);

    } else {
        console.error(d.file?.fileName, message);
        process.exitCode = 1;
    }
}

errors.forEach((list) => console.log(JSON.stringify({ errors: list })));
