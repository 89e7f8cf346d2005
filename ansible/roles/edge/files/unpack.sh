#!/bin/sh
# unpack.sh FOLDER RELEASE SHA256: of FOLDER/RELEASE.tar.gz, which is removed. All of RELEASE is on the disk, or none.
set -eu
cd "$1"
if ! echo "$3  $2.tar.gz" | sha256sum --check --strict --status; then
  echo "expected $2.tar.gz with SHA-256 $3, got $(sha256sum "$2.tar.gz"): it was damaged on its way, run the role again" >&2
  exit 1
fi
rm -rf "$2" ./*.new # also what a run that was cut left of another release
for each in ./*.tar.gz; do
  [ "$each" = "./$2.tar.gz" ] || rm -f "$each"
done
mkdir -m 755 "$2.new"
tar --extract --gzip --no-same-owner --file "$2.tar.gz" --directory "$2.new"
sync --file-system .
mv "$2.new" "$2"
rm "$2.tar.gz"
sync --file-system .
