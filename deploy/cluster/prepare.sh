#!/bin/sh
# Makes what compose.yaml needs beside .env: the secrets, each in a file of its own, and the folders
# of what is kept. What is there already stays as it is, so that it can be run again. Run as root:
# all of it belongs to the user that the containers run as.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets data/postgresql data/objects

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
keep() { # NAME: standard input, where there is no such secret yet
    if [ ! -e "secrets/$1" ]; then
        cat >"secrets/$1.new"
        mv "secrets/$1.new" "secrets/$1"
    fi
}

head -c 32 /dev/urandom | keep signing_secret # raw bytes, as the server itself makes it
for name in turn_secret postgresql_password valkey_password objects_key_id objects_key ray_token; do
    random | keep "$name"
done
of() { cat "secrets/$1"; }

# The same once more in the form that somebody wants them.
keep database_url <<END
postgresql+asyncpg://posesim:$(of postgresql_password)@127.0.0.1:5432/posesim
END
keep cluster_url <<END
redis://:$(of valkey_password)@127.0.0.1:6379/0
END
keep valkey_conf <<END
# Nobody but this machine; what does not fit is refused, and nothing that holds is thrown away.
bind 127.0.0.1
port 6379
requirepass $(of valkey_password)
maxmemory 256mb
maxmemory-policy noeviction
# It holds what is true for seconds. After a restart the nodes say it again.
save ""
appendonly no
END
keep objects_identities <<END
{"identities": [{"name": "posesim",
  "credentials": [{"accessKey": "$(of objects_key_id)", "secretKey": "$(of objects_key)"}],
  "actions": ["Admin", "Read", "Write", "List", "Tagging"]}]}
END

chown -R "${OWNER:-10001:10001}" secrets data
