#!/bin/sh
# Sees to it that a `chromium` is on the PATH: the browser tests drive the distribution's own.
# Does nothing where there is one; else installs Debian's package, as root or with sudo.
set -eu
if command -v chromium >/dev/null 2>&1; then
    exit 0
fi
give_up() {
    echo "chromium is missing and $1." >&2
    echo "Install it yourself (Debian: apt-get install chromium) and run this again." >&2
    exit 1
}
command -v apt-get >/dev/null 2>&1 || give_up "there is no apt-get here to install it with"
if [ "$(id -u)" -eq 0 ]; then
    as_root=""
elif command -v sudo >/dev/null 2>&1; then
    as_root="sudo"
else
    give_up "installing it takes root or sudo"
fi
echo "Installing Debian's chromium for the browser tests ..."
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq || give_up "apt-get update failed"
$as_root apt-get install -y -qq --no-install-recommends chromium || give_up "apt-get could not install it"
command -v chromium >/dev/null 2>&1 || give_up "the installed package brought no chromium command"
