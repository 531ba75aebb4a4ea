#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# healthgpt eval set: the tiny model (its answers are random) on a few phantom items: what is counted, written, skipped, gone on with.
set -uo pipefail
program=$1 model=$2/m3
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*"; exit 1; }
"$program" data phantom -o "$work/p" --patients 10 --size 64 --slices 1 --seed 3 --quiet >/dev/null || fail "phantoms"
list=$work/p/few.json
grep -E '"task":"(comprehension|reconstruct|ct-to-mri)"' "$work/p/test.json" | grep '^{' | sed 's/,$//' | head -9 >"$list"
n=$(wc -l <"$list") drawn=$(grep -c reconstruct "$list")
[ "$n" -eq 9 ] && [ "$drawn" -ge 1 ] || fail "the list has $n items, $drawn to draw"
grep '"ct-to-mri"' "$work/p/test.json" | sed 's/,$//' | head -1 >>"$list"
set_() { "$program" eval set "$list" --model "$model" --max-tokens 4 --threads 2 --quiet "$@"; }

# All of it. The tiny model was trained for reconstruct only.
set_ -o "$work/a" --json >"$work/a.json" || fail "a run"
[ "$(wc -l <"$work/a/items.jsonl")" -eq 9 ] || fail "a line an item that was done"
grep -q '"ct-to-mri": *{' "$work/a.json" && grep -q 'trained for reconstruct' "$work/a.json" || fail "what is skipped and why"
[ "$(ls "$work/a/drawn" | wc -l)" -eq "$drawn" ] || fail "drawn pictures"
"$program" image info "$work/a/drawn/"*.png --json 2>/dev/null | grep -q '"synthetic": true' || fail "drawn pictures are marked"
grep -q '"n": 9' "$work/a/result.json" || fail "the number of items"
grep -q '"ceiling": {' "$work/a/result.json" || fail "the ceiling of reconstruct"
grep -q '"input": null' "$work/a/result.json" || fail "reconstruct has no input to beat"
grep -q '"patient"' "$work/a/items.jsonl" && fail "patients are named"
grep -q 'data:image/png;base64,' "$work/a/index.html" || fail "pictures lie in the page"
grep -qE 'src="[^d]|href=|<script' "$work/a/index.html" && fail "the page needs nothing else"
set_ >"$work/text" || fail "without a folder"
grep -q '^all  *all but captions' "$work/text" && grep -q '^reconstruct  *all ' "$work/text" || fail "tables: $(cat "$work/text")"

# As many items at once as there can be, or fewer: the same files.
for together in 1 3; do
  set_ -o "$work/t$together" --together $together >/dev/null || fail "$together at once"
  for file in items.jsonl result.json; do cmp "$work/a/$file" "$work/t$together/$file" || fail "$file differs with $together at once"; done
done
set_ --together 5 >/dev/null 2>&1; [ $? -eq 2 ] || fail "more at once than there can be"

# Cut short in the middle of a line, then gone on with: the same files.
mkdir "$work/b"; cp "$work/a/run.json" "$work/b"
{ head -4 "$work/a/items.jsonl"; sed -n 5p "$work/a/items.jsonl" | head -c 40; } >"$work/b/items.jsonl"
set_ -o "$work/b" >/dev/null 2>&1; [ $? -eq 2 ] || fail "an earlier run is not written over"
set_ -o "$work/b" --resume --limit 3 >/dev/null 2>&1; [ $? -eq 2 ] || fail "another run is not gone on with"
set_ -o "$work/b" --resume >/dev/null || fail "going on"
for file in items.jsonl result.json; do cmp "$work/a/$file" "$work/b/$file" || fail "$file differs after going on"; done

mkdir "$work/e"; cp "$work/a/run.json" "$work/e" # lines that are no records of this list, in order
{ head -7 "$work/a/items.jsonl"; head -1 "$work/a/items.jsonl"; echo '{"index": 9999999}'; echo '[1]'; } >"$work/e/items.jsonl"
set_ -o "$work/e" --resume >/dev/null || fail "going on after lines that do not belong"
cmp "$work/a/items.jsonl" "$work/e/items.jsonl" || fail "lines that do not belong stay"

# A sample; a missing image is counted, and the rest done.
set_ --limit 4 -o "$work/c" >/dev/null || fail "a sample"
[ "$(wc -l <"$work/c/items.jsonl")" -le 4 ] || fail "the sample's size"
sed '2s/"image":"[^"]*"/"image":"images\/gone.png"/' "$list" >"$work/p/gone.json"; list=$work/p/gone.json
set_ -o "$work/d" >/dev/null 2>"$work/err"; [ $? -eq 3 ] || fail "a missing image is told"
grep -q '1 of 9 items could not be scored' "$work/err" || fail "what is told: $(cat "$work/err")"
grep -q '"error":".*gone.png' "$work/d/items.jsonl" && grep -q '"failed": 1' "$work/d/result.json" || fail "why it failed"

# Pictures that show nothing: whatever is asked for is not there; nothing is drawn.
list=$work/p/wrong.json
grep -E '"answer_type":"CLOSED","question_type":"(presence|abnormality)"' "$work/p/"{train,val,test}.json -h | sed 's/,$//' >"$work/p/all"
{ grep '"value":"Yes"' "$work/p/all" | head -2; grep '"value":"No"' "$work/p/all" | head -1; } >"$list"
grep '"reconstruct"' "$work/p/test.json" | sed 's/,$//' | head -1 >>"$list"
set_ --instead noise -o "$work/w" --json >"$work/w.json" 2>/dev/null || fail "pictures that show nothing"
[ "$(grep -c '"truth":"No"' "$work/w/items.jsonl")" -eq 3 ] || fail "what is true of nothing: $(cat "$work/w/items.jsonl")"
grep -q '"instead": *"noise"' "$work/w.json" && grep -q 'only questions are asked' "$work/w.json" || fail "what was asked about"
[ "$(jq .comprehension.invented_lesions.all.n "$work/w.json")" -eq 3 ] || fail "all count as invented when answered Yes"
grep -q 'src="data' "$work/w/index.html" && fail "the page shows pictures that were not asked about"
set_ -o "$work/w" --resume >/dev/null 2>&1; [ $? -eq 2 ] || fail "a run about other pictures is not gone on with"
set_ --instead fog >/dev/null 2>&1; [ $? -eq 2 ] || fail "no such pictures"
list=$work/p/gone.json

tail -1 "$list" >"$work/p/only.json"; list=$work/p/only.json
set_ >/dev/null 2>&1; [ $? -eq 4 ] || fail "a list of what the model cannot do"
list=$work/none.json; set_ >/dev/null 2>&1; [ $? -eq 3 ] || fail "no list"
"$program" eval set >/dev/null 2>&1; [ $? -eq 2 ] || fail "usage"
"$program" eval set --help | grep -q 'resume' || fail "help"
echo passed
