#!/bin/sh
# Sees to it that a command of Debian's is there: tools/debian.sh COMMAND PACKAGE [WHAT TO SAY WHEN INSTALLING IT]
# Does nothing where it is; else installs the package, as root or with sudo.
set -eu
command=$1 package=$2 note=${3-}
# Debian has some where only root looks.
PATH="$PATH:/usr/local/sbin:/usr/sbin"
if command -v "$command" >/dev/null 2>&1; then
    exit 0
fi
give_up() {
    echo "$command is missing and $1." >&2
    echo "Install it yourself (Debian: apt-get install $package) and run this again." >&2
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
echo "Installing Debian's $command for the tests ..."
[ -z "$note" ] || echo "$note"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq || give_up "apt-get update failed"
$as_root apt-get install -y -qq --no-install-recommends "$package" || give_up "apt-get could not install it"
command -v "$command" >/dev/null 2>&1 || give_up "the installed package brought no $command command"
