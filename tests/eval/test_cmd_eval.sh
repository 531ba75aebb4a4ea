#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# healthgpt eval images: one pair, folders, a mask, and refusals.
set -uo pipefail
program=$1 data=$2
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*"; exit 1; }
# What the reference says of the first case, which is `grey`.
want() { grep -o "\"$1\": [0-9.]*" "$data/expected.json" | head -1 | grep -o '[0-9.]*$'; }
number() { grep -o "\"$1\": [0-9.e+-]*" | head -1 | grep -o '[0-9.e+-]*$'; }
near() { awk -v a="$1" -v b="$2" 'BEGIN { d = a - b; if (d < 0) d = -d; exit !(a != "" && d < 1e-6) }'; }

out=$("$program" eval images "$data/grey_a.png" "$data/grey_b.png" --json) || fail "one pair"
near "$(echo "$out" | number ssim)" "$(want ssim_gaussian)" || fail "ssim: $out"
near "$(echo "$out" | number mse)" "$(want mse)" || fail "mse: $out"
"$program" eval images "$data/grey_a.png" "$data/grey_b.png" | grep -q 'SSIM 0\.' || fail "text"
masked=$("$program" eval images "$data/grey_a.png" "$data/grey_b.png" --mask "$data/mask.png" --json) || fail "mask"
[ "$(echo "$masked" | number pixels)" -lt "$(echo "$out" | number pixels)" ] || fail "the mask leaves fewer pixels"
"$program" eval images "$data/grey_a.png" "$data/grey_a.png" --json | grep -q '"psnr": null' || fail "equal pictures"

mkdir "$work/a" "$work/b"
cp "$data/grey_a.png" "$work/a/1.png"; cp "$data/grey_b.png" "$work/b/1.png"
cp "$data/colour_a.png" "$work/a/2.png"; cp "$data/colour_b.png" "$work/b/2.png"
"$program" eval images "$work/a" "$work/b" --json | grep -q '"n": 2, "mean": ' || fail "folders"
"$program" eval images "$work/a" "$work/b" | grep -q '^mean of 2' || fail "mean"
rm "$work/b/2.png"
"$program" eval images "$work/a" "$work/b" >/dev/null 2>&1; [ $? -eq 3 ] || fail "a missing file is bad input"
"$program" eval images "$data/grey_a.png" "$data/colour_a.png" >/dev/null 2>"$work/err"; [ $? -eq 3 ] || fail "sizes"
grep -q 'differ in size' "$work/err" || fail "what differs: $(cat "$work/err")"
"$program" eval images "$data/grey_a.png" >/dev/null 2>&1; [ $? -eq 2 ] || fail "usage"
"$program" eval images "$data/grey_a.png" "$work/a" >/dev/null 2>&1; [ $? -eq 2 ] || fail "file and folder"
"$program" eval --help | grep -q 'SSIM' || fail "help"
echo passed
