#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# score-small.sh MODEL DATA -o FOLDER: the scores of a small model's card (models/README.md) on data that it was never trained on: DATA/test.json
# and DATA/real/test.json, as scripts/train-small.sh leaves them in its folder data/. Runs `healthgpt eval set` on a part of each kind of
# item, leaves every result in FOLDER, and prints one table in Markdown. What is done is not done again.
set -euo pipefail
export LC_ALL=C
usage() { echo "usage: scripts/score-small.sh MODEL DATA -o FOLDER" >&2; exit 2; }
[ $# -eq 4 ] && [ "$3" = -o ] || usage
model=$1 data=$2 out=$4
program=${HEALTHGPT:-$(dirname "$0")/../build/healthgpt}
# Items of each kind: enough for intervals of a few percent, few enough for minutes. SCORE_ITEMS scales them (1 by default).
scale=${SCORE_ITEMS:-1}
n_questions=6000 n_clean=3000 n_wrong=100 n_drawings=48
"$program" inspect "$model" >/dev/null # says what is wrong when there is no such model
mkdir -p "$out/lists"

# list NAME LIST FILTER: the items of a list that the jq condition wants, one a line; false when there are none.
list() {
  [ -f "$2" ] && jq -c ".[] | select($3)" "$2" >"$out/lists/$1.json" && [ -s "$out/lists/$1.json" ]
}
# evaluate NAME LIST N [OPTION...]: `eval set` of N items of list LIST into FOLDER/NAME; what a picture's path is relative to: $images.
evaluate() {
  local name=$1 list=$2 limit=$(($3 * scale)) status=0
  shift 3
  "$program" eval set "$out/lists/$list.json" --model "$model" --images "$images" --limit "$limit" -o "$out/$name" --resume --max-tokens 48 "$@" >/dev/null || status=$?
  # Items that cannot be scored, or a task that the model was not trained for: the table does without.
  [ $status -eq 0 ] || [ $status -eq 3 ] || [ $status -eq 4 ] || exit $status
}

# result NAME TITLE FILTER: rows of a table; none when there is no such result.
result() {
  [ ! -f "$out/$1/result.json" ] || jq -r --arg title "$2" 'def percent: . * 1000 | round / 10;
    def interval: "(\(.low | percent) to \(.high | percent))";
    def places($n): . * pow(10; $n) | round / pow(10; $n);'" $3" "$out/$1/result.json"
}
# questions NAME TITLE CONDITION: accuracy of a group beside the most common answers.
questions() {
  result "$1" "$2" ".comprehension.groups[] | select($3) |"' "| \($title) | \(.n) | \(.accuracy | percent) % \(interval) | \(.majority | percent) %; by type \(.majority_by_type | percent) % |"'
}
# invented NAME TITLE KEY: how many of the questions whose true answer is No were answered Yes.
invented() {
  result "$1" "$2" ".comprehension.invented_lesions.$3"' | select(. != null) | "| \($title) | \(.n) | \(.rate | percent) % \(interval) | |"'
}
# drawing TASK TITLE INPUT: SSIM and PSNR of a task beside those of its input and of the ceiling.
drawing() {
  result "$1" "$2" 'def pair: "\(.ssim.mean | places(3)) / \(if .psnr.mean == null then "-" else .psnr.mean | places(1) end)";
    .drawing.groups[] | select(.part == "") |
    "| \($title) | \(.n) | \(.drawn | pair)" + (.drawn.ssim | if .low == null then "" else " (SSIM \(.low | places(3)) to \(.high | places(3)))" end) + " | " +
    ([if .input == null then empty else "'"$3"' \(.input | pair), the model \(.ssim_above_input.mean | places(3)) above" end,
      if .ceiling == null then empty else "ceiling \(.ceiling | pair), the model at \(.drawn.ssim.mean / .ceiling.ssim.mean | percent) %" end] | join("; ")) + " |"'
}

images=$data
asks='.task == "comprehension" and .answer_type != "CAPTION"'
list questions "$data/test.json" "$asks" && evaluate questions questions $n_questions
list clean "$data/test.json" "$asks and .answer_type == \"CLOSED\" and .question_type == \"abnormality\" and .conversations[1].value == \"No\"" &&
  evaluate clean clean $n_clean
list absent "$data/test.json" "$asks and .answer_type == \"CLOSED\" and .question_type == \"presence\" and .conversations[1].value == \"No\"" &&
  evaluate absent absent $n_clean
list findings "$data/test.json" "$asks and .answer_type == \"CLOSED\" and (.question_type == \"abnormality\" or .question_type == \"presence\")" &&
  for kind in black white grey noise gradient; do evaluate wrong-$kind findings $n_wrong --instead $kind; done
tasks=(reconstruct ct-to-mri mri-to-ct t1-to-t2 t2-to-t1 super-resolution report-to-cxr)
for task in "${tasks[@]}"; do
  list "$task" "$data/test.json" ".task == \"$task\"" && evaluate "$task" "$task" $n_drawings
done
images=$data/real
list real "$data/real/test.json" "$asks" && evaluate real real $n_questions

echo "| what | n | the model | beside it: always the most common answer |"
echo "|---|---|---|---|"
questions questions "phantoms, closed and choice questions" '.name == "CLOSED and CHOICE"'
questions questions "... in words of the training lists" '.name == "CLOSED and CHOICE, usual"'
questions questions "... in words that no training list has" '.name == "CLOSED and CHOICE, held-out"'
questions questions "phantoms, open questions (the same words)" '.by == "answer_type" and .name == "OPEN"'
questions real "real pictures, closed and choice questions" '.name == "CLOSED and CHOICE"'
for topic in modality part plane sequence diagnosis; do
  questions real "real pictures, $topic" ".by == \"question_type\" and .name == \"$topic\""
done
invented clean "clean phantoms, \"Is there an abnormality?\": answered Yes" abnormality
invented absent "phantoms, \"Is there <a finding that is not there>?\": answered Yes" presence
for kind in black white grey noise gradient; do
  invented wrong-$kind "a $kind picture, \"Is there ...?\": answered Yes" all
done
echo
echo "| drawing | n | the model: SSIM / PSNR in dB | beside it: SSIM / PSNR in dB |"
echo "|---|---|---|---|"
for task in "${tasks[@]}"; do
  case $task in
    super-resolution) drawing "$task" "$task" bicubic ;;
    *) drawing "$task" "$task" "the input as it is" ;;
  esac
done
