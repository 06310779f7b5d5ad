#!/bin/sh
# Prepare a data directory that PostgreSQL brings to a moment when it starts:
# restore.sh /path/of/base /path/of/archive /new/data '2026-11-26 10:00:00+00'
# It takes no connections before it is there, and does not start where the archive does not reach so far.
set -eu
base=$1 archive=$2 data=$3 moment=$4
if [ -e "$data" ]; then
    echo "$data is there already; nothing was touched" >&2
    exit 1
fi
cp -R "$base" "$data"
chmod 700 "$data"
cat >> "$data/postgresql.auto.conf" <<END
restore_command = 'cp "$archive/%f" "%p"'
recovery_target_time = '$moment'
recovery_target_action = 'promote'
hot_standby = off
archive_mode = off
END
touch "$data/recovery.signal"
