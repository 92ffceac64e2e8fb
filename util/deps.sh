#!/bin/sh

# Copyright (C) ngx_deploy_module authors
#
# deps.sh test|fuzz|analyze|bench|asan|deb: installs the Debian packages that are missing.

set -e

packages="gcc make perl openssl curl nghttp2-client libio-socket-ssl-perl strace
          libdbd-sqlite3-perl
          nginx nginx-dev libjansson-dev libssl-dev libpcre2-dev zlib1g-dev
          libcurl4-openssl-dev libsqlite3-dev shellcheck jq"

case ${1:-test} in
    test)  ;;
    fuzz)  packages="gcc make clang libclang-rt-dev libjansson-dev libssl-dev
                   libpcre2-dev zlib1g-dev dpkg-dev
                   libcurl4-openssl-dev libsqlite3-dev" ;;
    analyze)
           packages="$packages clang-tidy cppcheck" ;;
    bench) packages="$packages wrk libnginx-mod-http-lua lua-cjson
                     lua-resty-core libnginx-mod-http-js" ;;
    asan)  packages="$packages clang libclang-rt-dev dpkg-dev" ;;
    deb)   packages="$packages build-essential debhelper dpkg-dev lintian" ;;
    *)     echo "usage: $0 test|fuzz|analyze|bench|asan|deb" >&2; exit 2 ;;
esac

missing=

for package in $packages; do
    status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)

    case $status in
        *" installed") ;;
        *) missing="$missing $package" ;;
    esac
done

[ -n "$missing" ] || exit 0

sudo=

if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
        echo "$0: error: please install:$missing" >&2
        exit 1
    fi

    sudo="sudo -n"
fi

echo "installing:$missing"

log=$(mktemp)
trap 'rm -f "$log"' EXIT

run() {
    if ! $sudo env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1 \
         </dev/null
    then
        cat "$log" >&2
        echo "$0: error: $* failed" >&2
        exit 1
    fi
}

run apt-get update -q
# shellcheck disable=SC2086
run apt-get install -q -y --no-install-recommends $missing
