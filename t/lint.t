#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# What a script can hold of the layers and of nginx's style.  Each complaint
# names file and line.

use warnings;
use strict;

use FindBin;

use Test::More;

chdir("$FindBin::Bin/..") or die "chdir: $!";

my @core = glob('ngx_deploy_module/core/*.[ch]');
my @http = glob('ngx_deploy_module/http/*.[ch]');
my @work = glob('ngx_deploy_module/work/*.[ch]');
my @tool = glob('ngx_deploy_module/tool/*.[ch]');
my @sources = (@core, @http, @work, @tool);
my @test_c = glob('t/{unit,fuzz,corpora,bench,tool,torture}/*.[ch]');


my %text;

for my $file (@sources, @test_c) {
    open(my $fh, '<', $file) or die "$file: $!";
    local $/;
    $text{$file} = <$fh>;
}


# comments and strings blanked out, lines and columns kept

sub bare {
    my ($text) = @_;

    $text =~ s{(/\*.*?\*/)|("(?:[^"\\\n]|\\.)*")|('(?:[^'\\\n]|\\.)*')}{
        my ($comment, $string) = ($1, $2);
        my $s = $&;

        if (defined $comment) {
            $s =~ s/[^\n]/ /g;

        } elsif (defined $string) {
            $s = '"' . ('s' x (length($s) - 2)) . '"';

        } else {
            $s = "'" . ('c' x (length($s) - 2)) . "'";
        }

        $s;
    }gesx;

    return $text;
}


my %bare = map { $_ => bare($text{$_}) } keys %text;


sub check {
    my ($name, $files, $code) = @_;

    my @found;

    for my $file (@$files) {
        push(@found, map { "$file:$_" } $code->($file));
    }

    ok(!@found, $name) or diag(join("\n", @found[0 .. ($#found > 29
                                                       ? 29 : $#found)]));
}


# the numbers of the lines that match, with the lines

sub lines {
    my ($text, $pattern) = @_;

    my @lines = split(/\n/, $text, -1);

    return map { ($_ + 1) . ": $lines[$_]" }
           grep { $lines[$_] =~ $pattern } 0 .. $#lines;
}


# the numbers of the lines where a pattern over several lines begins

sub places {
    my ($text, $pattern) = @_;

    my @found;

    while ($text =~ /$pattern/g) {
        my $from = defined $-[1] ? $-[1] : $-[0];
        my $n = 1 + (substr($text, 0, $from) =~ tr/\n//);
        my ($line) = substr($text, $from) =~ /^([^\n]*)/;
        push(@found, "$n: $line");
    }

    return @found;
}


###############################################################################
# layers


check('core/ includes no header of nginx', \@core, sub {
    return grep { !/<(?:openssl\/\w+|jansson|std\w+|string|strings|time
                      |limits|ctype|errno|math|emmintrin|sys\/types)\.h>|"ngx_deploy_\w+\.h"/x
                  || /"ngx_deploy_(?:work|tool)/ }
           lines($text{$_[0]}, qr/^\s*#\s*include/);
});

check('jansson only in core/ngx_deploy_json.c', \@sources, sub {
    return () if $_[0] =~ m!core/ngx_deploy_json\.c$!;
    return lines($bare{$_[0]}, qr/\bjansson\.h\b|\bjson_(?:object|array|string
                                |integer|real|true|false|null|decref|incref
                                |load|dump|unpack|pack)\w*\s*\(/x);
});

check('core/, work/ and tool/ know nothing of nginx', [@core, @work, @tool],
      sub {
    return lines($bare{$_[0]}, qr/\bngx_(?!deploy_)\w+|\bngx_http_/);
});

check('work/ includes no header of nginx', \@work, sub {
    return lines($text{$_[0]}, qr/^\s*#\s*include\s*[<"]ngx_(?!deploy_)/);
});

check('tool/ includes no header of nginx, no glue', \@tool, sub {
    return grep { !/<(?:openssl\/\w+|curl\/curl|pcre2|std\w+|string|time|limits
                      |errno|fcntl|glob|pwd|grp|signal|unistd|sys\/\w+)\.h>
                   |"ngx_deploy_\w+\.h"/x }
           lines($text{$_[0]}, qr/^\s*#\s*include/);
});

check('core/ has no clock, no input or output', \@core, sub {
    # the texts that jansson writes
    return () if $_[0] =~ m!/ngx_deploy_json\.c$!;
    return lines($bare{$_[0]}, qr/\b(?:time|gettimeofday|clock_gettime|fopen
                                |open|read|write|socket|getenv|printf|fprintf
                                |malloc|calloc|realloc|rand|random)\s*\(/x);
});

check('no function that does not know its bounds', \@sources, sub {
    return lines($bare{$_[0]}, qr/\b(?:sprintf|vsprintf|strcpy|strcat|strncat
                                |gets|strtok|atoi|atol|alloca
                                |strtol|strtoul|sscanf|setenv|system
                                |popen)\s*\(/x);
});

{
    my %base;

    push(@{ $base{(split(/\//, $_))[-1]} }, $_) for @sources;

    my @twice = grep { @{ $base{$_} } > 1 } sort keys %base;

    ok(!@twice, 'file names are unique') or diag("@twice");
}

check('file names carry the prefix of their layer', \@sources, sub {
    my ($file) = @_;

    return () if $file =~ m{core/ngx_deploy_(?!work|tool)\w+\.[ch]$}
                 || $file =~ m!http/ngx_http_deploy\w*\.[ch]$!
                 || $file =~ m!work/ngx_deploy_work\w*\.[ch]$!
                 || $file =~ m!tool/ngx_deploy_tool\w*\.[ch]$!;
    return '1: name';
});


###############################################################################
# style


check('80 columns', [@sources, @test_c], sub {
    return lines($text{$_[0]}, qr/^.{81}/);
});

check('no tabs, trailing blanks, carriage returns', [@sources, @test_c], sub {
    return lines($text{$_[0]}, qr/[\t\r]|[ ]$/);
});

check('ends with one newline', [@sources, @test_c], sub {
    return $text{$_[0]} =~ /[^\n]\n\z/ ? () : '1: end';
});

check('ASCII', \@sources, sub {
    return lines($text{$_[0]}, qr/[^\x00-\x7f]/);
});

check('blank line, copyright', [@sources, @test_c], sub {
    my $want = "\n/*\n * Copyright (C) ngx_deploy_module authors\n */\n";

    return index($text{$_[0]}, $want) == 0 ? () : '1: head';
});

check('no // comments', [@sources, @test_c], sub {
    return lines($bare{$_[0]}, qr!//!);
});

check('guards of headers', [grep { /\.h$/ } @sources], sub {
    my ($file) = @_;

    my ($name) = $file =~ m!([^/]+)\.h$!;
    my $guard = '_' . uc($name) . '_H_INCLUDED_';

    return $text{$file} =~ /\n#ifndef $guard\n#define $guard\n\n/
           && $text{$file} =~ m!\n#endif /\* $guard \*/\n\z! ? () : '1: guard';
});

check('indented by fours', \@sources, sub {
    my ($file) = @_;

    # the first line of a statement after "{", "}" or ";"
    return grep { !/^\d+:[^;]*[<>!=&|]/ } places($bare{$file}, qr/[{};]\n(?=((?:[ ]{4})*[ ]{1,3}[a-z]\w*[ ]
                                             [=(]))/x);
});

check('two blank lines before functions', \@sources, sub {
    return places($bare{$_[0]}, qr/(?:[^\n ]\n|\})\n(?=((?:static[ ])?[a-z]\w*
        (?:[ ][a-z]\w*)*[ ]?\**\n[a-z]\w*\([^;{]*\)\n\{))/x);
});

check('no three blank lines', \@sources, sub {
    return places($text{$_[0]}, qr/\n\n\n\n/);
});

check('return type and { of a function on lines of their own', \@sources,
      sub {
    return places($bare{$_[0]}, qr/\n((?:static[ ])?[a-z]\w*(?:[ ][a-z]\w*)*
        [ ]\**[a-z]\w*\([^;{}=]*\)\s*\{)/x),
           lines($bare{$_[0]}, qr/^[a-z]\w*\(.*\)\s*\{$/);
});

check('} else { after a blank line', \@sources, sub {
    return places($bare{$_[0]}, qr/[^\n]\n(?=([ ]+\}[ ]else\b))/);
});

check('no brace-less if, for, while', \@sources, sub {
    my @found;
    my @lines = split(/\n/, $bare{$_[0]});

    for my $n (0 .. $#lines) {
        next unless $lines[$n] =~ /^\s*(?:\} else )?(if|for|while) \(/;
        next if $lines[$n] =~ /^\s*(?:#|\\)/ || $lines[$n] =~ /\\$/;

        # the whole condition
        my ($depth, $end, $text) = (0, $n, '');

        while ($end <= $#lines) {
            $text .= $lines[$end] . "\n";
            $depth = ($text =~ tr/(//) - ($text =~ tr/)//);
            last if $depth <= 0;
            $end++;
        }

        my $last = $lines[$end];
        my $next = defined $lines[$end + 1] ? $lines[$end + 1] : '';

        if ($end > $n) {
            next if $last =~ /\)$/ && $next =~ /^\s*\{/;
            next if $last =~ /\);$/;
            push(@found, ($n + 1) . ": { after a wrapped condition");
            next;
        }

        next if $last =~ /\{$/ || $last =~ /\);$/ || $last =~ /\{.*\}/;
        next if $last =~ /\)$/ && $next =~ /^\s*\{/;

        push(@found, ($n + 1) . ": $lines[$n]");
    }

    return @found;
});

check('a blank after if, for, while, switch', \@sources, sub {
    return lines($bare{$_[0]}, qr/\b(?:if|for|while|switch)\(/);
});

check('no blanks inside parentheses', \@sources, sub {
    return lines($bare{$_[0]}, qr/^(?!#).*(?:\([ ](?![\\;])\S|[^\s;][ ]\))/);
});

check('a blank after a cast', \@sources, sub {
    return lines($bare{$_[0]}, qr/(?<!sizeof)(?<!\w)\((?:const )?
        (?:u_char|char|void|int|unsigned|long|uintptr_t|[a-z]\w*_t)
        (?:[ ]\*+)?\)[A-Za-z_&"]/x);
});

check('&& and || lead the next line', \@sources, sub {
    return lines($bare{$_[0]}, qr/(?:&&|\|\|)$/);
});

check('an allocation is checked at once', \@sources, sub {
    my $alloc = qr/(?:ngx_p?n?c?alloc|ngx_pnalloc|ngx_pcalloc|ngx_alloc
                     |ngx_calloc|ngx_slab_\w*alloc\w*|ngx_array_create
                     |ngx_array_push|ngx_array_push_n|ngx_list_create
                     |ngx_list_push|ngx_alloc_chain_link|ngx_calloc_buf
                     |ngx_alloc_buf|ngx_create_temp_buf|ngx_create_pool
                     |ngx_pool_cleanup_add|ngx_http_cleanup_add
                     |ngx_deploy_palloc|ngx_deploy_pcalloc|malloc|calloc
                     |EVP_MAC_fetch|EVP_MAC_CTX_new|EVP_MAC_CTX_dup
                     |EVP_MD_CTX_new)/x;
    my ($file) = @_;
    my $text = $bare{$file};
    my @found;

    while ($text =~ /^[ ]+([\w.>\-\[\]*]+) = $alloc\([^;]*;\n/mg) {
        my $var = $1;
        my $n = 1 + (substr($text, 0, $-[0]) =~ tr/\n//);

        # several may be checked by one "if" that follows all of them
        my $next = substr($text, $+[0], 1000);
        $next =~ s/^(?:\s*[\w.>\-\[\]*]+ = $alloc\([^;]*;\n|\s*\n)*//;
        $next =~ s/\{.*//s;

        next if $next =~ /^\s*if \(.*\Q$var\E (?:==|!=) NULL/s;
        next if $next =~ /^\s*if \(\Q$var\E\)/;
        next if $next =~ /^\s*(?:\}\s*)?return \Q$var\E;/;

        push(@found, "$n: $var");
    }

    return @found;
});

check('names in one column two blanks after the longest type', \@sources, sub {
    my ($file) = @_;

    my @found;
    my @lines = split(/\n/, $bare{$file}, -1);

    for my $n (1 .. $#lines) {
        next unless $lines[$n - 1] eq '{';

        my @block;

        for my $m ($n .. $#lines) {
            last if $lines[$m] eq '';
            push(@block, $lines[$m]);
        }

        my @types;
        my @columns;

        for my $line (@block) {
            # one type, then names; with static and const in front
            next unless $line =~ /^    ((?:(?:static|const|unsigned|struct)
                                  [ ])*[a-z]\w*)([ ]+)(\**)([a-z_]\w*)
                                  (?:\[[^\]]*\])*(?:,|;|[ ]=)/x;
            next if $1 =~ /^(?:return|goto|case|else)$/;

            push(@types, length($1));
            push(@columns, 4 + length($1) + length($2) + length($3));
        }

        next if !@types;

        my ($max) = sort { $b <=> $a } @types;
        my %columns = map { $_ => 1 } @columns;

        push(@found, ($n + 1) . ': column') if keys %columns > 1;

        for my $i (1 .. $#types) {
            push(@found, ($n + 1) . ': order'), last
                if $types[$i] < $types[$i - 1];
        }
    }

    return @found;
});

check('a function fits a screen', \@sources, sub {
    my ($file) = @_;

    my @found;
    my $text = $bare{$file};

    while ($text =~ /\n([a-z]\w*)\([^;{}]*\)\n\{\n(.*?)\n\}\n/gs) {
        my ($name, $body) = ($1, $2);
        my $n = 1 + (substr($text, 0, $-[1]) =~ tr/\n//);
        my $lines = 1 + ($body =~ tr/\n//);

        push(@found, "$n: $name, $lines lines") if $lines > 120;
    }

    return @found;
});

check('a file has at most 900 lines', \@sources, sub {
    my $n = ($text{$_[0]} =~ tr/\n//);

    return $n > 900 ? "1: $n lines" : ();
});

check('log messages have no full stop', \@http, sub {
    return places($text{$_[0]}, qr/(?:ngx_(?:conf_)?log_(?:error|debug\d)
        \([^"]*("[^"]*\.")\s*[,)])/x);
});


done_testing();
