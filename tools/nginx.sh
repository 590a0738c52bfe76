#!/bin/sh
# Sees to it that an nginx can be started: some browser tests put one in front of hotchannel.
# Does nothing where there is one; else installs Debian's package, as root or with sudo.
set -eu
# Debian has it where only root looks.
PATH="$PATH:/usr/local/sbin:/usr/sbin"
if command -v nginx >/dev/null 2>&1; then
    exit 0
fi
give_up() {
    echo "nginx is missing and $1." >&2
    echo "Install it yourself (Debian: apt-get install nginx-light) and run this again." >&2
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
echo "Installing Debian's nginx for the browser tests ..."
echo "Where systemd runs, Debian serves port 80 with it as well: systemctl disable --now nginx ends that."
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq || give_up "apt-get update failed"
$as_root apt-get install -y -qq --no-install-recommends nginx-light || give_up "apt-get could not install it"
command -v nginx >/dev/null 2>&1 || give_up "the installed package brought no nginx command"
