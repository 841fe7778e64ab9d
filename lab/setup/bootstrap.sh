#!/bin/sh
# Sets up a fresh checkout: npm packages first (with whatever npm the system has), then the rest with the pinned Node.js.
# --tests: also what the tests of the harness itself need.
set -eu
root=$(readlink -f "$(dirname "$(readlink -f "$0")")/../..")
cd "$root"

stamp=node_modules/.hil-package-lock.json

packages_are_current() {
  [ -e node_modules/.package-lock.json ] || return 1
  if [ -e "$stamp" ]; then
    cmp -s package-lock.json "$stamp"
  else
    # Installed by hand: as good, unless the lock file came later.
    [ -z "$(find package-lock.json -newer node_modules/.package-lock.json)" ]
  fi
}

if packages_are_current; then
  echo 'npm packages: already there' >&2
else
  if ! command -v npm >/dev/null 2>&1; then
    [ "$(id -u)" = 0 ] && sudo='' || sudo='sudo '
    echo 'hil: npm is needed to install the packages of this project, and it is not there' >&2
    echo "  hint: ${sudo}apt-get install -y --no-install-recommends npm" >&2
    exit 3
  fi
  echo 'npm packages: npm ci (about 100 MB; half a minute or so)' >&2
  begin=$(date +%s)
  if ! npm ci --include=dev --include=optional --ignore-scripts --no-audit --no-fund --loglevel=error >&2 </dev/null; then
    echo 'hil: the npm packages could not be installed (see above: network, disk space or rights)' >&2
    echo "  hint: (cd $root && npm ci --ignore-scripts)" >&2
    exit 3
  fi
  cp package-lock.json "$stamp"
  echo "npm packages: installed in $(($(date +%s) - begin)) s" >&2
fi

exec "$root/lab/cli/node" "$root/lab/setup/main.ts" "$@"
