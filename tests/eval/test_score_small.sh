#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# scripts/score-small.sh: a tiny model of random weights on a few phantom items: every row is there, with the numbers of the results.
set -uo pipefail
source=$1 program=$2
export HEALTHGPT=$program
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*"; exit 1; }
"$program" data phantom -o "$work/data" --patients 10 --parts head --size 64 --slices 2 --seed 5 --quiet >/dev/null || fail "phantoms"
# A few items of each kind, from all lists; the same stand for real pictures.
jq -sc 'add | ([.[] | select(.answer_type == "CLOSED" and .question_type == "abnormality" and .conversations[1].value == "No")][:2]
  + [.[] | select(.answer_type == "CHOICE")][:2] + [.[] | select(.answer_type == "OPEN")][:2] + [.[] | select(.task == "reconstruct")][:1]
  + [.[] | select(.task == "ct-to-mri")][:1])' "$work"/data/{train,val,test}.json >"$work/few.json" || fail "items"
mkdir "$work/data/real"
jq '[.[] | select(.question_type == "modality" or .question_type == "part" or .answer_type == "OPEN")]' "$work/few.json" >"$work/data/real/test.json"
ln -s ../images "$work/data/real/images"
cp "$work/few.json" "$work/data/test.json"
cp -rL "$source/tests/data/tiny/m3" "$work/m3"; chmod -R u+w "$work/m3" # can only reconstruct
score() { "$source/scripts/score-small.sh" "$work/m3" "$work/data" -o "$work/out"; }
score >"$work/table" 2>"$work/err" || fail "scoring: $(cat "$work/err")"
n=$(jq .n "$work/out/questions/result.json")
accuracy=$(jq -r '.comprehension.groups[] | select(.name == "CLOSED and CHOICE") | .accuracy * 1000 | round / 10' "$work/out/questions/result.json")
[ "$n" -eq 6 ] && grep -qF "| phantoms, closed and choice questions | 4 | $accuracy % (" "$work/table" || fail "closed and choice: $(cat "$work/table")"
for row in 'phantoms, open questions' 'clean phantoms' 'a black picture' 'a white picture' 'a grey picture' 'a noise picture' 'a gradient picture'; do
  [ "$(grep -cF "| $row" "$work/table")" -eq 1 ] || fail "the row '$row': $(cat "$work/table")"
done
grep -qF '| real pictures' "$work/table" || fail "real pictures"
ssim=$(jq '.drawing.groups[0].drawn.ssim.mean * 1000 | round / 1000' "$work/out/reconstruct/result.json")
grep -qE "^\| reconstruct \| 1 \| $ssim / .*\| ceiling .* the model at [0-9.-]+ % \|$" "$work/table" || fail "reconstruct: $(cat "$work/table")"
grep -q '^| ct-to-mri' "$work/table" && fail "a task that the model cannot do"
awk -F'|' '/^\|/ && NF != 6 {exit 1}' "$work/table" || fail "a row without four columns: $(cat "$work/table")"

# Again: nothing is evaluated anew, the same table. Wrong usage.
touch "$work/mark"; score >"$work/again" 2>/dev/null || fail "again"
cmp "$work/table" "$work/again" || fail "another table"
[ -z "$(find "$work/out" -name '*.png' -newer "$work/mark")" ] || fail "done again"
"$source/scripts/score-small.sh" >/dev/null 2>&1; [ $? -eq 2 ] || fail "usage"
"$source/scripts/score-small.sh" "$work/none" "$work/data" -o "$work/out2" >/dev/null 2>&1 && fail "no model"
echo passed
