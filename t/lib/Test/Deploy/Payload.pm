package Test::Deploy::Payload;

# Copyright (C) ngx_deploy_module authors

# Small deliveries of our own as JSON texts: what a test is about is given,
# the rest is filled in.
#
#     my $body = merge(branch => 'main', commit => 'a' x 40);
#     my $r = deliver('/hook', 'pull_request', $body);

use warnings;
use strict;

use Exporter qw(import);
use JSON::PP ();

use Test::Deploy;
use Test::Deploy::Sign;

our @EXPORT = qw(merge pull push_branch push_tag ref_event release ping
                 bitbucket deliver deliver_bitbucket fresh json
                 $SECRET $COMMIT);

our $SECRET = '0123456789abcdef0123456789abcdef';
our $COMMIT = '1234567890abcdef1234567890abcdef12345678';

my $JSON = JSON::PP->new->utf8->canonical;
my $NONE = '0' x 40;


sub json { return $JSON->encode($_[0]) }


# GitHub's pull_request: action, merged, repo, branch, source, title, sender,
# number, commit

sub pull {
    my (%p) = (action => 'opened', merged => 0, repo => 'acme/api',
               branch => 'main', source => 'fix', title => 'Fix it',
               sender => 'ann', number => 7, commit => $COMMIT, @_);

    return json({
        action => $p{action},
        number => $p{number},
        pull_request => {
            number => $p{number},
            title => $p{title},
            html_url => "https://example.com/$p{repo}/pull/$p{number}",
            merged => $p{merged} ? JSON::PP::true : JSON::PP::false,
            merge_commit_sha => $p{commit},
            head => { ref => $p{source}, sha => 'b' x 40 },
            base => { ref => $p{branch}, sha => 'c' x 40 },
        },
        repository => { full_name => $p{repo} },
        sender => { login => $p{sender} },
    });
}


sub merge { return pull(action => 'closed', merged => 1, @_) }


# GitHub's push: repo, ref, before, after, message, paths, sender, forced

sub push_branch {
    my (%p) = (repo => 'acme/api', branch => 'main', before => 'b' x 40,
               commit => $COMMIT, message => 'Fix it', sender => 'ann',
               paths => ['src/a.c'], forced => 0, deleted => 0, @_);

    my $ref = defined $p{ref} ? $p{ref} : "refs/heads/$p{branch}";
    my @commits = map { { id => $p{commit}, added => [],
                          modified => $p{paths}, removed => [] } }
                  (1 .. (defined $p{commits} ? $p{commits} : 1));

    return json({
        ref => $ref,
        before => $p{before},
        after => $p{deleted} ? $NONE : $p{commit},
        created => $p{before} eq $NONE ? JSON::PP::true : JSON::PP::false,
        deleted => $p{deleted} ? JSON::PP::true : JSON::PP::false,
        forced => $p{forced} ? JSON::PP::true : JSON::PP::false,
        commits => \@commits,
        head_commit => $p{deleted} ? undef : {
            id => $p{commit}, message => $p{message},
            url => 'https://example.com/c',
        },
        repository => { full_name => $p{repo} },
        sender => { login => $p{sender} },
    });
}


sub push_tag {
    my ($tag, %p) = @_;

    return push_branch(ref => "refs/tags/$tag", before => $NONE,
                       commits => 0, %p);
}


# GitHub's create and delete: kind is branch or tag

sub ref_event {
    my ($word, $kind, $name) = @_;

    return json({
        ref => $name, ref_type => $kind,
        ($word eq 'create' ? (master_branch => 'main') : ()),
        repository => { full_name => 'acme/api' },
        sender => { login => 'ann' },
    });
}


sub release {
    my ($action, $tag) = @_;

    return json({
        action => $action,
        release => { tag_name => $tag, body => 'Notes' },
        repository => { full_name => 'acme/api' },
        sender => { login => 'ann' },
    });
}


sub ping {
    return json({ zen => 'Design for failure.', hook_id => 1,
                  repository => { full_name => 'acme/api' } });
}


# a push to Bitbucket Cloud: changes as [type, name], "-name" was deleted

sub bitbucket {
    my (@changes) = @_;

    my @list = map {
        my ($type, $name) = @$_;
        my $deleted = ($name =~ s/^-//);
        my $ref = { name => $name, type => $type,
                    target => { hash => $COMMIT, message => "M\n" } };

        { old => $type eq 'branch' || $deleted ? $ref : undef,
          new => $deleted ? undef : $ref,
          created => JSON::PP::false, forced => JSON::PP::false,
          closed => $deleted ? JSON::PP::true : JSON::PP::false }
    } @changes;

    return json({ push => { changes => \@list },
                  repository => { full_name => 'acme/api' },
                  actor => { nickname => 'ann' } });
}


my $n = 0;
my $copies = 0;

# set it where the bytes of deliveries are to stay as they are

our $SAME = 0;


# the same JSON in bytes that no other delivery has, as a delivery is started
# only once

sub fresh {
    my ($body) = @_;

    return $body if $body !~ /^\s*[\{\[]/;

    return $body . join('', map { $_ ? "\t" : ' ' }
                            split(//, sprintf('%b', ++$copies + 1024)));
}

# signs and sends; more headers and options are those of http_post(), and
# same: the bytes of the body as they are

sub deliver {
    my ($uri, $event, $body, @more) = @_;

    $body = fresh($body)
        unless $SAME || (ref($more[-1]) && $more[-1]{same});

    my %headers = github($SECRET, $event, $body,
                         sprintf('00000000-0000-4000-8000-%012d', ++$n));
    my $opts = (@more && ref($more[-1])) ? pop(@more) : {};

    return http_post($uri, $body, %headers, @more, $opts);
}


sub deliver_bitbucket {
    my ($uri, $key, $body) = @_;

    $body = fresh($body);

    return http_post($uri, $body, 'X-Event-Key' => $key,
                     'X-Hook-UUID' => '{11111111-2222-4333-8444-555555555555}',
                     'X-Request-UUID' => sprintf('request-%d', ++$n),
                     sign_bitbucket($SECRET, $body));
}


1;
