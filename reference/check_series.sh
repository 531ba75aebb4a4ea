#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Slices of a DICOM series along the three axes against those of the NIfTI file that dcm2niix makes of it: equal pictures, for
# series whose slices are not sheared. usage: check_series.sh PROGRAM FOLDER WINDOW. Needs dcm2niix (Debian: dcm2niix).
set -euo pipefail
hg=$1
folder=$2
window=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dcm2niix -z n -f volume -o "$work" "$folder" >/dev/null
for axis in axial coronal sagittal; do
  n=$("$hg" image info --json --axis $axis "$work/volume.nii" | sed -n 's/.*"slices": \([0-9]*\).*/\1/p')
  for slice in $(seq 0 $((n / 7 + 1)) $((n - 1))); do
    "$hg" image convert --quiet --window "$window" --axis $axis --slice "$slice" "$folder" -o "$work/a.png"
    "$hg" image convert --quiet --window "$window" --axis $axis --slice "$slice" "$work/volume.nii" -o "$work/b.png"
    cmp "$work/a.png" "$work/b.png" || { echo "$axis slice $slice differs"; exit 1; }
  done
  echo "$axis: slices of $n equal"
done
