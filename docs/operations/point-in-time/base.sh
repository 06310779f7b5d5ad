#!/bin/sh
# A base backup, once a day: base.sh postgresql://... /path/of/base
# What lies before it in the archive is no longer needed for it; keep bases and archive for 35 days and no longer.
set -eu
pg_basebackup --dbname="$1" --pgdata="$2" --format=plain --wal-method=none --checkpoint=fast --no-password
pg_verifybackup --no-parse-wal "$2"
