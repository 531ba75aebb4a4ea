#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# test_cmd_data.sh PROGRAM DATA: healthgpt data phantom, check and tokens: exit codes, files, what they say.
set -uo pipefail
program=$1 data=$2
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
bad=0
fail() { echo "FAILED: $*"; bad=1; }
expect() {
  local code=$1
  shift
  "$program" data "$@" >"$work/out" 2>"$work/err"
  local got=$?
  [ $got -eq "$code" ] || fail "data $*: exit code $got, expected $code: $(cat "$work/err")"
}
says() { grep -qF -- "$1" "$work/$2" || fail "'$1' is not in $2: $(cat "$work/$2")"; }

expect 0 --help
says "phantom" out
expect 2
expect 2 phantom
expect 2 phantom -o "$work/p" --size 60
expect 0 phantom -o "$work/p" --patients 20 --slices 1 --size 64 --seed 4 --json
says '"patients": 20' out
[ -s "$work/p/index.html" ] || fail "no overview"

# What the phantoms write passes the check; what is broken afterwards is told, with file and line.
expect 0 check "$work/p/train.json" "$work/p/val.json" "$work/p/test.json" --decode
says "problems: 0" out
image=$(ls "$work/p/images" | grep -m1 _ct.png)
rm "$work/p/images/$image"
expect 3 check "$work/p/train.json" "$work/p/val.json" "$work/p/test.json"
says "$image: no such file" err
says "json:" err
expect 3 check "$work/p/train.json" "$work/p/train.json" --all
says "is in more than one list" err
cat >"$work/bad.json" <<'JSON'
[{"image": "a.png", "conversations": [{"from": "human", "value": "<image>\nQ?"}, {"from": "gpt", "value": ""}]},

 {"conversations": [{"from": "human", "value": "Draw"}, {"from": "gpt", "value": "<start_index><idx_1><idx_2><end_index>"}]},
 {"conversations": [{"from": "human", "value": "Draw 2"}, {"from": "gpt", "value": "<start_index><idx_1><end_index>"}]},
 {"conversations": [{"from": "human", "value": "Same?"}, {"from": "gpt", "value": "Yes"}]},
 {"conversations": [{"from": "human", "value": "Same?"}, {"from": "gpt", "value": "Yes"}]},
 {"conversations": [{"from": "human", "value": "Same?"}, {"from": "gpt", "value": "No"}]}]
JSON
expect 3 check "$work/bad.json" --json
says '"bad_items": 1' out
says '"bad_codes": 1' out
says '"repeated": 1' out
says '"contradicting": 1' out
says "bad.json:1: item 1: an empty answer" err
says "bad.json:4: item 3: 1 picture codes, 2 are wanted" err
expect 3 check "$work/none.json"

# Codes are made once; the list that comes out has them in the place of the target.
cp "$data/tiny/image.png" "$work/t.png"
cat >"$work/draw.json" <<'JSON'
[{"image": "t.png", "target_image": "t.png", "conversations": [{"from": "human", "value": "<image>\nReconstruct the image."}, {"from": "gpt", "value": ""}]},
 {"conversations": [{"from": "human", "value": "Q?"}, {"from": "gpt", "value": "A"}]}]
JSON
expect 0 tokens --model "$data/tiny/m3" "$work/draw.json" --cache "$work/codes" -o "$work/coded.json" --json
says '"targets": 1, "made": 1, "found": 0' out
expect 0 tokens --model "$data/tiny/m3" "$work/draw.json" --cache "$work/codes" --json
says '"made": 0, "found": 1' out
grep -q '<start_index><idx_' "$work/coded.json" || fail "no codes in the list"
grep -q target_image "$work/coded.json" && fail "the target is still there"
"$program" vq encode --model "$data/tiny/m3" "$work/t.png" | tr ' ' '\n' | head -3 | while read -r code; do
  grep -q "<idx_$code>" "$work/coded.json" || echo "code $code"; done | grep -q code && fail "other codes than vq encode's"
expect 0 check "$work/coded.json"

# A small source.
mkdir "$work/rad" "$work/rad/images"
cp "$data/tiny/image.png" "$work/rad/images/1.png"
echo '[{"qid": 1, "phrase_type": "freeform", "image_name": "1.png", "image_case_url": "u", "question": "Q?", "answer": "A"}]' \
  >"$work/rad/VQA_RAD Dataset Public.json"
expect 0 build --from vqa-rad "$work/rad" -o "$work/set" --json
says '"images": 1' out
grep -q 'CC0-1.0' "$work/set"/t*.json "$work/set/val.json" || fail "no licence"
expect 2 build --from nothing "$work/rad" -o "$work/set"
expect 2 build "$work/rad" -o "$work/set"
expect 2 build --from vqa-rad "$work/rad" -o "$work/set" --multi-image maybe
[ $bad -eq 0 ] && echo passed
exit $bad
