#!/bin/sh
# Starts coturn with turnserver.conf and what differs between machines. The secret gets there by a
# file that only this user can read, and not by the command line, which everybody sees.
#
# TURN_REALM        the domain
# PUBLIC_ADDRESS    the IPv4 address that others see, where a router or a cloud maps it to another
#                   one; empty where this machine has it itself
# OWN_ADDRESS       that other one
# TURN_SECRET_FILE  the shared secret
# TURN_CONF         what to begin with
# Further arguments are turnserver's.
set -eu

secret=$(tr -d '[:space:]' <"${TURN_SECRET_FILE:-/run/secrets/turn_secret}")
conf=$(mktemp "${TMPDIR:-/tmp}/turnserver.XXXXXX") # readable by its owner alone
{
    cat "${TURN_CONF:-/etc/turnserver.conf}"
    echo "realm=${TURN_REALM:?is the domain of the server}"
    echo "static-auth-secret=${secret:?is empty}"
    if [ -n "${PUBLIC_ADDRESS:-}" ]; then
        echo "external-ip=$PUBLIC_ADDRESS/${OWN_ADDRESS:?is needed with PUBLIC_ADDRESS}"
    fi
} >"$conf"
exec turnserver -c "$conf" "$@"
