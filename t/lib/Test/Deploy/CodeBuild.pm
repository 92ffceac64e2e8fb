package Test::Deploy::CodeBuild;

# Copyright (C) ngx_deploy_module authors

# A stand-in of AWS CodeBuild that is stricter than the service: whatever a
# careful client would not send is a violation, answered as the service would
# and failing the test at its end.
#
#     my $cb = $t->codebuild();              # new(), credentials, variables
#     $cb->fault('api', 'ThrottlingException', 'ThrottlingException');
#     ...
#     is(scalar $cb->builds('api'), 1, 'one build');
#
# Options: region, account, credentials ([{ id, secret, token }]), tls (1),
# names (more names of the certificate),
# projects (the ones that exist; default: all), skew (of its clock, seconds),
# host (accepted values of Host besides the endpoint's), minted (1: knows the
# keys of Test::Deploy::Mint).
#
# Faults, for a project or for "*" (all): a code of an AWS error; a status
# (429, 500, 502, 503, 504: HTML as of a load balancer); or one of
#
#     throttle        ThrottlingException
#     namespaced      a throttling error as "com.amazonaws.codebuild#..."
#     header          a throttling error told by x-amzn-ErrorType alone
#     reset           closed by a reset, nothing done
#     hang            no answer for a minute, nothing done
#     close           closed without an answer, nothing done
#     started-reset   the build is started, then a reset
#     started-hang    the build is started, then no answer
#     truncated       half of the announced answer, then closed
#     badjson, empty, noid, nobuild, null
#                     200 with such a body; the build is started
#     noclose         no Content-Length, ended by closing
#     chunked         the answer in chunks
#     oversized       a valid answer of 1 MB
#     slow            the answer byte by byte
#     late            the answer after a second
#     ok              no fault: "throttle", "ok", "throttle"
#
# or a hash: { fault => 'late', seconds => 0.5, retry_after => 7,
# amz_retry_after => 300, message => '...', status => 500, date => time }.  A project that is named
# fault-NAME has that fault always, fault-NAME-xN the first N times.  The
# faults of ListBuildsForProject, BatchGetBuilds and StopBuild are those of a
# "project" of that name.

use warnings;
use strict;

use Fcntl qw(:flock);
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use B ();
use POSIX ();
use Socket qw(SOL_SOCKET SO_LINGER CRLF);
use Test::More ();
use Time::HiRes qw(sleep time);

use Test::Deploy::Mint ();
use Test::Deploy::SigV4 ();

my $JSON = JSON::PP->new->utf8->canonical->allow_nonref;

my $MAX_BODY = 1048576;

my %ERRORS = (
    InvalidInputException => [400, 'The value is invalid.'],
    ResourceNotFoundException => [400, 'Project cannot be found:'
        . ' arn:aws:codebuild:%REGION%:%ACCOUNT%:project/%PROJECT%'],
    AccountLimitExceededException => [400,
        'Cannot have more than 1 builds in queue for the account'],
    AccountSuspendedException => [400, 'The account is suspended.'],
    OAuthProviderException => [400, 'Could not access the provider.'],
    ResourceAlreadyExistsException => [400, 'It exists.'],
    ThrottlingException => [400, 'Rate exceeded'],
    RequestTimeout => [400, 'The body came too slowly.'],
    RequestTimeoutException => [400, 'The body came too slowly.'],
    InternalFailure => [500, undef],
    InternalServerError => [500, undef],
    ServiceUnavailable => [503, undef],
    ServiceUnavailableException => [503, undef],
    ExpiredTokenException => [400,
        'The security token included in the request is expired'],
    UnrecognizedClientException => [400,
        'The security token included in the request is invalid.'],
    InvalidSignatureException => [400, 'The request signature we calculated'
        . ' does not match the signature you provided. ...'],
    SignatureDoesNotMatch => [403, 'The signature does not match.'],
    RequestTimeTooSkewed => [403, 'The difference is too large.'],
    RequestExpired => [400, 'Request has expired.'],
    RequestInTheFuture => [400, 'Request is in the future.'],
    AuthFailure => [401, 'AWS was not able to validate the credentials.'],
    IncompleteSignatureException => [400, 'Authorization is incomplete.'],
    MissingAuthenticationTokenException => [400,
        'Missing Authentication Token'],
    AccessDeniedException => [400, 'User: arn:aws:sts::%ACCOUNT%:'
        . 'assumed-role/gw/s is not authorized to perform:'
        . ' codebuild:StartBuild on resource: arn:aws:codebuild:%REGION%:'
        . '%ACCOUNT%:project/%PROJECT% because no identity-based policy'
        . ' allows the codebuild:StartBuild action'],
    AccessDenied => [403, 'Access denied'],
    NotAuthorized => [400, 'Not authorized'],
    OptInRequired => [403, 'The region is not enabled.'],
    SerializationException => [400, undef],
    UnknownOperationException => [400, undef],
    ValidationException => [400, '1 validation error detected: Value failed'
        . ' to satisfy constraint'],
    LimitExceededException => [400, 'Limit exceeded'],
    TooManyRequestsException => [429, 'Too many requests'],
);

# members of StartBuild: type, lowest and highest (integers) or shortest
# (strings, lists)

my $STR = ['string'];
my $BOOL = ['bool'];

my $SOURCE = ['object', {
    type => ['string', 1], location => $STR, gitCloneDepth => ['int', 0],
    gitSubmodulesConfig => ['object', { fetchSubmodules => $BOOL },
                            ['fetchSubmodules']],
    buildspec => $STR, auth => ['object', { type => $STR, resource => $STR },
                                ['type']],
    reportBuildStatus => $BOOL, insecureSsl => $BOOL,
    sourceIdentifier => $STR,
    buildStatusConfig => ['object', { context => $STR, targetUrl => $STR }],
}, ['type']];

my $ARTIFACTS = ['object', {
    type => ['string', 1], location => $STR, path => $STR,
    namespaceType => $STR, name => $STR, packaging => $STR,
    overrideArtifactName => $BOOL, encryptionDisabled => $BOOL,
    artifactIdentifier => $STR, bucketOwnerAccess => $STR,
}, ['type']];

my %MEMBERS = (
    projectName => ['string', 1],
    sourceVersion => $STR,
    idempotencyToken => ['string', 1, 64],
    environmentVariablesOverride => ['list', ['object', {
        name => ['string', 1], value => $STR,
        type => ['enum', qw(PLAINTEXT PARAMETER_STORE SECRETS_MANAGER)],
    }, ['name', 'value']]],
    buildspecOverride => $STR,
    sourceTypeOverride => ['enum', qw(CODECOMMIT CODEPIPELINE GITHUB GITLAB
        GITLAB_SELF_MANAGED S3 BITBUCKET GITHUB_ENTERPRISE NO_SOURCE)],
    sourceLocationOverride => $STR,
    sourceAuthOverride => ['object', {
        type => ['enum', qw(OAUTH CODECONNECTIONS SECRETS_MANAGER)],
        resource => $STR }, ['type']],
    gitCloneDepthOverride => ['int', 0],
    gitSubmodulesConfigOverride => ['object', { fetchSubmodules => $BOOL },
                                    ['fetchSubmodules']],
    secondarySourcesOverride => ['list', $SOURCE, 12],
    secondarySourcesVersionOverride => ['list', ['object', {
        sourceIdentifier => $STR, sourceVersion => $STR },
        ['sourceIdentifier', 'sourceVersion']], 12],
    artifactsOverride => $ARTIFACTS,
    secondaryArtifactsOverride => ['list', $ARTIFACTS, 12],
    insecureSslOverride => $BOOL,
    reportBuildStatusOverride => $BOOL,
    privilegedModeOverride => $BOOL,
    debugSessionEnabled => $BOOL,
    buildStatusConfigOverride => ['object', { context => $STR,
                                              targetUrl => $STR }],
    environmentTypeOverride => ['string', 1],
    imageOverride => ['string', 1],
    serviceRoleOverride => ['string', 1],
    encryptionKeyOverride => ['string', 1],
    computeTypeOverride => ['string', 1],
    certificateOverride => $STR,
    cacheOverride => ['object', {
        type => ['enum', qw(NO_CACHE S3 LOCAL)], location => $STR,
        modes => ['list', $STR], cacheNamespace => $STR }, ['type']],
    timeoutInMinutesOverride => ['int', 5, 2160],
    queuedTimeoutInMinutesOverride => ['int', 5, 480],
    logsConfigOverride => ['object', {
        cloudWatchLogs => ['object', {
            status => ['enum', qw(ENABLED DISABLED)], groupName => $STR,
            streamName => $STR }, ['status']],
        s3Logs => ['object', {
            status => ['enum', qw(ENABLED DISABLED)], location => $STR,
            encryptionDisabled => $BOOL, bucketOwnerAccess => $STR },
            ['status']] }],
    registryCredentialOverride => ['object', {
        credential => ['string', 1],
        credentialProvider => ['enum', 'SECRETS_MANAGER'] },
        ['credential', 'credentialProvider']],
    imagePullCredentialsTypeOverride => ['enum', qw(CODEBUILD SERVICE_ROLE)],
    fleetOverride => ['object', { fleetArn => $STR }],
    autoRetryLimitOverride => ['int', 0],
    hostKernelOverride => ['string', 1],
);

my %OPERATIONS = (
    StartBuild => [\%MEMBERS, 'projectName'],
    ListBuildsForProject => [{
        projectName => ['string', 1], nextToken => $STR,
        sortOrder => ['enum', qw(ASCENDING DESCENDING)],
    }, 'projectName'],
    BatchGetBuilds => [{ ids => ['list', ['string', 1], 100] }, 'ids'],
    StopBuild => [{ id => ['string', 1] }, 'id'],
);

my %HEADERS = map { $_ => 1 } qw(
    host content-length content-type x-amz-date x-amz-target authorization
    x-amz-security-token x-amz-content-sha256 amz-sdk-invocation-id
    amz-sdk-request user-agent connection
);


###############################################################################
# the test's side


sub new {
    my ($class, $t, %opts) = @_;

    my $n = ++$t->{ncodebuild};

    my $self = bless {
        region => 'us-east-1',
        account => '123456789012',
        credentials => [{
            id => 'AKIDEXAMPLE',
            secret => 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
        }],
        skew => 0,
        %opts,
        dir => $t->path("codebuild$n"),
        port => Test::Deploy::free_port(),
        expected => [],
    }, $class;

    for my $dir ($self->{dir}, "$self->{dir}/tokens") {
        mkdir($dir) or die "can't create $dir: $!";
    }

    $self->save({ faults => {}, numbers => {}, requests => 0,
                  skew => $self->{skew}, skewed => $self->{skew} });
    $self->make_certificate() if $self->{tls};

    $self->start();

    return $self;
}


sub endpoint { return "http://127.0.0.1:$_[0]{port}" }

sub endpoint_tls { return "https://localhost:$_[0]{tls_port}" }

# the certificate to be trusted

sub ca_file { return "$_[0]{dir}/cert.pem" }

sub env {
    my ($self) = @_;

    my $c = $self->{credentials}[0];

    return {
        AWS_ACCESS_KEY_ID => $c->{id},
        AWS_SECRET_ACCESS_KEY => $c->{secret},
        AWS_SESSION_TOKEN => $c->{token},
        AWS_EC2_METADATA_DISABLED => 'true',
    };
}


# the next requests for a project meet these faults, one each

sub fault {
    my ($self, $project, @faults) = @_;

    $self->update(sub {
        push(@{ $_[0]{faults}{$project}{queue} }, @faults);
    });
}


# every request does; undef ends it

sub fault_always {
    my ($self, $project, $fault) = @_;

    $self->update(sub { $_[0]{faults}{$project}{always} = $fault });
}


# a build comes to an end: SUCCEEDED, FAILED, ...

sub over {
    my ($self, $id, $status) = @_;

    $self->update(sub { $_[0]{over}{$id} = $status });
}


# the ids of builds that were stopped, each time

sub stopped {
    my ($self) = @_;

    return map { $_->{json}{id} }
           grep { ($_->{operation} || '') eq 'StopBuild' } $self->requests();
}


# sets its clock, seconds ahead of the test's

sub skew {
    my ($self, $seconds) = @_;

    $self->update(sub { $_[0]{skew} = $seconds; $_[0]{skewed} = 1; });
}


# all that arrived, as hashes: method, target, version, headers (pairs), body,
# json, project, conn (number of the connection), tls, sni, time, fault,
# status, error, build (its id), violations

sub requests {
    my ($self, $project) = @_;

    return grep { !defined $project || ($_->{project} || '') eq $project }
           $self->lines('requests');
}


# the builds that were started: id, project, number, token, request, env
# (name => value), env_types

sub builds {
    my ($self, $project) = @_;

    return grep { !defined $project || $_->{project} eq $project }
           $self->lines('builds');
}


sub violations {
    my ($self) = @_;

    my @found;

    for my $request ($self->requests()) {
        push(@found, map { "request $request->{n}: $_" }
                     @{ $request->{violations} });
    }

    push(@found, $self->lines('broken'));

    return grep { my $v = $_; !grep { $v =~ $_ } @{ $self->{expected} } }
           @found;
}


# violations that this test provokes

sub expect {
    my ($self, @patterns) = @_;

    push(@{ $self->{expected} }, @patterns);
}


sub wait_requests {
    my ($self, $n, $timeout) = @_;

    return Test::Deploy::wait_for(sub { $self->requests() >= $n },
                                  "$n requests at CodeBuild", $timeout);
}


sub wait_builds {
    my ($self, $n, $timeout) = @_;

    return Test::Deploy::wait_for(sub { $self->builds() >= $n },
                                  "$n builds", $timeout);
}


sub check {
    my ($self) = @_;

    my @violations = $self->violations();

    Test::More::ok(!@violations, 'CodeBuild: no violation')
        or Test::More::diag(join("\n", @violations));
}


# CodeBuild forgets the tokens, as it does after five minutes

sub forget {
    my ($self) = @_;

    $self->locked(sub { unlink(glob("$self->{dir}/tokens/*")) });
}


# a build goes on: members that BatchGetBuilds has of it from now on; without
# any it is forgotten

sub change {
    my ($self, $id, %members) = @_;

    $self->update(sub {
        $_[0]{changes}{$id} = %members ? \%members : undef;
    });
}


# start() and stop(): an outage; the port stays the same

sub start {
    my ($self) = @_;

    my @listen = ($self->listen_on($self->{port}));

    if ($self->{tls}) {
        $self->{tls_port} ||= Test::Deploy::free_port();

        push(@listen, $self->listen_on($self->{tls_port}));
    }

    my $pid = fork();
    die "fork() failed: $!" unless defined $pid;

    if ($pid == 0) {
        setpgrp(0, 0);
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);

        eval { $self->serve(@listen) };
        POSIX::_exit(0);
    }

    # in both, whoever is first
    POSIX::setpgid($pid, $pid);

    $self->{pid} = $pid;
}


sub listen_on {
    my ($self, $port) = @_;

    return IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port,
                                 Proto => 'tcp', Listen => 511,
                                 ReuseAddr => 1)
           || die "can't listen on $port: $!";
}


sub stop {
    my ($self) = @_;

    return unless $self->{pid};

    kill('KILL', -$self->{pid});
    waitpid($self->{pid}, 0);

    $self->{pid} = 0;
}


sub make_certificate {
    my ($self) = @_;

    my $dir = $self->{dir};
    my $names = join(',', map { "DNS:$_" } 'localhost',
                     "codebuild.$self->{region}.amazonaws.com",
                     @{ $self->{names} || [] });

    require IO::Socket::SSL;

    my $out = `openssl req -x509 -newkey rsa:2048 -nodes -days 2 \\
        -subj /CN=localhost -keyout $dir/key.pem -out $dir/cert.pem \\
        -addext 'subjectAltName=$names,IP:127.0.0.1' 2>&1`;

    die "openssl: $out" if $?;
}


###############################################################################
# state, shared by the processes: one JSON file under a lock, and JSON lines


sub locked {
    my ($self, $code) = @_;

    open(my $lock, '>>', "$self->{dir}/lock") or die "lock: $!";
    flock($lock, LOCK_EX) or die "lock: $!";

    return $code->();
}


sub save {
    my ($self, $state) = @_;

    open(my $fh, '>', "$self->{dir}/state.new") or die "state: $!";
    print $fh $JSON->encode($state);
    close($fh) or die "state: $!";

    rename("$self->{dir}/state.new", "$self->{dir}/state") or die "state: $!";
}


sub update {
    my ($self, $code) = @_;

    return $self->locked(sub {
        my $state = $self->state();
        my $rc = $code->($state);

        $self->save($state);

        return $rc;
    });
}


# a look at it, which changes nothing

sub state {
    my ($self) = @_;

    open(my $fh, '<', "$self->{dir}/state") or die "state: $!";
    local $/;

    return $JSON->decode(scalar <$fh>);
}


sub append {
    my ($self, $name, $record) = @_;

    my $line = $JSON->encode($record) . "\n";

    $self->locked(sub {
        open(my $fh, '>>', "$self->{dir}/$name.jsonl") or die "$name: $!";
        syswrite($fh, $line);
        close($fh);
    });
}


sub lines {
    my ($self, $name) = @_;

    open(my $fh, '<', "$self->{dir}/$name.jsonl") or return ();
    local $/ = "\n";

    return map { $JSON->decode($_) } grep { /\n\z/ } <$fh>;
}


###############################################################################
# the server: a process for each connection


sub serve {
    my ($self, @listen) = @_;

    local $SIG{CHLD} = 'IGNORE';
    local $SIG{PIPE} = 'IGNORE';

    my $select = IO::Select->new(@listen);
    my $conn = 0;
    my $parent = getppid();

    while (getppid() == $parent) {
        for my $listen ($select->can_read(1)) {
            my $s = $listen->accept() or next;

            $conn++;

            my $pid = fork();
            next if !defined $pid || $pid;

            srand();

            eval { $self->connection($s, $conn, $listen != $listen[0]) };

            if ($@) {
                my $error = $@;
                eval { $self->append('broken', "stand-in: $error") };
            }

            POSIX::_exit(0);
        }
    }
}


sub connection {
    my ($self, $s, $conn, $tls) = @_;

    my $sni;

    binmode($s);
    $s->autoflush(1);

    if ($tls) {
        my $ok = IO::Socket::SSL->start_SSL($s, SSL_server => 1,
            SSL_cert_file => "$self->{dir}/cert.pem",
            SSL_key_file => "$self->{dir}/key.pem",
            Timeout => 10);
        return unless $ok;

        $sni = $s->get_servername();
    }

    my $buf = '';

    while (1) {
        my $request = $self->read_request($s, \$buf);
        return unless $request;

        $request->{conn} = $conn;
        $request->{time} = time();

        if ($tls) {
            $request->{tls} = 1;
            $request->{sni} = $sni;
        }

        return unless $self->handle($s, $request);
    }
}


sub read_more {
    my ($s, $buf, $timeout) = @_;

    if (!(ref($s) eq 'IO::Socket::SSL' && $s->pending())) {
        return 0 unless IO::Select->new($s)->can_read($timeout);
    }

    return sysread($s, $$buf, 65536, length($$buf));
}


sub read_request {
    my ($self, $s, $buf) = @_;

    while ($$buf !~ /\x0d\x0a\x0d\x0a/) {
        my $n = read_more($s, $buf, 75);
        return undef unless $n;
        last if length($$buf) > 65536;
    }

    my ($head, $rest) = split(/\x0d\x0a\x0d\x0a/, $$buf, 2);
    my ($line, @lines) = split(/\x0d\x0a/, $head);
    my @violations;

    my $request = { headers => [], violations => \@violations, body => '' };

    if ($line =~ m!^([A-Z]+) (\S+) (HTTP/1\.[01])\z!) {
        @$request{qw(method target version)} = ($1, $2, $3);

    } else {
        @$request{qw(method target version)} = ('', '', '');
        push(@violations, "malformed request line \"$line\"");
    }

    for (@lines) {
        if (/^([!#\$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*?)[ \t]*\z/) {
            push(@{ $request->{headers} }, [$1, $2]);

        } else {
            push(@violations, "malformed header \"$_\"");
        }
    }

    my @length = map { $_->[1] } grep { lc $_->[0] eq 'content-length' }
                 @{ $request->{headers} };

    if (@length != 1 || $length[0] !~ /^\d{1,9}\z/) {
        push(@violations, 'one Content-Length is expected');
        @length = (0);
    }

    $$buf = defined $rest ? $rest : '';

    if ($length[0] > $MAX_BODY) {
        push(@violations, "body of $length[0] bytes");
        return $request;
    }

    while (length($$buf) < $length[0]) {
        my $n = read_more($s, $buf, 10);

        if (!$n) {
            # a connection given up in the middle is for the test to judge
            $self->append('partial', $request);
            return undef;
        }
    }

    $request->{body} = substr($$buf, 0, $length[0], '');

    push(@violations, 'more bytes than Content-Length') if length($$buf);

    return $request;
}


###############################################################################
# what is checked


# [code, violation], or nothing

sub check_request {
    my ($self, $request) = @_;

    my (%header, %count);

    for (@{ $request->{headers} }) {
        $header{lc $_->[0]} = $_->[1];
        $count{lc $_->[0]}++;
    }

    my $violations = $request->{violations};

    push(@$violations, "$request->{version}, not HTTP/1.1")
        if $request->{version} ne 'HTTP/1.1';

    for my $name (sort keys %count) {
        push(@$violations, "unexpected header $name") if !$HEADERS{$name};
        push(@$violations, "header $name $count{$name} times")
            if $count{$name} > 1;
    }

    push(@$violations, "Connection: $header{connection}")
        if defined $header{connection}
           && $header{connection} !~ /^(?:close|keep-alive)\z/i;

    my @hosts = ("127.0.0.1:$self->{port}", "localhost:$self->{port}",
                 "codebuild.$self->{region}.amazonaws.com");
    push(@hosts, "127.0.0.1:$self->{tls_port}", "localhost:$self->{tls_port}")
        if $self->{tls_port};
    push(@hosts, ref($self->{host}) ? @{ $self->{host} } : $self->{host})
        if $self->{host};

    my $host = defined $header{host} ? $header{host} : '';

    push(@$violations, "Host: $host") if !grep { $_ eq $host } @hosts;

    return ['UnknownOperationException', "method $request->{method}"]
        if $request->{method} ne 'POST';

    return ['UnknownOperationException', "target $request->{target}"]
        if $request->{target} ne '/';

    my $type = $header{'content-type'};
    $type = 'none' unless defined $type;

    return ['UnknownOperationException', "Content-Type $type"]
        if $type ne 'application/x-amz-json-1.1';

    my $operation = $header{'x-amz-target'};
    $operation = 'none' unless defined $operation;

    return ['UnknownOperationException', "X-Amz-Target $operation"]
        if $operation !~ /^CodeBuild_20161006\.(\w+)\z/ || !$OPERATIONS{$1};

    $request->{operation} = $1;

    my @keys = @{ $self->{credentials} };

    my ($id) = ($header{authorization} || '') =~ /Credential=([^\/]+)/;
    my $minted = $self->{minted} && Test::Deploy::Mint::minted($id);

    push(@keys, $minted) if $minted;
    $request->{key} = $id;

    my ($code, $text) = Test::Deploy::SigV4::verify($request,
        credentials => { map { $_->{id} => $_->{secret} } @keys },
        tokens => { map { $_->{id} => $_->{token} } @keys },
        region => $self->{region}, service => 'codebuild',
        now => time() + $self->{skew});

    # no fault of the client, who may not know yet
    return ['ExpiredTokenException', undef,
            'The security token included in the request is expired']
        if !defined $code && $minted
           && $minted->{expires} <= time() + $self->{skew};

    if (defined $code) {
        # a clock that is wrong on purpose is no fault of the client
        my $skewed = $text =~ /expired|not yet current/ && $self->{skewed};

        return [$code, $skewed ? undef : $text, $text];
    }

    return $self->check_body($request);
}


sub check_body {
    my ($self, $request) = @_;

    my $json = eval { $JSON->decode($request->{body}) };

    return ['SerializationException', 'the body is not JSON']
        if ref($json) ne 'HASH';

    $request->{json} = $json;
    $request->{project} = $json->{projectName}
        if defined $json->{projectName} && !ref($json->{projectName});

    my ($members, @required) = @{ $OPERATIONS{$request->{operation}} };

    my ($code, $text) = check_type($json, ['object', $members, \@required],
                                   '');
    return [$code, $text] if defined $code;

    return () if $request->{operation} =~ /^(?:BatchGetBuilds|StopBuild)\z/;

    return ['InvalidInputException', 'projectName']
        if $json->{projectName}
           !~ /^(?:arn:[\w:\/\-]+|[A-Za-z0-9][A-Za-z0-9\-_]{1,254})\z/;

    return () if $request->{operation} ne 'StartBuild';

    push(@{ $request->{violations} }, 'no idempotencyToken')
        if !defined $json->{idempotencyToken};

    my %seen;

    for my $env (@{ $json->{environmentVariablesOverride} || [] }) {
        return ['InvalidInputException', "variable $env->{name} twice"]
            if $seen{$env->{name}}++;

        return ['InvalidInputException', "variable $env->{name} is reserved"]
            if $env->{name} =~ /^CODEBUILD_/;

        return ['InvalidInputException', "variable name \"$env->{name}\""]
            if $env->{name} !~ /^[A-Za-z_][A-Za-z0-9_]*\z/;

        return ['InvalidInputException', "variable $env->{name} holds NUL"]
            if $env->{value} =~ /\0/;
    }

    return ();
}


sub is_number {
    my $flags = B::svref_2object(\$_[0])->FLAGS;

    return !($flags & B::SVf_POK())
           && ($flags & (B::SVf_IOK() | B::SVf_NOK()));
}


# (code, text), or nothing

sub check_type {
    my ($value, $type, $path) = @_;

    my ($name, @args) = @$type;
    my $wrong = "$path is no $name";

    if ($name eq 'bool') {
        return JSON::PP::is_bool($value) ? ()
                                         : ('SerializationException', $wrong);
    }

    if ($name eq 'object') {
        return ('SerializationException', $wrong || 'no object')
            if ref($value) ne 'HASH';

        my ($members, $required) = @args;

        for my $key (sort keys %$value) {
            return ('ValidationException', "unknown member $path.$key")
                if !$members->{$key};

            my ($code, $text) = check_type($value->{$key}, $members->{$key},
                                           "$path.$key");
            return ($code, $text) if defined $code;
        }

        for my $key (@{ $required || [] }) {
            return ('ValidationException', "no member $path.$key")
                if !defined $value->{$key};
        }

        return ();
    }

    if ($name eq 'list') {
        return ('SerializationException', $wrong) if ref($value) ne 'ARRAY';

        return ('ValidationException', "$path is too long")
            if defined $args[1] && @$value > $args[1];

        for my $n (0 .. $#$value) {
            my ($code, $text) = check_type($value->[$n], $args[0],
                                           "$path\[$n]");
            return ($code, $text) if defined $code;
        }

        return ();
    }

    return ('SerializationException', $wrong)
        if !defined $value || ref($value);

    if ($name eq 'int') {
        return ('SerializationException', $wrong)
            if !is_number($value) || $value != int($value);

        return ('ValidationException', "$path is out of range")
            if $value < $args[0] || defined $args[1] && $value > $args[1];

        return ();
    }

    return ('SerializationException', "$path is no string")
        if is_number($value);

    if ($name eq 'enum') {
        return (grep { $_ eq $value } @args)
               ? () : ('ValidationException', "$path is \"$value\"");
    }

    return ('ValidationException', "$path is too short")
        if defined $args[0] && length($value) < $args[0];

    return ('ValidationException', "$path is too long")
        if defined $args[1] && length($value) > $args[1];

    return ();
}


###############################################################################
# what is answered


# 1 when the connection may be used again

sub handle {
    my ($self, $s, $request) = @_;

    @$self{qw(skew skewed)} = @{ $self->state() }{qw(skew skewed)};

    my $refused = $self->check_request($request);
    my $project = $request->{project};

    my $answer = $self->update(sub {
        my ($state) = @_;

        $request->{n} = ++$state->{requests};

        if ($refused) {
            push(@{ $request->{violations} }, $refused->[1])
                if defined $refused->[1];

            return { error => $refused->[0],
                     message => defined $refused->[2] ? $refused->[2]
                                                      : $refused->[1] };
        }

        my $operation = $request->{operation};
        my $fault = $self->next_fault($state, $operation eq 'StartBuild'
                                              ? $project : $operation);

        return $self->decide($state, $request, $fault);
    });

    $request->{fault} = $answer->{name} if defined $answer->{name};
    $request->{error} = $answer->{error} if defined $answer->{error};
    $request->{build} = $answer->{build}{id} if $answer->{build};

    my ($status, $headers, $body) = $self->compose($request, $answer);

    $request->{status} = $status;

    $self->append('requests', $request);

    return $self->reply($s, $request, $answer, $status, $headers, $body);
}


# the fault of a request as a hash, {} for none

sub next_fault {
    my ($self, $state, $project) = @_;

    for my $name ($project, '*') {
        my $f = $state->{faults}{$name} or next;
        my $fault;

        if (@{ $f->{queue} || [] }) {
            $fault = shift(@{ $f->{queue} });

        } else {
            $fault = $f->{always};
        }

        next unless defined $fault;

        return ref($fault) ? $fault : { fault => $fault };
    }

    if ($project =~ /^fault-(.+?)(?:-x(\d+))?\z/) {
        my ($name, $times) = ($1, $2);

        return {} if defined $times
                     && $state->{numbers}{"fault $project"}++ >= $times;

        return { fault => $name };
    }

    return {};
}


# what is done with a request that is well formed and signed

sub decide {
    my ($self, $state, $request, $fault) = @_;

    my $name = $fault->{fault};
    my $json = $request->{json};
    my $answer = { %$fault, name => $name };

    if (defined $name && $name eq 'ok') {
        delete $answer->{name};
        $name = undef;
    }

    if (defined $name) {
        $answer->{name} = $name;

        if ($name eq 'throttle' || $name eq 'namespaced' || $name eq 'header')
        {
            $answer->{error} = 'ThrottlingException';
            return $answer;
        }

        if ($ERRORS{$name}) {
            $answer->{error} = $name;
            return $answer;
        }

        if ($name =~ /^\d{3}\z/) {
            $answer->{html} = $name;
            return $answer;
        }

        return $answer if $name =~ /^(?:reset|hang|close)\z/;

        if ($name !~ /^(?:started-reset|started-hang|truncated|badjson|empty
                         |noid|nobuild|null|noclose|chunked|oversized|slow
                         |late)\z/x)
        {
            push(@{ $request->{violations} }, "unknown fault $name");
            return $answer;
        }
    }

    return { %$answer, json => $self->list_builds($json) }
        if $request->{operation} eq 'ListBuildsForProject';

    return { %$answer, json => $self->get_builds($state, $json) }
        if $request->{operation} eq 'BatchGetBuilds';

    return { %$answer, %{ $self->stop_build($state, $json) } }
        if $request->{operation} eq 'StopBuild';

    if ($self->{projects}
        && !grep { $_ eq $json->{projectName} } @{ $self->{projects} })
    {
        return { %$answer, error => 'ResourceNotFoundException' };
    }

    my $token = $json->{idempotencyToken};

    if (defined $token) {
        my $old = $self->token($token);

        if ($old && $old->{time} > time() - 300) {
            if ($old->{request} ne $JSON->encode($json)) {
                push(@{ $request->{violations} },
                     'one idempotencyToken, other parameters');

                return { %$answer, error => 'InvalidInputException',
                         message => 'Idempotency parameter mismatch' };
            }

            return { %$answer, build => $old->{build}, again => 1 };
        }
    }

    my $build = $self->build($state, $json);

    $self->token($token, {
        time => time(), request => $JSON->encode($json), build => $build,
    }) if defined $token;

    my $env = $json->{environmentVariablesOverride} || [];

    # the lock is held already
    open(my $fh, '>>', "$self->{dir}/builds.jsonl") or die "builds: $!";
    syswrite($fh, $JSON->encode({
        id => $build->{id}, project => $json->{projectName},
        number => $build->{buildNumber}, token => $token, request => $json,
        env => { map { $_->{name} => $_->{value} } @$env },
        env_types => { map { $_->{name} => $_->{type} || 'PLAINTEXT' }
                       @$env },
        time => time(), build => $build,
    }) . "\n");
    close($fh);

    return { %$answer, build => $build };
}


# what is known of a token, a file for each: the state stays small

sub token {
    my ($self, $token, $known) = @_;

    my $name = "$self->{dir}/tokens/" . unpack('H*', $token);

    if ($known) {
        open(my $fh, '>', $name) or die "token: $!";
        print $fh $JSON->encode($known);
        return close($fh);
    }

    open(my $fh, '<', $name) or return undef;
    local $/;

    return $JSON->decode(scalar <$fh>);
}


# pages of 100, the newest first

sub list_builds {
    my ($self, $json) = @_;

    my @ids = map { $_->{id} } reverse($self->builds($json->{projectName}));
    my $from = $json->{nextToken} || 0;
    my $to = $from + 99;

    return { ids => [grep { defined } @ids[$from .. $to]],
             ($to < $#ids ? (nextToken => $to + 1) : ()) };
}


sub get_builds {
    my ($self, $state, $json) = @_;

    my $changes = $state->{changes} || {};
    my %builds = map { $_->{id} => { %{ $_->{build} },
                                     %{ $changes->{ $_->{id} } || {} } } }
                 grep { !exists $changes->{ $_->{id} }
                        || $changes->{ $_->{id} } } $self->builds();
    my @ids = @{ $json->{ids} };

    return { builds => [map { $builds{$_} } grep { $builds{$_} } @ids],
             buildsNotFound => [grep { !$builds{$_} } @ids] };
}


# a build that is over stays what it is

sub stop_build {
    my ($self, $state, $json) = @_;

    my ($build) = map { $_->{build} } grep { $_->{id} eq $json->{id} }
                  $self->builds();

    return { error => 'ResourceNotFoundException',
             message => "Build $json->{id} cannot be found" } if !$build;

    my $status = $state->{over}{$json->{id}} ||= 'STOPPED';

    return { json => { build => { %$build, buildStatus => $status,
                                  buildComplete => JSON::PP::true,
                                  currentPhase => 'COMPLETED' } } };
}


sub build {
    my ($self, $state, $json) = @_;

    my ($region, $account) = ($self->{region}, $self->{account});
    my $project = $json->{projectName};
    my $number = ++$state->{numbers}{"build $project"};

    my $uuid = sprintf('%08x-%04x-4%03x-8%03x-%012x', rand(2 ** 32),
                       rand(2 ** 16), rand(2 ** 12), rand(2 ** 12),
                       rand(2 ** 48));
    my $id = "$project:$uuid";
    my $now = sprintf('%.3f', time()) + 0;

    return {
        id => $id,
        arn => "arn:aws:codebuild:$region:$account:build/$id",
        buildNumber => $number,
        startTime => $now,
        currentPhase => 'QUEUED',
        buildStatus => 'IN_PROGRESS',
        projectName => $project,
        (defined $json->{sourceVersion}
            ? (sourceVersion => $json->{sourceVersion}) : ()),
        phases => [
            { phaseType => 'SUBMITTED', phaseStatus => 'SUCCEEDED',
              startTime => $now, endTime => $now, durationInSeconds => 0 },
            { phaseType => 'QUEUED', startTime => $now },
        ],
        source => { type => 'GITHUB', gitCloneDepth => 1,
                    location => "https://github.com/acme/$project.git",
                    gitSubmodulesConfig => {
                        fetchSubmodules => JSON::PP::false },
                    reportBuildStatus => JSON::PP::false,
                    insecureSsl => JSON::PP::false },
        secondarySources => [],
        secondarySourceVersions => [],
        artifacts => { location => '' },
        secondaryArtifacts => [],
        cache => { type => 'NO_CACHE' },
        environment => {
            type => 'LINUX_CONTAINER', image => 'aws/codebuild/standard:7.0',
            computeType => 'BUILD_GENERAL1_SMALL',
            environmentVariables => [
                map { { name => $_->{name}, value => $_->{value},
                        type => $_->{type} || 'PLAINTEXT' } }
                @{ $json->{environmentVariablesOverride} || [] }
            ],
            privilegedMode => JSON::PP::false,
            imagePullCredentialsType => 'CODEBUILD',
        },
        serviceRole => "arn:aws:iam::$account:role/service-role/$project",
        logs => {
            deepLink => 'https://console.aws.amazon.com/cloudwatch/home'
                . "?region=$region#logEvent:group=null;stream=null",
            cloudWatchLogsArn => "arn:aws:logs:$region:$account:log-group:"
                . 'null:log-stream:null',
        },
        timeoutInMinutes => $json->{timeoutInMinutesOverride} || 60,
        queuedTimeoutInMinutes =>
            $json->{queuedTimeoutInMinutesOverride} || 480,
        buildComplete => JSON::PP::false,
        initiator => 'gateway',
        encryptionKey => "arn:aws:kms:$region:$account:alias/aws/s3",
    };
}


sub http_date {
    my ($time) = @_;

    my @t = gmtime($time);

    return sprintf('%s, %02d %s %d %02d:%02d:%02d GMT',
                   (qw(Sun Mon Tue Wed Thu Fri Sat))[$t[6]], $t[3],
                   (qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov
                       Dec))[$t[4]], $t[5] + 1900, $t[2], $t[1], $t[0]);
}


# (status, headers, body)

sub compose {
    my ($self, $request, $answer) = @_;

    my $name = defined $answer->{name} ? $answer->{name} : '';

    my @headers = (
        'x-amzn-RequestId: ' . sprintf('%08x-0000-4000-8000-%012x',
                                       $request->{n}, time()),
        'Date: ' . http_date(defined $answer->{date} ? $answer->{date}
                                                     : time()
                                                       + $self->{skew}),
    );

    push(@headers, "Retry-After: $answer->{retry_after}")
        if defined $answer->{retry_after};

    push(@headers, "x-amz-retry-after: $answer->{amz_retry_after}")
        if defined $answer->{amz_retry_after};

    if (defined $answer->{html}) {
        return ($answer->{html}, [@headers, 'Content-Type: text/html'],
                "<html><body><h1>$answer->{html}</h1></body></html>\n");
    }

    push(@headers, 'Content-Type: application/x-amz-json-1.1');

    if (defined $answer->{error}) {
        my ($status, $message) = @{ $ERRORS{$answer->{error}}
                                    || [400, undef] };

        $status = $answer->{status} if defined $answer->{status};
        $message = $answer->{message} if defined $answer->{message};

        if (defined $message) {
            my $project = defined $request->{project} ? $request->{project}
                                                      : '';
            $message =~ s/%REGION%/$self->{region}/g;
            $message =~ s/%ACCOUNT%/$self->{account}/g;
            $message =~ s/%PROJECT%/$project/g;
        }

        my %body;
        $body{message} = $message if defined $message;

        if ($name eq 'header') {
            push(@headers, "x-amzn-ErrorType: $answer->{error}:"
                 . 'http://internal.amazon.com/coral/');

        } elsif ($name eq 'namespaced') {
            $body{__type} = "com.amazonaws.codebuild#$answer->{error}";

        } else {
            $body{__type} = $answer->{error};
        }

        return ($status, \@headers, $JSON->encode(\%body));
    }

    my $body = $answer->{json} ? $JSON->encode($answer->{json})
               : $answer->{build}
                     ? $JSON->encode({ build => $answer->{build} }) : '';

    if ($name eq 'badjson') {
        $body = substr($body, 0, int(length($body) / 2));

    } elsif ($name eq 'empty') {
        $body = '';

    } elsif ($name eq 'noid') {
        my %build = %{ $answer->{build} };
        delete $build{id};
        $body = $JSON->encode({ build => \%build });

    } elsif ($name eq 'nobuild') {
        $body = '{}';

    } elsif ($name eq 'null') {
        $body = '{"build":null}';

    } elsif ($name eq 'oversized') {
        $body = $JSON->encode({ build => $answer->{build},
                                padding => 'x' x 1048576 });
    }

    return (200, \@headers, $body);
}


sub put {
    my ($s, $data) = @_;

    while (length($data)) {
        my $n = syswrite($s, $data, 16384);
        return 0 unless $n;
        substr($data, 0, $n) = '';
    }

    return 1;
}


sub reply {
    my ($self, $s, $request, $answer, $status, $headers, $body) = @_;

    my $name = defined $answer->{name} ? $answer->{name} : '';

    if ($name =~ /reset\z/) {
        setsockopt($s, SOL_SOCKET, SO_LINGER, pack('II', 1, 0));

        # without a close notify
        $s->close(SSL_no_shutdown => 1, SSL_ctx_free => 1)
            if ref($s) eq 'IO::Socket::SSL';
        close($s);
        return 0;
    }

    return 0 if $name eq 'close';

    if ($name =~ /hang\z/) {
        # until the client gives up
        my $buf = '';
        read_more($s, \$buf, $answer->{seconds} || 60);
        return 0;
    }

    sleep(defined $answer->{seconds} ? $answer->{seconds} : 1)
        if $name eq 'late';

    my $close = grep { lc $_->[0] eq 'connection' && lc $_->[1] eq 'close' }
                @{ $request->{headers} };

    my %reason = (200 => 'OK', 400 => 'Bad Request', 401 => 'Unauthorized',
                  403 => 'Forbidden', 429 => 'Too Many Requests',
                  500 => 'Internal Server Error', 502 => 'Bad Gateway',
                  503 => 'Service Unavailable', 504 => 'Gateway Timeout');

    my $head = "HTTP/1.1 $status " . ($reason{$status} || 'Error') . CRLF
               . join('', map { $_ . CRLF } @$headers);

    if ($name eq 'noclose') {
        put($s, $head . 'Connection: close' . CRLF . CRLF . $body);
        return 0;
    }

    if ($name eq 'chunked') {
        my $text = '';

        while (length($body)) {
            my $part = substr($body, 0, 100, '');
            $text .= sprintf('%x', length($part)) . CRLF . $part . CRLF;
        }

        put($s, $head . 'Transfer-Encoding: chunked' . CRLF . CRLF . $text
            . '0' . CRLF . CRLF);

        return !$close;
    }

    $head .= 'Content-Length: ' . length($body) . CRLF;
    $head .= 'Connection: close' . CRLF if $close;
    $head .= CRLF;

    if ($name eq 'truncated') {
        put($s, $head . substr($body, 0, int(length($body) / 2)));
        return 0;
    }

    if ($name eq 'slow') {
        my $pause = defined $answer->{seconds} ? $answer->{seconds} : 0.002;

        for my $byte (split(//, $head . $body)) {
            put($s, $byte) or return 0;
            sleep($pause);
        }

        return !$close;
    }

    put($s, $head . $body) or return 0;

    return !$close;
}


1;
