#!/bin/sh
# PostgreSQL's archive_command: archive.sh %p %f /path/of/archive
# Whole and on disk, or not there; a segment that is there already is never replaced by another one.
set -eu
segment=$1 name=$2 archive=$3
if [ -f "$archive/$name" ]; then
    cmp -s "$segment" "$archive/$name"
    exit
fi
umask 077
cp "$segment" "$archive/.$name.$$"
sync "$archive/.$name.$$"
mv "$archive/.$name.$$" "$archive/$name"
sync "$archive"
