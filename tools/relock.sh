#!/bin/sh
# Writes package-lock.json anew from package.json: exact versions and checksums, no address of anything.
# npm leaves the registry's address out by itself (.npmrc); sponsors' addresses it has to be freed from.
set -eu
cd "$(dirname "$0")/.."
rm -f package-lock.json
npm install --package-lock-only --ignore-scripts --loglevel=error
node -e '
const fs = require("node:fs");
const lock = JSON.parse(fs.readFileSync("package-lock.json", "utf8"));
for (const entry of Object.values(lock.packages)) delete entry.funding;
fs.writeFileSync("package-lock.json", JSON.stringify(lock, null, 2) + "\n");
'
