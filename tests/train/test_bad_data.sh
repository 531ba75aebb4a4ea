#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# test_bad_data.sh PROGRAM DATA: each kind of bad item beside a good one: it is told with file and line, counted in result and log, and
# the run goes on without it; with --strict it ends the run. Nothing is dropped in silence.
set -uo pipefail
program=$1 data=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
fail() { echo "FAILED: $*"; failed=1; }

m3="$data/tiny/m3" image="$data/tiny/image.png"
good_com='{"image": "'$image'", "conversations": [{"from": "human", "value": "<image>\nWhat is it?"}, {"from": "gpt", "value": "a scan"}]}'
good_gen='{"image": "'$image'", "target_image": "'$m3/picture.png'", "conversations": [{"from": "human", "value": "<image>\nReconstruct."}, {"from": "gpt", "value": ""}]}'

# item IMAGE QUESTION ANSWER: a line of data.
item() { printf '{"image": "%s", "conversations": [{"from": "human", "value": "%s"}, {"from": "gpt", "value": "%s"}]}' "$1" "$2" "$3"; }

# check NAME STAGE REASON ITEM [OPTIONS...]: the bad item stands in line 2, between two good ones.
check() {
  local name=$1 stage=$2 reason=$3 bad=$4
  shift 4
  local good=$good_com list="$work/$name.json" run=("$program" train --stage "$stage" --model "$m3" --threads 1 --steps 2 --batch 1 --json)
  [ "$stage" = 3-gen ] && good=$good_gen
  printf '%s\n%s\n%s\n' "$good" "$bad" "$good" >"$list"
  "${run[@]}" --shuffle no --data "$list" -o "$work/$name" "$@" >"$work/out" 2>"$work/err" || fail "$name: exit code $?: $(cat "$work/err")"
  grep -F "$name.json:2:" "$work/err" | grep -qF -- "$reason" || fail "$name: no line with 'FILE:2: ... $reason': $(cat "$work/err")"
  grep -q '"bad_samples": *1\b' "$work/out" || fail "$name: not counted in the result: $(cat "$work/out")"
  grep -F "$name.json:2:" "$work/$name/log.jsonl" | grep -qF -- "$reason" || fail "$name: not in the log: $(cat "$work/$name/log.jsonl")"
  "${run[@]}" --shuffle no --data "$list" -o "$work/$name-strict" --strict "$@" >"$work/out" 2>"$work/err"
  local code=$?
  [ $code -eq 3 ] || fail "$name: exit code $code with --strict, expected 3"
  grep -qF "$name.json:2:" "$work/err" || fail "$name: --strict does not name the line: $(cat "$work/err")"
}

long=$(printf 'word %.0s' $(seq 400))
few=$(printf '<idx_%d>' $(seq 0 9))
full=$(printf '<idx_%d>' $(seq 0 254); printf '<idx_999999>%.0s' $(seq 769))
head -c 300 "$image" >"$work/cut.png"
check missing-image 3-com "No such file" "$(item "$work/nowhere.png" '<image>\nWhat is it?' 'a scan')"
check damaged-image 3-com "cut.png" "$(item "$work/cut.png" '<image>\nWhat is it?' 'a scan')"
check empty-answer 3-com "answer" "$(item "$image" '<image>\nWhat is it?' '')"
check unknown-tag 3-com "tag" "$(item "$image" '<image>\nWhat is <video>?' 'a scan')"
check tags-and-images 3-com "image" "$(item "$image" '<image>\n<image>\nWhat is it?' 'a scan')"
check over-long 3-com "too long" "$(item "$image" "<image>\\n$long" 'a scan')" --max-length 700
check wrong-code-count 3-gen "10 picture codes, a picture has 1024" "$(item "$image" '<image>\nReconstruct.' "<start_index>$few<end_index>")"
check unknown-code 3-gen "code" "$(item "$image" '<image>\nReconstruct.' "<start_index>$full<end_index>")"
check other-task 3-gen "no picture to draw" "$good_com"
exit $failed
