#!/bin/bash

# Copyright (C) ngx_deploy_module authors
#
# build.sh module DIR: the module for nginx-dev, or with NGINX_SRC set nginx
# and the module from that tree; build.sh asan DIR: nginx with the module
# built in, sanitized; build.sh fuzz DIR: all objects of that as nginx.a, for
# libFuzzer, its main() is nginx_main(), which calls fuzz_process_cycle() in
# place of ngx_single_process_cycle().  A source tree is copied, never written
# to.

set -e -o pipefail

what=$1
dir=$2
root=$PWD
jobs=${JOBS:-2}
log=$root/$dir/build.log

usage() {
    echo "usage: $0 module|asan|fuzz DIR" >&2
    exit 2
}

quiet() {
    if ! "$@" >>"$log" 2>&1 </dev/null; then
        tail -n 60 "$log" >&2
        echo "$0: error: $* failed, see $log" >&2
        exit 1
    fi
}

# what a build depends on besides the files that make knows

configured() {
    [ -f "$1" ] && [ "$1" -nt config ] && [ "$1" -nt build/sources ] \
        && [ "$1" -nt util/build.sh ]
}

copy_source() {
    if [ ! -f "$1/src/core/nginx.h" ]; then
        echo "$0: error: $1 is not an nginx source tree" >&2
        exit 1
    fi

    mkdir -p "$dir/src"
    (cd "$1" && tar cf - --exclude=.git --exclude=objs .) \
        | tar xf - -C "$dir/src"

    if [ -f "$dir/src/auto/configure" ]; then
        cp "$dir/src/auto/configure" "$dir/src/configure"
    fi
}

# the source package of the distribution, by a private apt configuration

debian_source() {
    local tmp apt file version

    tmp=$root/$dir/apt
    mkdir -p "$tmp/parts" "$tmp/lists/partial" "$tmp/source"

    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        if [ -f "$file" ]; then
            sed -n 's/^deb\( .*\)/&\ndeb-src\1/p' "$file" \
                >"$tmp/parts/${file##*/}"
        fi
    done

    for file in /etc/apt/sources.list.d/*.sources; do
        if [ -f "$file" ]; then
            sed 's/^Types:.*/Types: deb deb-src/' "$file" \
                >"$tmp/parts/${file##*/}"
        fi
    done

    apt=(-o Dir::Etc::sourcelist=/dev/null -o "Dir::State::lists=$tmp/lists"
         -o "Dir::Etc::sourceparts=$tmp/parts" -o APT::Sandbox::User=root)

    quiet apt-get "${apt[@]}" update

    for version in $(apt-cache "${apt[@]}" showsrc nginx \
                     | sed -n 's/^Version: //p' | sort -ruV)
    do
        rm -rf "$tmp"/source/*

        if (cd "$tmp/source" && apt-get "${apt[@]}" source "nginx=$version") \
            >>"$log" 2>&1
        then
            echo "nginx $version, source package"
            copy_source "$(echo "$tmp"/source/nginx-*/)"
            return
        fi
    done

    echo "$0: error: no source package of nginx, set NGINX_SRC" >&2
    exit 1
}

if [ -z "$what" ] || [ -z "$dir" ]; then
    usage
fi

[ -f config ] || { echo "$0: error: run it in the root" >&2; exit 1; }

mkdir -p "$dir"
: >"$log"

warn="-Wall"

case $what in

module)

    if [ -z "$NGINX_SRC" ]; then
        src=${NGINX_DEV:-/usr/share/nginx/src}
        objs=$root/$dir/nginx

        if [ ! -f "$src/conf_flags" ]; then
            echo "$0: error: no $src/conf_flags, is the package" \
                 "nginx-dev installed?" >&2
            exit 1
        fi

        if ! configured "$objs/Makefile"; then
            cc="$(dpkg-buildflags --get CFLAGS) -fPIC"
            cc="$cc $(dpkg-buildflags --get CPPFLAGS) $warn"
            ld="$(dpkg-buildflags --get LDFLAGS) -fPIC"
            # shellcheck disable=SC1091
            . "$src/conf_flags"
            rm -rf "$objs"
            cd "$src"
            quiet ./configure --with-cc-opt="$cc -Wmultistatement-macros" \
                --with-ld-opt="$ld" "${NGX_CONF_FLAGS[@]}" \
                --add-dynamic-module="$root" --builddir="$objs"
            cd "$root"
        fi

        quiet make -j "$jobs" -f "$objs/Makefile" -C "$src" modules

    else
        objs=$root/$dir/objs

        if ! configured "$objs/Makefile"; then
            copy_source "$NGINX_SRC"
            rm -rf "$objs"
            cd "$dir/src"
            quiet ./configure --prefix="$root/$dir" --builddir="$objs" \
                --with-cc-opt="$warn" --with-compat --with-threads \
                --with-debug --with-pcre-jit --with-http_ssl_module \
                --with-http_v2_module --with-http_realip_module \
                --with-http_auth_request_module \
                --with-http_stub_status_module --with-poll_module \
                --add-dynamic-module="$root"
            cd "$root"
        fi

        quiet make -j "$jobs" -f "$objs/Makefile" -C "$dir/src" \
            binary modules
        ln -sf objs/nginx "$dir/nginx"
    fi

    cp "$objs/ngx_http_deploy_module.so" "$dir/ngx_deploy_module.so.new"
    mv "$dir/ngx_deploy_module.so.new" "$dir/ngx_deploy_module.so"
    echo "built $dir/ngx_deploy_module.so"
    ;;

asan|fuzz)

    objs=$root/$dir/objs

    mkdir -p build
    ls ngx_deploy_module/*/*.[ch] >"build/sources.$what.new"
    cmp -s "build/sources.$what.new" "$dir/sources" \
        || mv "build/sources.$what.new" "$dir/sources"
    rm -f "build/sources.$what.new"

    if [ ! -f "$objs/Makefile" ] || [ "$dir/sources" -nt "$objs/Makefile" ] \
       || [ config -nt "$objs/Makefile" ] \
       || [ util/build.sh -nt "$objs/Makefile" ]
    then
        if [ -n "$NGINX_SRC" ]; then
            copy_source "$NGINX_SRC"

        elif [ ! -f "$dir/src/configure" ]; then
            debian_source
        fi

        san="-fsanitize=address,undefined"
        san="$san -fno-sanitize=alignment,nonnull-attribute,pointer-overflow"

        if [ "$what" = fuzz ]; then
            san="$san -fsanitize=fuzzer-no-link"
            san="$san -fno-sanitize-recover=undefined"
        fi

        palloc="-DNGX_DEBUG_PALLOC=1"

        rm -rf "$objs"
        cd "$dir/src"
        quiet ./configure --prefix="$root/$dir" --builddir="$objs" \
            --with-cc=clang \
            --with-cc-opt="-O1 -g -fno-omit-frame-pointer $san $palloc" \
            --with-ld-opt="$san" --with-compat --with-threads --with-debug \
            --with-http_ssl_module --with-http_v2_module \
            --with-http_realip_module --with-http_auth_request_module \
            --with-http_stub_status_module --with-poll_module \
            --add-module="$root"
        cd "$root"
    fi

    quiet make -j "$jobs" -f "$objs/Makefile" -C "$dir/src" binary
    ln -sf objs/nginx "$dir/nginx"

    if [ "$what" = asan ]; then
        echo "built $dir/nginx"
        exit 0
    fi

    quiet objcopy --redefine-sym main=nginx_main \
        --redefine-sym ngx_single_process_cycle=fuzz_process_cycle \
        "$objs/src/core/nginx.o" "$dir/nginx_main.o"
    rm -f "$dir/nginx.a"
    quiet find "$objs" -name '*.o' ! -path "$objs/src/core/nginx.o" \
        -exec ar qcs "$dir/nginx.a" "$dir/nginx_main.o" {} +
    echo "built $dir/nginx.a"
    ;;

*)
    usage
    ;;
esac
