#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Time and peak memory of looking at a large volume, as NIfTI, packed NIfTI and a folder of DICOM files.
# usage: volumes.sh PROGRAM FOLDER, which reference/make_big_ct.py filled. Needs GNU time.
set -euo pipefail
hg=$1
folder=$2
volume=$(($(stat -c %s "$folder/ct.nii") / 1024))
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
echo "volume: $volume KiB"

# measure FILE WORDS...: the better of three runs
measure() {
  for _ in 1 2 3; do
    /usr/bin/time -f '%e %M' -o "$out/time" "$hg" image "${@:2}" --quiet "$folder/$1" >"$out/text" 2>&1
    cat "$out/time"
  done | sort -n | head -n 1 | awk -v v="$volume" -v what="$1: ${*:2}" '{printf "%5.2f s %7d KiB (%.2f of the volume)  %s\n", $1, $2, $2 / v, what}'
}

for file in ct.nii ct.nii.gz series; do
  measure $file info
  measure $file convert --montage 10 -o "$out/m.png"
  measure $file convert --montage 10 --axis sagittal -o "$out/m.png"
done
