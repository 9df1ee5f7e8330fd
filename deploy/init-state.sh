#!/bin/sh
# Prepares the state of a coordinator for docker-compose.yml, once: certificate authority, server certificate, first
# tokens. Copies to each service only the credentials that it needs. Running it again changes nothing.
set -eu
umask 077

state=${ECGTRAIN_STATE:-/var/lib/ecgtrain}
credentials=${ECGTRAIN_CREDENTIALS:-/credentials}

if [ ! -e "$state/worker.token" ]; then
  ecg-coordinator init --state-dir "$state" --tls-hosts "${ECGTRAIN_TLS_HOSTS:-coordinator,localhost}"
fi

# give FOLDER FILE..: by rename, so that nobody reads half a file.
give() {
  folder=$credentials/$1
  shift
  for file in "$@"; do
    cp "$state/$file" "$folder/.new"
    mv "$folder/.new" "$folder/$(basename "$file")"
  done
}
give worker tls/ca.pem worker.token
give admin tls/ca.pem admin.token

# Grafana runs as another user; the volume holds nothing else and no other service has it.
grafana=$credentials/grafana
if [ ! -e "$grafana/admin-password" ]; then
  rm -f "$grafana/.new"
  od -An -N18 -tx1 /dev/urandom | tr -d ' \n' > "$grafana/.new"
  chmod 0444 "$grafana/.new"
  mv "$grafana/.new" "$grafana/admin-password"
fi
