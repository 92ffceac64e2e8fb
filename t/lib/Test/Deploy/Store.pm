package Test::Deploy::Store;

# Copyright (C) ngx_deploy_module authors

# The file of deploy_store, seen from outside: read, changed, locked.
#
#     my $store = Test::Deploy::Store->new($t->path('store'));
#
#     is($store->value('SELECT count(*) FROM builds'), 1, 'a build');
#     $store->do('UPDATE builds SET due = 0');
#     my $lock = $store->lock();
#     $store->unlock($lock);

use warnings;
use strict;

use DBI ();


sub new {
    my ($class, $dir) = @_;

    return bless { file => "$dir/deploy.db" }, $class;
}


# a connection of its own each time: none outlives the nginx under test

sub connect {
    my ($self) = @_;

    my $db = DBI->connect("dbi:SQLite:dbname=$self->{file}", '', '', {
        RaiseError => 1, PrintError => 0, AutoCommit => 1,
    });

    $db->sqlite_busy_timeout(10000);

    return $db;
}


sub do {
    my ($self, $sql, @values) = @_;

    return $self->connect()->do($sql, undef, @values);
}


sub value {
    my ($self, $sql, @values) = @_;

    return ($self->connect()->selectrow_array($sql, undef, @values))[0];
}


sub rows {
    my ($self, $sql, @values) = @_;

    return @{ $self->connect()->selectall_arrayref($sql, { Slice => {} },
                                                   @values) };
}


# nobody else writes until unlock()

sub lock {
    my ($self) = @_;

    my $db = $self->connect();

    $db->do('BEGIN IMMEDIATE');

    return $db;
}


sub unlock {
    my ($self, $db) = @_;

    $db->do('ROLLBACK');
    $db->disconnect();
}


1;
