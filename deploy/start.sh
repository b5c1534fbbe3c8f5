#!/bin/sh
# Runs posesim. Before the server the networks' weights are fetched into the volume of the cache;
# their hashes are checked, and where they are already there is nothing to do.
#
# Secrets come as files, so that no list of containers shows them:
# NAME_FILE            file of the value of NAME, one of the variables below
# SIGNING_SECRET_FILE  the key that signs tokens, where several nodes have to have the same one
set -eu

for name in POSESIM_DATABASE_URL POSESIM_CLUSTER AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY; do
    eval "file=\${${name}_FILE:-}"
    if [ -n "$file" ]; then
        value=$(cat "$file")
        export "$name=$value"
        unset "${name}_FILE"
    fi
done
if [ -n "${SIGNING_SECRET_FILE:-}" ]; then
    # The server refuses one that others may read, as a mounted one may be.
    (umask 077 && cat "$SIGNING_SECRET_FILE" >"$POSESIM_DATA/secret")
fi

if [ "${1:-}" = serve ]; then
    posesim weights fetch
fi
exec posesim "$@"
