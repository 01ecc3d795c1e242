#!/bin/sh
# What has to be there before the first start: passwords, the broker's files, a data folder that the collector may write.
#
#   setup.sh                 makes what is missing and keeps what is there; every `docker compose up` runs it
#   setup.sh device NAME     adds a device, or gives it a new password, and prints the password
#
# Each service has a folder in the volume `secrets`, which belongs to root; the service's group may read it. So root needs
# no right beyond CHOWN here, and no service can read another's secrets, though all of them mount the volume.
set -eu
umask 077
cd /run/secrets

mosquitto=1883
timescaledb=70
generator=10001
migrate=10002
tls=10003
grafana=472
archive=10004
prometheus=65534
collector=$SLUICE_UID
# The user of pgAdmin is in the group root.
pgadmin=0

# folder NAME GROUP
folder() {
  mkdir -p "$1"
  chmod 0750 "$1"
  chgrp "$2" "$1"
}

# secret FILE GROUP < content. The rename comes last: a file is there whole or not at all.
secret() {
  cat > "$1.new"
  chmod 0440 "$1.new"
  chgrp "$2" "$1.new"
  mv -f "$1.new" "$1"
}

random() {
  head -c 24 /dev/urandom | od -An -v -tx1 | tr -d ' \n'
}

# password FILE GROUP prints the password in FILE, which is made once and then kept. Its group may have become another one.
password() {
  [ -s "$1" ] || random | secret "$1" "$2"
  chgrp "$2" "$1"
  cat "$1"
}

# broker_user NAME PASSWORD
broker_user() {
  [ -e passwd ] || touch passwd
  mosquitto_passwd -b passwd "$1" "$2" > /dev/null
}

# broker_file FILE NAME. Mosquitto wants to own what it is told to trust, so root's copy stays beside it.
broker_file() {
  cp "$1" mosquitto/new
  chmod 0400 mosquitto/new
  chown "$mosquitto:$mosquitto" mosquitto/new
  mv -f mosquitto/new "mosquitto/$2"
}

# The broker grants any subscription and then delivers only what may be read: a topic that the collector subscribes to and
# that is not in the ACL would stay silent. So one follows from the other (`sluice topics` has written /topics/filters).
access_list() {
  cat /sluice/acl
  printf '\nuser collector\n'
  sed 's/^/topic read /' /topics/filters
}

# What the broker may queue for a collector that is away: two thirds of its memory, of which a message takes 500 bytes and its
# payload 250 (mosquitto.conf has the arithmetic).
queue_limits() {
  messages=$((MQTT_MEMORY_MB * 1000000 * 2 / 3 / 750))
  printf '%s\n' "max_queued_messages $messages" "max_queued_bytes $((messages * 250))"
}

# Where deploy/compose/tls.yml has mounted a certificate: copies for the broker and for the proxy of the page, and a listener.
certificate() {
  : | secret mosquitto/conf.d/tls.conf $mosquitto
  [ -d /tls ] || return 0
  folder tls $tls
  for file in cert.pem key.pem; do
    if [ ! -s "/tls/$file" ]; then
      echo "config/tls must hold cert.pem (with its chain) and key.pem; $file is not there, or empty" >&2
      exit 1
    fi
    secret "tls/$file" $tls < "/tls/$file"
    broker_file "/tls/$file" "$file"
  done
  printf '%s\n' 'listener 8883' 'listener_allow_anonymous false' 'tls_version tlsv1.2' \
    'certfile /run/secrets/mosquitto/cert.pem' 'keyfile /run/secrets/mosquitto/key.pem' |
    secret mosquitto/conf.d/tls.conf $mosquitto
}

# A folder that docker has made for the bind mount belongs to root. One that is somebody's stays theirs.
data_folder() {
  owner=$(stat -c %u /data)
  if [ "$owner" = 0 ]; then
    for path in /data/raw /data/rejected /data/collector*; do
      [ ! -e "$path" ] || chown -hR "$collector:$collector" "$path"
    done
    chown "$collector:$collector" /data
  elif [ "$owner" != "$collector" ]; then
    echo "The folder data belongs to user $owner, the collector runs as user $collector: write SLUICE_UID=$owner into .env" >&2
    exit 1
  fi
}

setup() {
  chmod 0755 .
  data_folder

  folder timescaledb $timescaledb
  # Its database's mark (deploy/compose/timescaledb.sh).
  chown $timescaledb /start
  owner=$(password timescaledb/password $timescaledb)
  writer=$(password timescaledb/writer_password $timescaledb)
  reader=$(password timescaledb/reader_password $timescaledb)
  # Hexadecimal digits need no quoting.
  secret timescaledb/roles.sql $timescaledb << SQL
ALTER ROLE sluice_writer LOGIN PASSWORD '$writer';
ALTER ROLE sluice_reader LOGIN PASSWORD '$reader';
SQL

  folder migrate $migrate
  echo "postgresql://sluice:$owner@timescaledb:5432/sluice" | secret migrate/database_url $migrate

  folder collector "$collector"
  broker_user collector "$(password collector/mqtt_password "$collector")"
  echo "postgresql://sluice_writer:$writer@timescaledb:5432/sluice" | secret collector/database_url "$collector"

  reads=$(password collector/http_read_token "$collector")
  ingests=$(password collector/http_ingest_token "$collector")
  folder prometheus $prometheus
  scrapes=$(password prometheus/token $prometheus)
  printf '%s\n' "$reads read" "$ingests ingest" "$scrapes read" | secret collector/http_tokens "$collector"

  folder generator $generator
  broker_user generator "$(password generator/mqtt_password $generator)"

  folder mosquitto $mosquitto
  monitor=$(password mosquitto/monitor_password $mosquitto)
  broker_user monitor "$monitor"
  # mosquitto_sub reads its options from here, so that no process list shows the password.
  printf '%s\n' '-u monitor' "-P $monitor" | secret mosquitto/mosquitto_sub $mosquitto
  access_list > acl
  broker_file acl acl
  folder mosquitto/conf.d $mosquitto
  queue_limits | secret mosquitto/conf.d/queue.conf $mosquitto
  certificate
  broker_file passwd passwd

  folder grafana $grafana
  password grafana/password $grafana > /dev/null
  printf '%s' "$reader" | secret grafana/reader_password $grafana

  folder archive $archive
  # The volume of the object storage.
  chown $archive /archive
  key=$(password archive/secret_access_key $archive)
  printf sluice | secret collector/archive_access_key_id "$collector"
  printf '%s' "$key" | secret collector/archive_secret_access_key "$collector"
  secret archive/s3.json $archive << JSON
{
  "identities": [
    {
      "name": "sluice",
      "credentials": [{ "accessKey": "sluice", "secretKey": "$key" }],
      "actions": ["Admin", "Read", "Write", "List"]
    }
  ]
}
JSON

  folder pgadmin $pgadmin
  password pgadmin/password $pgadmin > /dev/null
  echo "timescaledb:5432:*:sluice_reader:$reader" | secret pgadmin/pgpass $pgadmin
  secret pgadmin/servers.json $pgadmin <<'JSON'
{
  "Servers": {
    "1": {
      "Name": "Sluice",
      "Group": "Servers",
      "Host": "timescaledb",
      "Port": 5432,
      "MaintenanceDB": "sluice",
      "Username": "sluice_reader",
      "ConnectionParameters": { "sslmode": "prefer", "passfile": "/.pgpass" }
    }
  }
}
JSON
  # The database is about to be made with its password: a power cut must not take one without the other.
  sync
}

# device NAME
device() {
  case $1 in
    '' | *[!A-Za-z0-9._-]* | collector | generator | monitor)
      echo 'A device is named by letters, digits, ".", "_" and "-", and not collector, generator or monitor.' >&2
      exit 2
      ;;
  esac
  secret=$(random)
  broker_user "$1" "$secret"
  broker_file passwd passwd
  echo "$secret"
}

case ${1-} in
  '') setup ;;
  device)
    setup
    device "${2-}"
    ;;
  *)
    echo 'usage: setup.sh [device NAME]' >&2
    exit 2
    ;;
esac
