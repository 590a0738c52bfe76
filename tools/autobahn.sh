#!/bin/sh
# Runs the Autobahn suite against hotchannel's WebSocket and writes docs/autobahn.md.
# The suite needs Python 2.7 (PYTHON27 names one) and is kept, pinned, in .venv/autobahn; everything else
# happens in a temporary folder, which stays only where something failed.
set -eu
cd "$(dirname "$0")/.."
suite="autobahntestsuite==0.8.2"
cache=".venv/autobahn"
python=".venv/bin/python"

give_up() {
    echo "$1" >&2
    exit 2
}

is_python27() {
    "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (2, 7))' >/dev/null 2>&1
}

find_python27() {
    if [ -n "${PYTHON27:-}" ]; then
        is_python27 "$PYTHON27" || give_up "PYTHON27=$PYTHON27 is no Python 2.7."
        echo "$PYTHON27"
        return
    fi
    # A shim of pyenv's is on the PATH even where the version it stands for is not switched on.
    pyenv_root=$(pyenv root 2>/dev/null || echo "${PYENV_ROOT:-$HOME/.pyenv}")
    for candidate in python2.7 "$pyenv_root"/versions/2.7*/bin/python2.7; do
        if is_python27 "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    give_up "The Autobahn suite needs Python 2.7 and there is none: install one and name it, PYTHON27=path."
}

[ -x "$python" ] || give_up "There is no $python: run make lint first."
python27=$(find_python27)

if [ ! -f "$cache/$suite" ]; then
    echo "Installing $suite ..."
    rm -rf "$cache"
    mkdir -p "$cache"
    "$python27" -m pip install -qq --disable-pip-version-check --target "$cache" "$suite" ||
        give_up "pip of $python27 could not install $suite (it needs pip, and a C compiler)."
    touch "$cache/$suite"
fi

work=$(mktemp -d)
echo_pid=""
suite_pid=""
clean_up() {
    status=$?
    trap - EXIT
    for pid in $suite_pid $echo_pid; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    if [ "$status" -eq 0 ] || [ "$status" -gt 128 ]; then
        rm -rf "$work"
    else
        echo "What the suite and the server said is in $work." >&2
    fi
    exit "$status"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

"$python" tests/conformance/echo.py 0 >"$work/server.log" 2>&1 &
echo_pid=$!
port=""
while [ -z "$port" ]; do
    kill -0 "$echo_pid" 2>/dev/null || { cat "$work/server.log" >&2; give_up "The echo server did not start."; }
    sleep 0.1
    port=$(sed -n 's/^listening on //p' "$work/server.log")
done

cat >"$work/spec.json" <<EOF
{
    "servers": [{"agent": "hotchannel", "url": "ws://127.0.0.1:$port", "protocols": ["vite-hmr"]}],
    "outdir": "$work/report",
    "cases": ["*"],
    "exclude-cases": ["9.*"],
    "exclude-agent-cases": {}
}
EOF

# addsitedir, since a namespace package of the suite's is only found by its .pth file.
echo "Running the suite ..."
PYTHONPATH="$cache" "$python27" -W ignore -c "
import site
site.addsitedir('$cache')
from autobahntestsuite.wstest import run
run()
" -m fuzzingclient -s "$work/spec.json" >"$work/suite.log" 2>&1 &
suite_pid=$!
wait "$suite_pid" || { tail "$work/suite.log" >&2; give_up "The suite did not get to its end."; }
suite_pid=""

version27=$("$python27" -c 'import platform; print(platform.python_version())')
PYTHONPATH=tests "$python" -m conformance.report "$work/report" docs/autobahn.md "$suite on Python $version27"
echo "docs/autobahn.md is written."
