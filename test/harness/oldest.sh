#!/usr/bin/env bash
# Runs what meets the database on the server that pg_virtualenv has made, the oldest PostgreSQL that will do. Left out is how a
# dump is written: each version of PostgreSQL spells views its own way.
set -euo pipefail
export TEST_DATABASE_URL="postgresql://$PGUSER:$PGPASSWORD@$PGHOST:$PGPORT/postgres"
exec vitest run test/db test/collector/silver test/collector/gold test/collector/retention test/commands \
  --exclude test/db/schema.test.ts
