// Copyright (C) ngx_deploy_module authors

// The same job by a recipe for njs: what "make bench" compares with.

import crypto from 'crypto';

let keys = {};

function hmac(key, data, form) {
    return crypto.createHmac('sha256', key).update(data).digest(form);
}

function digest(data) {
    return crypto.createHash('sha256').update(data).digest('hex');
}

function equal(a, b) {
    if (a.length !== b.length) {
        return false;
    }

    let n = 0;

    for (let i = 0; i < a.length; i++) {
        n |= a.charCodeAt(i) ^ b.charCodeAt(i);
    }

    return n === 0;
}

function answer(r, code, value) {
    r.headersOut['Content-Type'] = 'application/json';
    r.return(code, JSON.stringify(value) + '\n');
}

function sign(r, body) {
    const now = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
    const day = now.substring(0, 8);
    const scope = `${day}/us-east-1/codebuild/aws4_request`;
    const headers = 'content-type;host;x-amz-date;x-amz-target';

    const request = ['POST', '/', '',
                     'content-type:application/x-amz-json-1.1',
                     `host:${r.variables.standin}`, `x-amz-date:${now}`,
                     'x-amz-target:CodeBuild_20161006.StartBuild', '',
                     headers, digest(body)].join('\n');

    if (!keys[day]) {
        let key = hmac('AWS4' + process.env.AWS_SECRET_ACCESS_KEY, day);
        key = hmac(key, 'us-east-1');
        key = hmac(key, 'codebuild');
        keys[day] = hmac(key, 'aws4_request');
    }

    const signature = hmac(keys[day], ['AWS4-HMAC-SHA256', now, scope,
                                       digest(request)].join('\n'), 'hex');

    r.variables.amz_date = now;
    r.variables.amz_authorization =
        `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/${scope}, `
        + `SignedHeaders=${headers}, Signature=${signature}`;
}

function deploy(r, branch) {
    const body = r.requestText || '';
    const got = r.headersIn['X-Hub-Signature-256'] || '';

    if (!equal(got, 'sha256=' + hmac(r.variables.secret, body, 'hex'))) {
        answer(r, 403, { status: 'refused' });
        return;
    }

    const event = JSON.parse(body);
    const pr = event.pull_request;
    const ref = pr ? pr.base.ref : event.ref.replace(/^refs\/heads\//, '');
    const commit = pr ? pr.merge_commit_sha : event.after;
    const facts = { provider: 'github', event: r.headersIn['X-GitHub-Event'],
                    repo: event.repository.full_name, branch: ref,
                    commit: commit, sender: event.sender.login };

    if (facts.repo !== 'acme/api' || ref !== branch) {
        answer(r, 200, { status: 'ignored', events: [facts] });
        return;
    }

    const id = digest(body);
    const start = JSON.stringify({
        projectName: 'api-prod', sourceVersion: commit,
        environmentVariablesOverride: [
            { name: 'DEPLOYED_BY', value: facts.sender, type: 'PLAINTEXT' },
            { name: 'DEPLOY_DELIVERY', value: id, type: 'PLAINTEXT' }],
        idempotencyToken: id });

    sign(r, start);

    r.subrequest('/codebuild', { method: 'POST', body: start }, (res) => {
        if (res.status !== 200) {
            answer(r, 502, { status: 'failed' });
            return;
        }

        const build = JSON.parse(res.responseText).build;

        answer(r, 200, { status: 'started', events: [facts], builds: [
            { project: 'api-prod', id: build.id,
              number: build.buildNumber }] });
    });
}

function main(r) {
    deploy(r, 'main');
}

function production(r) {
    deploy(r, 'production');
}

export default { main, production };
