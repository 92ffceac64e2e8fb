-- Copyright (C) ngx_deploy_module authors

-- The same job by a recipe for OpenResty: what "make bench" compares with.
-- It is as fast as such a recipe gets: OpenSSL by the FFI, the day's key kept.

local cjson = require("cjson.safe")
local ffi = require("ffi")
local crypto = ffi.load("libcrypto.so.3")

ffi.cdef[[
    const void *EVP_sha256(void);
    int EVP_Digest(const void *data, size_t n, unsigned char *out,
                   unsigned int *size, const void *type, void *impl);
    unsigned char *HMAC(const void *md, const void *key, int len,
                        const unsigned char *d, size_t n,
                        unsigned char *out, unsigned int *size);
]]

local sha256 = crypto.EVP_sha256()
local out = ffi.new("unsigned char[32]")
local keys = {}

local function hex(s)
    return (s:gsub(".", function(c)
        return string.format("%02x", c:byte())
    end))
end

local function hmac(key, data)
    crypto.HMAC(sha256, key, #key, data, #data, out, nil)
    return ffi.string(out, 32)
end

local function digest(data)
    crypto.EVP_Digest(data, #data, out, nil, sha256, nil)
    return ffi.string(out, 32)
end

local function equal(a, b)
    if #a ~= #b then
        return false
    end

    local n = 0

    for i = 1, #a do
        n = bit.bor(n, bit.bxor(a:byte(i), b:byte(i)))
    end

    return n == 0
end

local function answer(code, value)
    ngx.status = code
    ngx.header["Content-Type"] = "application/json"
    ngx.print(cjson.encode(value), "\n")
end

local function sign(body)
    local now = os.date("!%Y%m%dT%H%M%SZ", ngx.time())
    local day = now:sub(1, 8)
    local host = ngx.var.standin
    local target = "CodeBuild_20161006.StartBuild"
    local scope = day .. "/us-east-1/codebuild/aws4_request"
    local headers = "content-type;host;x-amz-date;x-amz-target"

    local request = table.concat({
        "POST", "/", "", "content-type:application/x-amz-json-1.1",
        "host:" .. host, "x-amz-date:" .. now, "x-amz-target:" .. target,
        "", headers, hex(digest(body)) }, "\n")

    if not keys[day] then
        local key = hmac("AWS4" .. os.getenv("AWS_SECRET_ACCESS_KEY"), day)
        key = hmac(key, "us-east-1")
        key = hmac(key, "codebuild")
        keys = { [day] = hmac(key, "aws4_request") }
    end

    local signature = hex(hmac(keys[day], table.concat({
        "AWS4-HMAC-SHA256", now, scope, hex(digest(request)) }, "\n")))

    ngx.var.amz_date = now
    ngx.var.amz_authorization = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"
        .. scope .. ", SignedHeaders=" .. headers .. ", Signature="
        .. signature
end

return function(branch)
    ngx.req.read_body()

    local body = ngx.req.get_body_data()
    local h = ngx.req.get_headers()
    local got = h["X-Hub-Signature-256"]

    if type(got) ~= "string" or not body
        or not equal(got, "sha256=" .. hex(hmac(ngx.var.secret, body)))
    then
        return answer(403, { status = "refused" })
    end

    local event = cjson.decode(body)

    if type(event) ~= "table" then
        return answer(400, { status = "failed" })
    end

    local pr = event.pull_request
    local ref = pr and pr.base.ref or (event.ref or ""):gsub("^refs/heads/", "")
    local commit = pr and pr.merge_commit_sha or event.after
    local facts = { provider = "github", event = h["X-GitHub-Event"],
                    repo = event.repository.full_name, branch = ref,
                    commit = commit, sender = event.sender.login }

    if facts.repo ~= "acme/api" or ref ~= branch then
        return answer(200, { status = "ignored", events = { facts } })
    end

    local id = hex(digest(body))
    local start = cjson.encode({
        projectName = "api-prod", sourceVersion = commit,
        environmentVariablesOverride = {
            { name = "DEPLOYED_BY", value = facts.sender, type = "PLAINTEXT" },
            { name = "DEPLOY_DELIVERY", value = id, type = "PLAINTEXT" } },
        idempotencyToken = id })

    sign(start)

    local res = ngx.location.capture("/codebuild",
        { method = ngx.HTTP_POST, body = start, share_all_vars = true })

    local reply = cjson.decode(res.body)

    if res.status ~= 200 or not reply then
        return answer(502, { status = "failed" })
    end

    answer(200, { status = "started", events = { facts }, builds = {
        { project = "api-prod", id = reply.build.id,
          number = reply.build.buildNumber } } })
end
