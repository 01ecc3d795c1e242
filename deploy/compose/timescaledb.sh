#!/bin/sh
# Starts the database of docker compose. The image makes it at the first start; cut off there, by a power cut or Ctrl-C, it
# leaves a folder that is no database, or one without our tables' database in it, and the image would start that for ever.
# So a mark stands in a volume of its own from before the first start until the database is whole (timescaledb-whole.sh).
set -eu
mark=${DATABASE_MARK:-/start/begun}

if [ -e "$mark" ]; then
  megabytes=$(du -sm "$PGDATA" | cut -f1)
  # A new database has 60 MB.
  if [ "$megabytes" -gt 500 ]; then
    echo "The first start of the database was cut off, says $mark, and yet there are $megabytes MB in $PGDATA." >&2
    echo "If they came from a backup of yours, remove the mark: docker compose run --rm --entrypoint rm timescaledb $mark" >&2
    exit 1
  fi
  echo 'The first start of the database was cut off before it was whole, so nothing is in it yet: making it anew.' >&2
  find "$PGDATA" -mindepth 1 -delete
elif [ -z "$(ls -A "$PGDATA")" ]; then
  touch "$mark"
  sync
fi
exec docker-entrypoint.sh "$@"
